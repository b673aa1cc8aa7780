//! The mirror on the laptop: an encrypted SQLite database that every screen reads and every action writes, with a second
//! copy of unsent work beside it. The only crate that names rusqlite.

mod apply;
mod backup;
mod ballast;
mod bring_back;
mod catch_up;
mod check;
mod draft;
mod entropy;
mod error;
mod files;
mod hand_over;
mod integrity;
mod key;
mod lock;
mod migrate;
mod mirror;
mod open;
mod outbox;
mod overlay;
mod photo_file;
mod read;
mod rebuild;
mod replica;
mod rescue;
mod saving;
mod seal;
mod settings;
mod settle;
mod spool;
mod statement;
mod tx;
mod write;

pub mod fold;
pub mod search;
pub mod table;

pub use backup::{Backup, BackupReason};
pub use bring_back::{RestoreError, Restored};
pub use check::timestamp;
pub use draft::{Draft, DraftSave};
pub use entropy::{Entropy, OsEntropy};
pub use error::{MirrorError, OpenError};
pub use key::DataKey;
pub use mirror::Mirror;
pub use open::{OpenReport, Opened, Options};
pub use outbox::OpState;
pub use photo_file::sha256_hex;
pub use read::Read;
pub use rebuild::Rebuilt;
pub use rescue::{PhotoChunks, Unsent, UnsentOperation};
pub use spool::{BadFrame, DraftFrame, PhotoFrame};
pub use table::metrics::MetricNew;
pub use table::photos::PhotoNew;
pub use table::profile::Profile;
pub use write::WriteTx;
