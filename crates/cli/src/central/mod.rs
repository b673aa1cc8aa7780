//! `clara central …`: what the office runs on the central database.

mod office;
pub(crate) mod rescue;
mod server;

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use chrono::{Duration, Local, Utc};
use clara_central::doctor::{Check, Health, doctor};
use clara_central::enroll::{Enroll, Enrolment, Person, enroll};
use clara_central::import::{ColumnMap, Report, import};
use clara_central::init::{Initialised, init};
use clara_central::migrate::migrate;
use clara_central::rebase::rebase;
use clara_central::reports::refresh;
use clara_central::rescue::{company_name, recovery_recipient};
use clara_central::revoke::{Revoke, revoke};
use clara_central::seed_demo::seed_demo;
use clara_central::subscribe::{Subscription, subscribe};
use clara_central::{AdminError, Server};
use clara_domain::{DeviceId, UserId};

use crate::arguments::{Central, CentralVerb, ServerAt};
use crate::error::Error;
use crate::output::{Output, table};
use crate::profile;

pub(crate) fn run(asked: &Central, output: &Output) -> Result<ExitCode, Error> {
    let admin = server::of(&asked.server)?;
    runtime()?.block_on(act(&asked.verb, &admin, output))
}

async fn act(verb: &CentralVerb, admin: &Server, output: &Output) -> Result<ExitCode, Error> {
    match verb {
        CentralVerb::Init { company, recovery_key_out } => {
            let done = init(admin, company).await?;
            // A database that was there keeps its key.
            let recovery_key = match recovery_recipient(admin).await? {
                Some(_) => None,
                None => Some(rescue::make_key(admin, company, recovery_key_out.as_deref()).await?),
            };
            output.answer(&Founded { done, recovery_key }, |Founded { done, recovery_key }| {
                let made = if done.created { "The database was made." } else { "The database was there." };
                let key = recovery_key.as_ref().map(rescue::made_words).unwrap_or_default();
                format!("{made} {} migrations applied.\n{key}", done.migrated.applied.len())
            })
        }
        CentralVerb::RecoveryKey { out, replace } => {
            let company = company_name(admin).await?.unwrap_or_else(|| admin.database.clone());
            rescue::recovery_key(admin, &company, out.as_deref(), *replace, output).await
        }
        CentralVerb::Rescue { verb } => rescue::run(verb, admin, output).await,
        CentralVerb::Migrate => {
            let done = migrate(admin).await?;
            output.answer(&done, |done| {
                format!("{} migrations applied, {} partitions made.", done.applied.len(), done.partitions_made)
            })
        }
        CentralVerb::SeedDemo => {
            let done = seed_demo(admin, Local::now().date_naive(), Local::now()).await?;
            output.answer(&done.written, |written| {
                let mut text = "The demo company is loaded.\n".to_owned();
                for (table, rows) in written {
                    let _ = writeln!(text, "{table}: {rows} rows written.");
                }
                for person in &done.people {
                    let _ = writeln!(text, "{} ({}): {}", person.full_name, person.role, person.email);
                }
                text
            })
        }
        CentralVerb::Import { file, map } => {
            let map = ColumnMap::parse(&profile::read(map)?)?;
            let report = import(admin, &map, file, |lines| {
                if !output.is_json() {
                    output.note(&format!("{lines} lines"));
                }
            })
            .await?;
            imported(report, output)
        }
        CentralVerb::Enroll { person, device, hours, address, out, code } => {
            let ask = Enroll {
                person: whom(person),
                device_name: device.clone(),
                valid_for: hours.map(Duration::hours),
                address: address.as_deref().map(host_and_port).transpose()?,
            };
            let enrolment = enroll(admin, &ask, Utc::now()).await?;
            enrolled(&enrolment, out.as_deref(), *code, output)
        }
        CentralVerb::Revoke { person, device } => {
            let whose = match (person, device) {
                (_, Some(device)) => Revoke::Device(DeviceId(*device)),
                (Some(person), None) => Revoke::Person(whom(person)),
                (None, None) => return Err(Error::Given("Whose access? Give a person or --device.".into())),
            };
            let done = revoke(admin, &whose).await?;
            output.answer(&done, |done| {
                format!("{} logins ended, {} live sessions cut.", done.roles.len(), done.sessions)
            })
        }
        CentralVerb::Subscribe { person, regions, window } => {
            let wanted = Subscription { regions: regions.clone(), window_days: *window };
            let done = subscribe(admin, &whom(person), &wanted).await?;
            output.answer(&done, |done| match done.narrowed {
                true => format!("{} holds {} of {} sites from the next sync on.", done.full_name, done.sites, done.of),
                false => format!("{} holds all {} sites.", done.full_name, done.of),
            })
        }
        CentralVerb::Refresh => {
            let moment = refresh(admin).await?;
            output.answer(&moment, |moment| format!("The reports are as of {}.", moment.format("%Y-%m-%d %H:%M UTC")))
        }
        CentralVerb::Report => office::report(admin, output).await,
        CentralVerb::Photos { verb } => office::photos(verb, admin, output).await,
        CentralVerb::Rebase => {
            let epoch = rebase(admin).await?;
            output.answer(&epoch, |epoch| format!("Every row is stamped anew. The epoch is {epoch}."))
        }
        CentralVerb::Doctor => {
            let checks = doctor(admin).await?;
            output.answer(&checks, |checks| said(checks))?;
            let bad = checks.iter().any(|check| check.health == Health::Fail);
            Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
        }
    }
}

/// A company that was founded.
#[derive(serde::Serialize)]
struct Founded {
    #[serde(flatten)]
    done: Initialised,
    recovery_key: Option<rescue::MadeKey>,
}

/// An e-mail address or an id.
fn whom(person: &str) -> Person {
    match person.parse() {
        Ok(id) => Person::Id(UserId(id)),
        Err(_) => Person::Email(person.to_owned()),
    }
}

fn host_and_port(text: &str) -> Result<(String, u16), Error> {
    let parts = text.rsplit_once(':').and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    parts.filter(|(host, _)| !host.is_empty()).ok_or_else(|| Error::Given("--address is host:port.".into()))
}

/// The enrolment is a secret until it is used: to standard output or into a file of its owner's, nowhere else.
fn enrolled(enrolment: &Enrolment, out: Option<&Path>, code: bool, output: &Output) -> Result<ExitCode, Error> {
    let text = if code { enrolment.to_code() } else { enrolment.to_file() };
    match out {
        Some(path) => {
            write_private(path, &text).map_err(Error::file(path))?;
            output.note(&format!(
                "For {} until {}. Whoever has the file can use it once: send it on a safe way.",
                enrolment.full_name,
                enrolment.expires_at.format("%Y-%m-%d %H:%M UTC")
            ));
        }
        None => output.line(&text),
    }
    Ok(ExitCode::SUCCESS)
}

fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(0o600);
    }
    options.open(path)?.write_all(text.as_bytes())
}

fn imported(report: Report, output: &Output) -> Result<ExitCode, Error> {
    let done = output.answer(&report, |report| {
        let mut text = format!("{} lines read.\n", report.lines);
        for (table, counts) in &report.tables {
            let _ = writeln!(
                text,
                "{table}: {} added, {} changed, {} as they were.",
                counts.added, counts.changed, counts.unchanged
            );
        }
        text
    })?;
    // With --json the lines are in the answer already.
    if report.refused.is_empty() || output.is_json() { Ok(done) } else { Err(Error::Refused(report)) }
}

fn said(checks: &[Check]) -> String {
    let word = |health: Health| match health {
        Health::Ok => "ok",
        Health::Warn => "look",
        Health::Fail => "FAIL",
    };
    let mut rows = Vec::new();
    for check in checks {
        rows.push(vec![word(check.health).to_owned(), check.name.to_owned(), check.found.clone()]);
        if let Some(advice) = check.advice {
            rows.push(vec![String::new(), String::new(), advice.to_owned()]);
        }
    }
    table(&rows)
}

/// Runs an admin function on a runtime of its own, for the demo.
pub(crate) fn wait<T>(work: impl Future<Output = Result<T, AdminError>>) -> Result<T, Error> {
    Ok(runtime()?.block_on(work)?)
}

/// One that runs on this thread.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|source| Error::File { path: "runtime".into(), source })
}

/// `clara rescue import` with a server's options.
pub(crate) fn import_pack(
    at: &ServerAt,
    file: &Path,
    identity_file: &Path,
    output: &Output,
) -> Result<ExitCode, Error> {
    let office = server::of(at)?;
    runtime()?.block_on(rescue::put_in(&office, file, identity_file, output))
}

/// A company's first recovery key, into a file.
pub(crate) fn make_key(admin: &Server, company: &str, out: &Path) -> Result<(), Error> {
    runtime()?.block_on(rescue::make_key(admin, company, Some(out))).map(drop)
}
