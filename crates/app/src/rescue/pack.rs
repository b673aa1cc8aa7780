//! What a pack says of itself.

use chrono::{DateTime, Utc};
use clara_domain::{DeviceId, PhotoId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The format that this program writes and reads.
pub(super) const FORMAT: u32 = 1;
/// The one line outside the seal: what it is, its format, which key it needs.
pub(super) const MARK: &str = "clara-rescue";
/// The end of the file's name.
pub(super) const SUFFIX: &str = "clara-rescue";

/// Why a pack was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Somebody asked for it.
    Asked,
    /// The server refuses this laptop from now on.
    Revoked,
    /// The office opened the laptop's folder with the recovery key.
    Recovered,
}

/// On what occasion a pack was made by itself. Apart from [`Reason`], which programs of yesterday must be able to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A newer program was about to open the work.
    Update,
    /// Its person signed out of this laptop.
    SignOut,
    /// The disk was almost full.
    LowDisk,
    /// One that this program does not know.
    #[serde(other)]
    Other,
}

/// The first frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PackHeader {
    /// Of the pack, not of this program.
    pub format: u32,
    /// Which pack.
    pub id: Uuid,
    /// By the laptop's clock.
    pub made_at: DateTime<Utc>,
    /// Why.
    pub reason: Reason,
    /// None where it was not made by itself, or because the server refused the laptop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occasion: Option<Occasion>,
    /// The program that made it.
    pub app_version: String,
    /// Whose work.
    pub user_id: UserId,
    /// Their name.
    pub full_name: String,
    /// Which laptop.
    pub device_id: DeviceId,
    /// Its name.
    pub device_name: String,
    /// The company.
    pub company: String,
    /// Its server, host and database.
    pub server: String,
    /// The recovery key it is sealed to.
    pub recipient: String,
    /// Read from the second copy alone: the mirror could not be read.
    pub from_spool: bool,
    /// Places of the second copy that could not be read.
    pub bad_frames: u32,
    /// What follows.
    pub counts: Counts,
    /// The inspections of the drafts that follow. Said at once, because what belongs to them stays where it is even where
    /// the pack is cut off before them. Programs of yesterday left it out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draft_ids: Vec<Uuid>,
}

/// How much is in a pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Operations.
    pub operations: u32,
    /// Inspections that were not completed.
    pub drafts: u32,
    /// Photos.
    pub photos: u32,
    /// Their bytes.
    pub photo_bytes: u64,
    /// Photos whose bytes the laptop could no longer read.
    pub photos_lacking: u32,
}

/// A photo; its bytes follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackPhoto {
    /// Which.
    pub photo_id: PhotoId,
    /// Of the bytes.
    pub sha256: String,
    /// Their number.
    pub byte_count: u64,
    /// When it was taken in.
    pub taken_in_at: DateTime<Utc>,
}
