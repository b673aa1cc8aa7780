//! The rescue pack: unsent work in one file, sealed for the office.

use crate::sync::SavedFile;

wire! {
    /// Whether a pack can be made, and the last one that was.
    pub struct RescueState {
        /// The company's recovery key is known here. It comes with the enrolment or with a sync.
        pub ready: bool,
        /// The newest one in the profile.
        pub last: Option<RescueFile>,
        /// All that are kept there, newest first.
        pub kept: Vec<RescueFile>,
    }

    /// A pack on this laptop.
    pub struct RescueFile {
        /// Where it is.
        pub file: SavedFile,
        /// RFC 3339.
        pub made_at: String,
        /// Its size.
        #[ts(type = "number")]
        pub byte_count: u64,
    }

    /// A pack that was just made.
    pub struct RescueMade {
        /// Where it is.
        pub file: SavedFile,
        /// RFC 3339.
        pub made_at: String,
        /// Its size.
        #[ts(type = "number")]
        pub byte_count: u64,
        /// Saved changes in it.
        pub operations: u32,
        /// Drafts in it.
        pub drafts: u32,
        /// Photos in it.
        pub photos: u32,
        /// Photos whose bytes this laptop can no longer read.
        pub photos_lacking: u32,
    }
}
