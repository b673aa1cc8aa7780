//! What a person is told: what happened, what is safe, what to do. The only place where an error becomes words.

use clara_contract::{Code, Failure};
use clara_domain::BadValue;
use clara_local::{MirrorError, OpenError, RestoreError};
use clara_sync::{CentralError, Refusal, ReplicaError, SyncError};

use crate::error::{EnrolmentFault, Error, Fault, Rule};
use crate::rescue::RescueError;
use crate::vault::{MIN_PASSPHRASE, VaultError};

const KEPT: &str = "Everything saved before is safe on this laptop.";
const UNCHANGED: &str = "Nothing was changed.";
const WORK_HERE: &str = "Your work is here and stays here.";

fn failure(code: Code, message: impl Into<String>, safe: impl Into<String>, next: impl Into<String>) -> Failure {
    Failure { code, message: message.into(), safe: safe.into(), next: next.into(), field: None }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        // The log gets the chain of causes; none of them carries customer data.
        tracing::info!(error = %error, source = ?std::error::Error::source(&error).map(ToString::to_string), "refused");
        match error {
            Error::Request(_) | Error::NoCommand(_) => failure(
                Code::BadInput,
                format!("This request is not understood ({error})."),
                KEPT,
                "Correct the request. If the app itself made it, close and open the app, and tell the office.",
            ),
            Error::BadValue { field, reason } => Failure { field: Some(field), ..bad_value(&reason) },
            Error::Given { field, fault } => Failure { field: Some(field), ..given(fault) },
            Error::NotHere(what) => failure(
                Code::NotHere,
                format!("This {what} is not on this laptop."),
                KEPT,
                "Go back and choose again. If the office just moved the job, sync first.",
            ),
            Error::NotAllowed(rule) => rule_words(rule),
            Error::Photo(unfit) => failure(
                Code::NotAPicture,
                unfit.sentence(),
                "Your readings and other photos are safe.",
                "Take it again, or go on without it.",
            ),
            Error::Enrolment(fault) => enrolment(fault),
            Error::NoProfile => failure(
                Code::NotAllowed,
                "No work is open on this laptop.",
                UNCHANGED,
                "Enroll this laptop, or try the demo.",
            ),
            Error::Revoked => revoked(),
            Error::Locked => failure(Code::Locked, "Your work is locked.", WORK_HERE, "Open it first."),
            Error::Restore(error) => restore(&error),
            Error::Vault(error) => vault(&error),
            Error::Open(error) => open(&error),
            Error::Mirror(error) => mirror(error),
            Error::Rescue(error) => rescue(error),
            Error::Central(error) => central(&error),
            Error::Told(failure) => failure,
            Error::Sync(error) => sync(&error),
            Error::File(what, error) => match error.kind() {
                std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => disk_full(),
                _ => failure(
                    Code::Internal,
                    format!("The {what} of this profile cannot be read or written ({}).", error.kind()),
                    "Nothing was deleted.",
                    "Check the folder's permissions and the disk, then open the app again.",
                ),
            },
            Error::Bug(what) => bug(what),
        }
    }
}

fn bug(what: &str) -> Failure {
    failure(
        Code::Internal,
        format!("The program did something it must not ({what})."),
        KEPT,
        "Close and open the app. If it happens again, tell the office.",
    )
}

fn disk_full() -> Failure {
    failure(
        Code::DiskFull,
        "The disk is full, so this was not saved.",
        "Everything saved before it is safe on this laptop.",
        "Free some space and save again.",
    )
}

fn bad_value(reason: &BadValue) -> Failure {
    let (message, next) = match reason {
        BadValue::Nul => ("The text has a character that cannot be kept.", "Type it again instead of pasting it."),
        BadValue::LoneSurrogate => {
            ("The text has half of a character that cannot be kept.", "Type it again instead of pasting it.")
        }
        BadValue::TooLong { .. } => ("The text is longer than can be kept.", "Shorten it and save again."),
        BadValue::TooDeep => ("The value is nested too deep to be kept.", "Make it simpler and save again."),
        BadValue::NumberRange => ("The number is too large to be kept.", "Retype it; it is not stored."),
        BadValue::NotJson => ("The value cannot be understood.", "Type it again."),
    };
    failure(Code::BadInput, message, "What was there before still stands.", next)
}

fn given(fault: Fault) -> Failure {
    let (message, next) = match fault {
        Fault::Empty => ("Nothing was entered.", "Fill it in and try again."),
        Fault::NotADate => ("This is not a date.", "Type it as year, month, day: 2026-11-22."),
        Fault::FromCatalogue => ("This comes from the catalog and is not typed here.", "Choose another model instead."),
        Fault::NoSuchField => ("The nameplate has no such field.", "Choose one of its fields."),
        Fault::NoSuchReason => ("This is not one of the reasons.", "Choose unreadable, inaccessible or not present."),
        Fault::NoSuchSource => ("This is not a way a value is read.", "Use typed, scanned or confirmed."),
        Fault::NotBase64 => ("The photo did not arrive whole.", "Drop it on the window again."),
        Fault::TooLong => ("This is longer than can be kept.", "Shorten it and save again."),
    };
    failure(Code::BadInput, message, "What was there before still stands.", next)
}

fn rule_words(rule: Rule) -> Failure {
    let (message, next): (String, String) = match rule {
        Rule::Completed => (
            "This inspection is complete; it does not change any more.".into(),
            "Amend it instead: the first one stays beside yours.".into(),
        ),
        Rule::NotReady(lines) => {
            (format!("This inspection is not ready. {}", lines.join(" ")), "Then complete it.".into())
        }
        Rule::GapsNeedReason(gaps) => (
            format!("Something is still missing: {}.", gaps.join("; ")),
            "Capture it, or say why it stays missing, then close the job.".into(),
        ),
        Rule::JobClosed => ("This job is closed.".into(), "Ask the office to open it again.".into()),
        Rule::NoTemplate => (
            "There is no inspection for this kind of equipment on this laptop.".into(),
            "Sync, or ask the office for one.".into(),
        ),
        Rule::OtherSite => ("This item is at another site than the job.".into(), "Choose an item of this site.".into()),
        Rule::ManagerOnly => ("Only a manager decides this.".into(), "It waits for your manager.".into()),
        Rule::OfficeOnly => (
            "Only the office puts rescue packs in.".into(),
            "Give the file to the office, or to somebody who works there.".into(),
        ),
        Rule::AlreadyDecided => ("This was decided already.".into(), "Look at the list again.".into()),
        Rule::Demo => ("The demo has no server.".into(), "Enroll this laptop to work with your company's.".into()),
        Rule::Offline => ("You chose to work offline.".into(), "Go back on the network, then sync.".into()),
        Rule::AlreadyEnrolled => {
            ("This laptop is enrolled already.".into(), "Use another profile folder for another person.".into())
        }
        Rule::PhotoOfRecord => (
            "This photo belongs to a completed inspection.".into(),
            "Amend the inspection if the photo is wrong.".into(),
        ),
        Rule::NotNow => ("This cannot be done with it now.".into(), "Look at its state again.".into()),
    };
    failure(Code::NotAllowed, message, UNCHANGED, next)
}

fn enrolment(fault: EnrolmentFault) -> Failure {
    let (message, next) = match fault {
        EnrolmentFault::Broken => {
            ("This is not a whole enrolment file.", "Open it again from where the office put it, or ask for a new one.")
        }
        EnrolmentFault::Refused => (
            "The server does not take this enrolment: it was used, has expired or was withdrawn.",
            "Ask the office for a new one.",
        ),
        EnrolmentFault::Newer => ("This enrolment file needs a newer version of the app.", "Update the app."),
    };
    failure(Code::Enrolment, message, "Nothing on this laptop was changed.", next)
}

fn revoked() -> Failure {
    failure(
        Code::Locked,
        "The office has ended this laptop's access, and the work on it was locked.",
        "Nothing was deleted, and unsent work is sealed for the office.",
        "Ask the office for a new enrolment. It opens your work again.",
    )
}

fn vault(error: &VaultError) -> Failure {
    match error {
        VaultError::Revoked => revoked(),
        VaultError::NoPlaceForKey => failure(
            Code::Locked,
            "This laptop has no keyring, so the work needs a passphrase.",
            UNCHANGED,
            format!("Choose a passphrase of {MIN_PASSPHRASE} characters or more."),
        ),
        VaultError::PassphraseNeeded => {
            failure(Code::Locked, "Your work opens with your passphrase.", WORK_HERE, "Type your passphrase.")
        }
        VaultError::WrongPassphrase => failure(
            Code::Locked,
            "This passphrase does not open your work.",
            WORK_HERE,
            "Type it again. Nothing is deleted, however often you try.",
        ),
        VaultError::PassphraseTooShort => failure(
            Code::BadInput,
            "This passphrase is too short to protect anything.",
            UNCHANGED,
            format!("Choose one of {MIN_PASSPHRASE} characters or more."),
        ),
        VaultError::KeyringLostKey => failure(
            Code::Locked,
            "This laptop's keyring no longer has the key to your work, and no passphrase was set.",
            "Your work is still on this laptop, sealed; nothing was deleted.",
            "Do not reinstall. Bring back the old keyring, or take the laptop to the office: its recovery key opens your work.",
        ),
        VaultError::Unreadable(_) => failure(
            Code::Damaged,
            "The file that holds the key to your work is damaged.",
            "Your work is still on this laptop, sealed; nothing was deleted.",
            "Do not reinstall. Put the keys folder back from a copy, or take the laptop to the office: its recovery key opens your work.",
        ),
        VaultError::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => disk_full(),
        VaultError::File { .. } => failure(
            Code::Internal,
            "The key to your work cannot be read or written.",
            "Nothing was deleted.",
            "Check the folder's permissions and the disk, then open the app again.",
        ),
        VaultError::Random(_) | VaultError::Cipher => bug("vault"),
    }
}

fn open(error: &OpenError) -> Failure {
    match error {
        OpenError::SecondCopy => failure(
            Code::SecondCopy,
            "Clara Field is already open with this work.",
            WORK_HERE,
            "Go to its window, or close it first.",
        ),
        OpenError::WrongKey => failure(
            Code::Locked,
            "The key does not open the work on this laptop.",
            "Your work is still here, sealed; nothing was deleted.",
            "Type your passphrase, or tell the office.",
        ),
        OpenError::Newer { .. } => failure(
            Code::NotAllowed,
            "A newer version of the app has written this work.",
            WORK_HERE,
            "Update the app, then open it again.",
        ),
        OpenError::DiskFull => disk_full(),
        _ => failure(
            Code::Internal,
            format!("The work on this laptop cannot be opened ({error})."),
            "Nothing was deleted.",
            "Check the folder's permissions and the disk, then open the app again.",
        ),
    }
}

/// What is wrong with a rescue pack, or keeps one from being made.
pub fn rescue(error: RescueError) -> Failure {
    let (code, next) = match &error {
        RescueError::NoRecipient => (
            Code::NotAllowed,
            "Sync once, then make it again. If it stays so, tell the office to run `clara central recovery-key`.",
        ),
        RescueError::NoIdentity => (Code::BadInput, "Give the file with the recovery key from the safe."),
        RescueError::NotAPack | RescueError::NotAProfile => (Code::BadInput, "Choose the right one and try again."),
        RescueError::Newer(_) => (Code::NotAllowed, "Update Clara Field, then open the pack again."),
        RescueError::OtherKey(_) => (Code::Locked, "Take the recovery key with that fingerprint from the safe."),
        RescueError::NotWrapped => (Code::Locked, "Only the laptop's keyring or its passphrase opens it."),
        RescueError::Damaged => (Code::Damaged, "Make or copy the pack again. What could be read of it stands."),
        RescueError::Seal => return bug("rescue"),
        RescueError::Io(error)
            if matches!(error.kind(), std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded) =>
        {
            return disk_full();
        }
        RescueError::Io(_) => (Code::BadInput, "Check the file, the folder and their permissions."),
        RescueError::Mirror(_) | RescueError::Vault(_) | RescueError::Central(_) => {
            return match error {
                RescueError::Mirror(error) => mirror(error),
                RescueError::Vault(error) => vault(&error),
                RescueError::Central(error) => central(&error),
                _ => bug("rescue"),
            };
        }
    };
    let mut message = error.to_string();
    if let Some(first) = message.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    failure(code, format!("{message}."), "Nothing was deleted.", next)
}

fn restore(error: &RestoreError) -> Failure {
    match error {
        RestoreError::Open(error) => open(error),
        RestoreError::Newer => failure(
            Code::NotAllowed,
            "This copy was made by a newer version of the app.",
            UNCHANGED,
            "Update the app, then bring it back.",
        ),
        _ => failure(
            Code::Damaged,
            "This copy cannot be opened, so it was not brought back.",
            "What you have now is untouched.",
            "Choose another copy.",
        ),
    }
}

fn mirror(error: MirrorError) -> Failure {
    match error {
        MirrorError::DiskFull => disk_full(),
        MirrorError::BadValue { field, reason, .. } => Failure { field: Some(field), ..bad_value(&reason) },
        MirrorError::BadField { field, .. } => Failure { field: Some(field), ..bad_value(&BadValue::NotJson) },
        MirrorError::NoRow { .. } | MirrorError::NoDraft(_) => Error::NotHere("thing").into(),
        MirrorError::NoOperation(_) => rule_words(Rule::NotNow),
        MirrorError::NotEnrolled => Error::NoProfile.into(),
        MirrorError::PhotoBytes(_) => failure(
            Code::Damaged,
            "The bytes of this photo are gone from this laptop, or were changed.",
            "Its readings and your other photos are safe.",
            "Take it again.",
        ),
        MirrorError::Damaged(_) | MirrorError::Stopped => failure(
            Code::Damaged,
            "The store on this laptop is damaged, so this was not saved.",
            "Your unsent work exists a second time beside it, and nothing was deleted.",
            "Close and open the app: it rebuilds the store.",
        ),
        other => failure(
            Code::Internal,
            format!("The store on this laptop refused ({other})."),
            KEPT,
            "Try again. If it happens again, close and open the app.",
        ),
    }
}

/// Why the server could not be used.
pub fn central(error: &CentralError) -> Failure {
    match error {
        CentralError::Unreachable(_) => failure(
            Code::ServerNotReached,
            "The server cannot be reached.",
            "Everything works without it, and your work is safe on this laptop.",
            "Nothing to do: it goes out by itself when there is a signal.",
        ),
        CentralError::Busy(_) => failure(
            Code::ServerNotReached,
            "The server is busy.",
            "Everything works without it, and your work is safe on this laptop.",
            "Nothing to do: it is tried again by itself.",
        ),
        CentralError::TooMuch => failure(
            Code::ServerNotReached,
            "More has changed on the server than fits into one piece.",
            "Everything works without it, and your work is safe on this laptop.",
            "Nothing to do: the next sync compares both sides and fetches it bit by bit.",
        ),
        CentralError::NotProven(_) => failure(
            Code::ServerNotProven,
            "The server could not prove who it is, so nothing was sent, not even your password.",
            WORK_HERE,
            "Tell the office.",
        ),
        CentralError::LoginRefused(_) => failure(
            Code::LoginRefused,
            "The server does not take your login.",
            WORK_HERE,
            "Go on working. Ask the office for a new enrolment when there is a signal.",
        ),
        CentralError::ServerTooOld(version) => failure(
            Code::ServerUnfit,
            format!("The server runs a PostgreSQL ({version}) in which one person could read another's data."),
            "Nothing was sent. Your work is safe on this laptop.",
            "Tell the office: the server needs its current minor version.",
        ),
        CentralError::DeviceRefused(_) => failure(
            Code::LoginRefused,
            "This laptop is not enrolled any more.",
            WORK_HERE,
            "Ask the office for a new enrolment; your unsent work goes out after it.",
        ),
        // Nothing is wrong: old photos may be kept where laptops do not reach.
        CentralError::Refused { code, .. } if code == "CL012" => failure(
            Code::NotHere,
            "The office keeps this photo outside the server that laptops reach.",
            "The photo is safe, and so is everything on this laptop.",
            "Ask the office for it if you need it.",
        ),
        CentralError::Refused { code, .. } => failure(
            Code::ServerUnfit,
            format!("The server answered something this app does not expect ({code})."),
            WORK_HERE,
            "Tell the office; it is tried again by itself.",
        ),
    }
}

/// Why a sync ended before its end.
pub(crate) fn sync(error: &SyncError) -> Failure {
    match error {
        SyncError::Central(error) => central(error),
        SyncError::Replica(ReplicaError::DiskFull) => disk_full(),
        SyncError::Replica(ReplicaError::Damaged(what)) => mirror(MirrorError::Damaged(what.clone())),
        SyncError::Replica(ReplicaError::PhotoBytes(photo)) => mirror(MirrorError::PhotoBytes(*photo)),
        SyncError::Replica(ReplicaError::Other(_)) => failure(
            Code::Internal,
            "The store on this laptop refused what the server sent.",
            WORK_HERE,
            "It is tried again by itself. If it stays, tell the office.",
        ),
        SyncError::Refused(refusal) => refused(refusal),
        SyncError::Stopped => {
            failure(Code::ServerNotReached, "The sync was stopped.", WORK_HERE, "Sync again when you like.")
        }
    }
}

fn refused(refusal: &Refusal) -> Failure {
    let (message, next) = match refusal {
        Refusal::NotRebased => (
            "The server was restored into another cluster and is not ready for laptops yet.",
            "Tell the office to run `clara central rebase`; then everything goes on by itself.",
        ),
        Refusal::AnotherDatabase => (
            "This is another database than the one your work belongs to, so nothing was taken from it.",
            "Tell the office which server this laptop was pointed at.",
        ),
        Refusal::Standby => (
            "The server is a standby, which cannot say what is current.",
            "Nothing to do: it is tried again by itself.",
        ),
        Refusal::ProgramTooOld => (
            "The server wants a newer version of this app before it sends changes down.",
            "Update the app. Your work still goes up.",
        ),
        Refusal::DeviceUnknown => return central(&CentralError::DeviceRefused(String::new())),
    };
    failure(Code::ServerUnfit, message, WORK_HERE, next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::photos::intake::Unfit;
    use clara_sync::SyncError;

    fn io() -> std::io::Error {
        std::io::Error::from(std::io::ErrorKind::PermissionDenied)
    }

    #[test]
    fn every_failure_says_what_happened_what_is_safe_and_what_to_do_and_blames_nobody() {
        let errors = vec![
            Error::NoCommand("nonsense".into()),
            Error::BadValue { field: "notes".into(), reason: BadValue::Nul },
            Error::BadValue { field: "notes".into(), reason: BadValue::TooLong { bytes: 9, limit: 1 } },
            Error::Given { field: "date".into(), fault: Fault::NotADate },
            Error::Given { field: "date".into(), fault: Fault::TooLong },
            Error::NotHere("job"),
            Error::NotAllowed(Rule::Completed),
            Error::NotAllowed(Rule::NotReady(vec!["A reading is missing.".into()])),
            Error::NotAllowed(Rule::GapsNeedReason(vec!["FP-1: serial number".into()])),
            Error::NotAllowed(Rule::Demo),
            Error::Photo(Unfit::Damaged),
            Error::Enrolment(EnrolmentFault::Broken),
            Error::Enrolment(EnrolmentFault::Refused),
            Error::NoProfile,
            Error::Revoked,
            Error::Vault(VaultError::WrongPassphrase),
            Error::Vault(VaultError::KeyringLostKey),
            Error::Vault(VaultError::Unreadable("x".into())),
            Error::Open(OpenError::SecondCopy),
            Error::Open(OpenError::WrongKey),
            Error::Open(OpenError::Newer { found: 9, known: 1 }),
            Error::Mirror(MirrorError::DiskFull),
            Error::Mirror(MirrorError::Damaged("page".into())),
            Error::Mirror(MirrorError::Stopped),
            Error::Central(CentralError::Unreachable("x".into())),
            Error::Central(CentralError::Busy("53300".into())),
            Error::Central(CentralError::NotProven("x".into())),
            Error::Central(CentralError::LoginRefused("28P01".into())),
            Error::Central(CentralError::ServerTooOld(150_019)),
            Error::Central(CentralError::DeviceRefused("x".into())),
            Error::Central(CentralError::Refused { code: "42501".into(), message: "secret".into() }),
            Error::Sync(SyncError::Stopped),
            Error::Sync(SyncError::Refused(Refusal::AnotherDatabase)),
            Error::Sync(SyncError::Refused(Refusal::NotRebased)),
            Error::Sync(SyncError::Replica(ReplicaError::DiskFull)),
            Error::File("profile", io()),
            Error::Bug("x"),
        ];
        for error in errors {
            let said = format!("{error:?}");
            let failure = Failure::from(error);
            for part in [&failure.message, &failure.safe, &failure.next] {
                assert!(part.ends_with('.'), "{said}: {part:?} is no sentence");
                let words = part.to_lowercase();
                for banned in ["sorry", "oops", "invalid", "payload", "sync error", "queue", "!", "secret", "please"] {
                    assert!(!words.contains(banned), "{said}: {part:?} says {banned}");
                }
            }
        }
    }

    #[test]
    fn the_window_decides_by_the_code() {
        let code = |error: Error| Failure::from(error).code;
        assert_eq!(code(Error::Open(OpenError::SecondCopy)), Code::SecondCopy);
        assert_eq!(code(Error::Central(CentralError::NotProven(String::new()))), Code::ServerNotProven);
        assert_eq!(code(Error::Vault(VaultError::WrongPassphrase)), Code::Locked);
        assert_eq!(code(Error::Mirror(MirrorError::DiskFull)), Code::DiskFull);
        assert_eq!(code(Error::Photo(Unfit::Empty)), Code::NotAPicture);
        let failure = Failure::from(Error::BadValue { field: "notes".into(), reason: BadValue::Nul });
        assert_eq!((failure.code, failure.field.as_deref()), (Code::BadInput, Some("notes")));
    }
}
