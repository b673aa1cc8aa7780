//! `clara conflicts …` and `clara parked …`

use std::process::ExitCode;

use clara_app::App;
use clara_contract::Empty;
use clara_contract::conflicts::{ConflictCard, DecideParked, Keep, ParkedCard, ResolveConflict};
use clara_domain::ConflictId;

use crate::arguments::{Conflicts, Parked};
use crate::error::Error;
use crate::output::{Output, table};

pub(crate) fn run(verb: &Conflicts, app: &App, output: &Output) -> Result<ExitCode, Error> {
    let cards = match verb {
        Conflicts::List => app.list_conflicts(Empty {})?,
        Conflicts::Resolve { id, keep, value } => {
            let keep = match keep.as_str() {
                "client" => Keep::Client,
                "server" => Keep::Server,
                _ => Keep::Both,
            };
            app.resolve_conflict(ResolveConflict { conflict_id: ConflictId(*id), keep, value: value.clone() })?
        }
    };
    let done = output.answer(&cards, |cards| list(cards));
    app.close();
    done
}

pub(crate) fn run_parked(verb: &Parked, app: &App, output: &Output) -> Result<ExitCode, Error> {
    let cards = match verb {
        Parked::List => app.list_parked(Empty {})?,
        Parked::Decide { id, decision, note } => {
            app.decide_parked(DecideParked { id: *id, accept: decision == "accept", note: note.clone() })?
        }
    };
    let done = output.answer(&cards, |cards| list_parked(cards));
    app.close();
    done
}

fn list(cards: &[ConflictCard]) -> String {
    if cards.is_empty() {
        return "No conflicts.".into();
    }
    let said = |text: &Option<String>| text.clone().unwrap_or_else(|| "nothing".into());
    let row = |card: &ConflictCard| {
        vec![
            card.conflict_id.to_string(),
            card.title.clone(),
            format!("laptop: {}", said(&card.client)),
            format!("server: {}", said(&card.server)),
            card.resolution.clone().unwrap_or_else(|| card.why.clone()),
        ]
    };
    table(&cards.iter().map(row).collect::<Vec<_>>())
}

fn list_parked(cards: &[ParkedCard]) -> String {
    if cards.is_empty() {
        return "Nothing waits for a decision.".into();
    }
    let row = |card: &ParkedCard| {
        vec![
            card.id.to_string(),
            card.title.clone(),
            card.author.clone(),
            card.decision.clone().unwrap_or_else(|| card.why.clone()),
        ]
    };
    table(&cards.iter().map(row).collect::<Vec<_>>())
}
