//! The company's recovery key, and putting rescue packs in.

use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use clara_app::rescue::{Identity, Imported, Report, import};
use clara_central::Server;
use clara_central::rescue::{recovery_recipient, set_recovery_recipient};
use clara_domain::operation::Outcome;

use super::write_private;
use crate::arguments::CentralRescue;
use crate::device::word;
use crate::error::Error;
use crate::output::Output;
use crate::rescue::{counts_words, failed, identity};

/// Makes the company's recovery key. The secret half is shown or written once and kept nowhere.
pub(super) async fn recovery_key(
    admin: &Server,
    company: &str,
    out: Option<&Path>,
    replace: bool,
    output: &Output,
) -> Result<ExitCode, Error> {
    if recovery_recipient(admin).await?.is_some() && !replace {
        return Err(Error::Given(
            "There is a recovery key already. A new one is made with --replace; keep the old one for the packs that name \
             it."
                .into(),
        ));
    }
    let made = make_key(admin, company, out).await?;
    output.answer(&made, made_words)
}

/// A key that was made.
#[derive(serde::Serialize)]
pub(super) struct MadeKey {
    fingerprint: String,
    public_key: String,
    /// The secret half, where it did not go into a file.
    identity: Option<String>,
    file: Option<String>,
}

/// Makes a key and puts it into use.
pub(super) async fn make_key(admin: &Server, company: &str, out: Option<&Path>) -> Result<MadeKey, Error> {
    let identity = Identity::generate();
    let (file, recipient) = (identity.to_file(company), identity.recipient());
    // First into the safe, then into use: a key that nobody has opens nothing.
    if let Some(path) = out {
        write_private(path, &file).map_err(Error::file(path))?;
    }
    set_recovery_recipient(admin, &recipient.to_string()).await?;
    Ok(MadeKey {
        fingerprint: recipient.fingerprint(),
        public_key: recipient.to_string(),
        identity: out.is_none().then(|| file.to_string()),
        file: out.map(|path| path.display().to_string()),
    })
}

pub(super) fn made_words(made: &MadeKey) -> String {
    match (&made.identity, &made.file) {
        (Some(identity), _) => format!("{identity}The recovery key above is shown this once. Put it in the safe."),
        (None, file) => format!(
            "The recovery key {} is in {}. Put it in the safe and off this machine.",
            made.fingerprint,
            file.as_deref().unwrap_or_default()
        ),
    }
}

pub(super) async fn run(verb: &CentralRescue, office: &Server, output: &Output) -> Result<ExitCode, Error> {
    match verb {
        CentralRescue::Import { file, identity_file } => put_in(office, file, identity_file, output).await,
    }
}

pub(super) async fn put_in(office: &Server, file: &Path, key: &Path, output: &Output) -> Result<ExitCode, Error> {
    let report = import(office, file, &identity(key)?).await.map_err(failed)?;
    imported(&report, output)
}

/// What an import came to.
pub(crate) fn imported(report: &Report, output: &Output) -> Result<ExitCode, Error> {
    output.answer(report, said)?;
    Ok(if report.whole { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn said(report: &Report) -> String {
    let mut text = counts_words(&report.header);
    for one in &report.operations {
        let operation = &one.operation;
        let outcome = match &one.receipt {
            None => "not put in: it waits for a draft".to_owned(),
            Some(receipt) => {
                let known = if receipt.duplicate { ", known before" } else { "" };
                let why = receipt.message.as_deref().unwrap_or_default();
                format!("{}{known} {why}", word(&receipt.outcome))
            }
        };
        let _ = write!(
            text,
            "\n{}  {} {} {}  {outcome}",
            operation.local_at.format("%Y-%m-%d %H:%M"),
            word(&operation.kind),
            operation.entity.name(),
            operation.row_id
        );
    }
    let photos = |outcome: Imported| report.photos.iter().filter(|photo| photo.outcome == outcome).count();
    let _ = write!(
        text,
        "\n{} new, {} known before; {} parked for a decision, {} refused. Photos: {} stored, {} there before, {} wait, {} not whole.",
        report.new_operations(),
        report.operations.iter().filter(|one| one.receipt.as_ref().is_some_and(|r| r.duplicate)).count(),
        report.with_outcome(Outcome::Parked),
        report.with_outcome(Outcome::Rejected),
        photos(Imported::Stored),
        photos(Imported::There),
        photos(Imported::NoRow),
        photos(Imported::Lacking)
    );
    if photos(Imported::NoRow) > 0 {
        text.push_str("\nPhotos wait where what they belong to waits for a decision: import the pack again after it.");
    }
    if report.drafts > 0 {
        let _ = write!(
            text,
            "\n{} drafts were not put in: only their author completes them. `clara rescue show` has them.",
            report.drafts
        );
    }
    if !report.whole {
        text.push_str("\nThe pack is damaged or cut off: what could be read of it was put in.");
    }
    text
}
