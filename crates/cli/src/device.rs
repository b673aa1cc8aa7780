//! `clara device …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clara_app::App;
use clara_contract::Empty;
use clara_contract::backups::{Backup, RestoreBackup, RestoredBackup};
use clara_contract::session::{Enroll, StartState, Unlock};
use clara_contract::sync::{ActOnWork, ActedOnWork, Checked, ListWork, SyncStatus, WorkAction, WorkItem, WorkOffline};
use uuid::Uuid;

use crate::arguments::{Arguments, Device};
use crate::error::Error;
use crate::output::{Output, table};
use crate::{profile, secret};

pub(crate) fn run(verb: &Device, arguments: &Arguments, output: &Output) -> Result<ExitCode, Error> {
    match verb {
        Device::Enroll { file, name } => {
            let app = profile::app(profile::folder(arguments)?);
            let enrolment = profile::read(file)?;
            // An enrolment after the first needs the work that is here opened first.
            if matches!(app.start(Empty {})?.state, StartState::Locked) {
                let passphrase = secret::ask("CLARA_PASSPHRASE", "Passphrase").unwrap_or_default();
                app.unlock(Unlock { passphrase })?;
            }
            let passphrase = std::env::var("CLARA_PASSPHRASE").ok();
            let request = Enroll { enrolment, device_name: name.clone(), passphrase };
            let session = app.enroll(request)?;
            let done = output.answer(&session, |session| {
                format!("Enrolled: {} on {}, {}.", session.full_name, session.device_name, session.company)
            });
            app.close();
            done
        }
        Device::SignOut => with(arguments, |app| {
            let pack = app.sign_out_for_good()?;
            output.answer(&pack, |pack| match pack {
                Some(pack) => format!(
                    "Signed out. What was not sent is sealed for the office; give them this file:\n{}",
                    pack.file.path
                ),
                None => "Signed out. Everything was sent before.".to_owned(),
            })
        }),
        Device::TryDemo => {
            let app = profile::app(profile::folder(arguments)?);
            let session = app.try_demo(Empty {})?;
            output.answer(&session, |session| format!("The demo company is open for {}.", session.full_name))
        }
        Device::Sync => with(arguments, |app| {
            let status = app.sync_now(Empty {})?;
            if let Some(problem) = status.last_problem.clone() {
                return Err(problem.into());
            }
            output.answer(&status, say)
        }),
        Device::Status => with(arguments, |app| output.answer(&app.sync_status(Empty {})?, say)),
        Device::Verify => with(arguments, |app| verify(app, output)),
        Device::Offline { state } => {
            with(arguments, |app| output.answer(&app.work_offline(WorkOffline { offline: state == "on" })?, say))
        }
        Device::Work { id, action } => with(arguments, |app| {
            let done = match (id, action) {
                (Some(id), Some(action)) => act(app, *id, action)?,
                _ => {
                    let all = app.list_work(ListWork { limit: Some(u32::MAX), also: None })?;
                    ActedOnWork { items: all.items, more: all.more, saved: None }
                }
            };
            output.answer(&done, |done| match &done.saved {
                Some(file) => format!("Saved as {}.\n{}", file.path, list(&done.items)),
                None => list(&done.items),
            })
        }),
        Device::Backups => with(arguments, |app| output.answer(&app.list_backups(Empty {})?, |all| copies(all))),
        Device::Restore { backup } => with(arguments, |app| {
            let done = app.restore_backup(RestoreBackup { name: backup.clone() })?;
            output.answer(&done, restored)
        }),
    }
}

/// Opens, does, and closes: what was timed is kept, and the next command finds the profile free.
fn with(arguments: &Arguments, act: impl FnOnce(&App) -> Result<ExitCode, Error>) -> Result<ExitCode, Error> {
    let app = profile::open(arguments)?;
    let done = act(&app);
    app.close();
    done
}

fn verify(app: &App, output: &Output) -> Result<ExitCode, Error> {
    let checked: Checked = app.check_server(Empty {})?;
    output.answer(&checked, |checked| {
        let mut text = format!("{} tables and {} rows compared with the server.", checked.tables, checked.rows);
        match checked.repairs.as_slice() {
            [] => text.push_str(" No difference."),
            repairs => {
                for (table, fetched, purged) in repairs {
                    let _ = write!(text, "\n{table}: {fetched} rows fetched again, {purged} taken away.");
                }
            }
        }
        text
    })
}

fn act(app: &App, id: Uuid, action: &str) -> Result<ActedOnWork, Error> {
    let action = match action {
        "retry" => WorkAction::Retry,
        "hand_to_office" => WorkAction::HandToOffice,
        "export" => WorkAction::Export,
        _ => WorkAction::Withdraw,
    };
    Ok(app.act_on_work(ActOnWork { id, action })?)
}

fn copies(all: &[Backup]) -> String {
    if all.is_empty() {
        return "No copy was made yet. The first one comes with the next sync.".into();
    }
    let row = |copy: &Backup| {
        let rows = match copy.rows {
            Some(rows) => format!("{rows} rows"),
            None if copy.damaged => "cannot be opened".into(),
            None => String::new(),
        };
        vec![
            copy.name.clone(),
            copy.taken_at.clone(),
            word(&copy.reason),
            format!("{} KB", copy.byte_count / 1024),
            rows,
        ]
    };
    table(&all.iter().map(row).collect::<Vec<_>>())
}

fn restored(done: &RestoredBackup) -> String {
    let mut text = format!(
        "The copy of {} is back. Taken over from after it: {} saved changes, {} drafts. The next sync brings the rest.",
        done.taken_at, done.operations, done.drafts
    );
    if let Some(file) = &done.set_aside {
        let _ = write!(
            text,
            "\nWhat was here is kept: {}\nTo undo: clara device restore --backup {}",
            file.path, file.name
        );
    }
    text
}

fn list(items: &[WorkItem]) -> String {
    if items.is_empty() {
        return "All on the server.".into();
    }
    let row = |item: &WorkItem| {
        vec![
            item.id.to_string(),
            word(&item.state),
            item.title.clone(),
            item.detail.clone(),
            item.reason.clone().unwrap_or_default(),
        ]
    };
    table(&items.iter().map(row).collect::<Vec<_>>())
}

/// A wire word as it reads.
pub(crate) fn word<T: serde::Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word.replace('_', " "),
        _ => String::new(),
    }
}

fn say(status: &SyncStatus) -> String {
    let mut text = match status.only_here {
        0 => "All on the server.".to_owned(),
        count => format!("{count} only on this laptop."),
    };
    if status.needs_you > 0 {
        let _ = write!(text, " {} need you.", status.needs_you);
    }
    if status.photos_waiting > 0 {
        let _ = write!(text, " {} photos wait, {} KB.", status.photos_waiting, status.photo_bytes_waiting / 1024);
    }
    if status.work_offline {
        text.push_str(" You work offline.");
    }
    if status.demo {
        text.push_str(" The demo has no server.");
    }
    if let Some(at) = &status.last_success_at {
        let _ = write!(text, "\nLast sync that ended well: {at}.");
    }
    if let Some(problem) = &status.last_problem {
        let _ = write!(text, "\n{problem}");
    }
    text
}
