use clara_contract::Empty;
use clara_contract::conflicts::ConflictCard;
use clara_domain::ConflictId;
use clara_domain::mirror::Entity;
use clara_domain::operation::Side;
use serde_json::Value;

use super::words;
use crate::app::Core;
use crate::error::Result;
use crate::field::Record;
use crate::view::View;

impl Core {
    /// Fields on which two people differed; those that wait first, newest first.
    pub(crate) fn list_conflicts(&self, _request: Empty) -> Result<Vec<ConflictCard>> {
        let open = self.open()?;
        let me = open.session.user_id.uuid();
        open.read(|view| {
            let mut rows = view.all(Entity::Conflicts)?;
            rows.sort_by_key(|row| (row.text("resolution").is_some(), std::cmp::Reverse(row.text("created_at"))));
            rows.iter().map(|row| card(view, row, me)).collect()
        })
    }
}

fn card(view: &View<'_>, row: &Record, me: uuid::Uuid) -> Result<ConflictCard> {
    let name = |column: &str| -> Result<String> {
        if row.uuid(column) == Some(me) {
            return Ok("You".into());
        }
        let user = view.follow(row, column, Entity::Users)?;
        Ok(user
            .map(|user| user.word("full_name"))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| "The office".into()))
    };
    let thing = match (row.known::<Entity>("table_name"), row.uuid("row_id")) {
        (Some(entity), Some(id)) => words::thing(view, entity, id)?,
        _ => String::new(),
    };
    let when = row.text("created_at").map(|at| at.chars().take(16).collect::<String>().replace('T', " "));
    let when = when.map(|when| format!(", {when} UTC")).unwrap_or_default();
    Ok(ConflictCard {
        conflict_id: ConflictId(row.id),
        title: format!("{} of {thing}", words::field(&row.word("field"))),
        before: words::value(view, row.json("base"))?,
        client: words::value(view, row.json("client"))?,
        client_by: format!("{}{when}", name("author_id")?),
        server: words::value(view, row.json("server"))?,
        server_by: name("server_author_id")?,
        chosen: chosen(row),
        mine: row.uuid("author_id") == Some(me),
        both: both(row),
        why: why(&row.word("policy"), chosen(row)),
        created_at: row.word("created_at"),
        resolution: row.text("resolution"),
    })
}

pub(super) fn chosen(row: &Record) -> Side {
    if row.text("chosen").as_deref() == Some("client") { Side::Client } else { Side::Server }
}

/// Both joined, where they are text.
pub(super) fn both(row: &Record) -> Option<String> {
    let text = |column: &str| match row.json(column) {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        _ => None,
    };
    let (server, client) = (text("server")?, text("client")?);
    // A day or an id of both sides is neither.
    let joinable = |text: &str| text.parse::<chrono::NaiveDate>().is_err() && uuid::Uuid::parse_str(text).is_err();
    (joinable(&server) && joinable(&client) && server != client).then(|| format!("{server} / {client}"))
}

fn why(policy: &str, chosen: Side) -> String {
    let stands = match chosen {
        Side::Server => "The server's value stands",
        Side::Client => "The laptop's value stands",
    };
    let because = match policy {
        "technician" => "what is seen on site goes before the office",
        "office" => "the office decides about scheduling and assignment",
        "union" => "both were joined",
        "max" => "the larger one counts",
        _ => "somebody has to decide; until then nothing is changed back",
    };
    format!("{stands}: {because}. The other can be put back.")
}
