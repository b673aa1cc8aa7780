//! Who uses this laptop, and what was found at start.

use clara_domain::category::Role;
use clara_domain::{DeviceId, UserId};

use crate::rescue::{RescueFile, RescueMade};

wire! {
    /// What the first screen needs to know.
    pub struct Start {
        /// Which screen comes first.
        pub state: StartState,
        /// The person, where a profile is open.
        pub session: Option<Session>,
        /// Encryption, keyring, disk, clock.
        pub checks: Vec<Check>,
        /// The name this laptop would get.
        pub suggested_device_name: String,
        /// Locked work opens with a passphrase; otherwise this laptop's keyring opens it when it is asked to.
        pub passphrase: bool,
        /// The store was damaged, kept aside and rebuilt: what to tell the person.
        pub notice: Option<String>,
        /// The office ended this laptop's access, and its work was locked.
        pub revoked: Option<LockedAway>,
        /// The person signed out, and can still undo it.
        pub signed_out: Option<SignedOut>,
    }

    /// Who signed out. Work and keys are closed and still here: they go when the window closes, when the program starts again,
    /// or when somebody enrolls; until then `unlock` brings all of it back.
    pub struct SignedOut {
        /// Whose work it is.
        pub full_name: String,
        /// It is the demo: there is nothing to come back to.
        pub demo: bool,
        /// What was not on the server, sealed for the office; it stays on this laptop. None where all was sent.
        pub pack: Option<RescueMade>,
    }

    /// Work that was locked when the office ended this laptop's access.
    pub struct LockedAway {
        /// When, RFC 3339.
        pub at: String,
        /// Whose work.
        pub full_name: String,
        /// The newest pack on this laptop; none where nothing was unsent.
        pub pack: Option<RescueFile>,
        /// A new enrolment brings the work back as it was. Otherwise it begins anew, and the office opens the old one.
        pub comes_back: bool,
    }

    /// What a start found.
    pub enum StartState {
        /// Nothing here yet: first run.
        Fresh,
        /// A profile that opens with a passphrase, or that was locked.
        Locked,
        /// Open.
        Open,
        /// The office ended this laptop's access: a new enrolment opens it.
        Revoked,
        /// Signed out a moment ago.
        SignedOut,
    }

    /// One line at the foot of the first screen.
    pub struct Check {
        /// What was looked at: `encryption`, `keyring`, `disk`, `clock`.
        pub key: String,
        /// It is as it should be.
        pub ok: bool,
        /// In a person's words.
        pub text: String,
    }

    /// The person whose mirror is open.
    pub struct Session {
        /// Who.
        pub user_id: UserId,
        /// Their name.
        pub full_name: String,
        /// Their role.
        pub role: Role,
        /// This profile.
        pub device_id: DeviceId,
        /// The laptop's name.
        pub device_name: String,
        /// The company's name.
        pub company: String,
        /// The demo: no server at all.
        pub demo: bool,
        /// The date of work on this laptop, `YYYY-MM-DD`.
        pub today: String,
    }

    /// Enrols this laptop.
    pub struct Enroll {
        /// The text of the enrolment file, or the code made of it.
        pub enrolment: String,
        /// The laptop's name.
        pub device_name: String,
        /// Opens the work without a keyring; required where there is none.
        pub passphrase: Option<String>,
    }

    /// Opens a locked profile.
    pub struct Unlock {
        /// As set at enrolment; empty where the keyring is to open it.
        pub passphrase: String,
    }

    /// The window's answer to [`crate::Event::Closing`].
    pub struct CloseWindow {
        /// Everything typed is saved, or the person lets it go. Otherwise the window stays.
        pub close: bool,
    }
}
