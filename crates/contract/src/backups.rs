//! Copies of the mirror on this laptop, and bringing one back.

use crate::session::Session;
use crate::sync::SavedFile;

wire! {
    /// A copy of the mirror that can be brought back.
    pub struct Backup {
        /// Its name; one of the list is what [`RestoreBackup`] takes.
        pub name: String,
        /// RFC 3339.
        pub taken_at: String,
        /// Why it was made.
        pub reason: BackupReason,
        /// Its size.
        #[ts(type = "number")]
        pub byte_count: u64,
        /// Rows in it; none where it cannot be opened, or was not looked into.
        #[ts(type = "number | null")]
        pub rows: Option<u64>,
        /// It was looked into and cannot be opened: there is nothing to bring back.
        pub damaged: bool,
    }

    /// Why a copy was made.
    #[derive(Copy, Eq)]
    pub enum BackupReason {
        /// The copy of a day.
        Daily,
        /// Before an update changed how things are kept.
        BeforeMigration,
        /// What was there when a copy was brought back, or when the store was found damaged.
        SetAside,
    }

    /// Brings a copy back.
    pub struct RestoreBackup {
        /// Which, by its name in the list.
        pub name: String,
    }

    /// What bringing a copy back came to.
    pub struct RestoredBackup {
        /// The person, whose work is open again.
        pub session: Session,
        /// RFC 3339: when the copy was taken.
        pub taken_at: String,
        /// What was there before; its name brings it back.
        pub set_aside: Option<SavedFile>,
        /// Saved changes of after the copy that no server has yet, taken over into it.
        pub operations: u32,
        /// Drafts of after the copy, taken over into it.
        pub drafts: u32,
    }
}
