//! What a mirror holds, to be compared after a crash.

use clara_domain::PhotoId;
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::row::Fields;
use clara_local::table::photos::PhotoBytes;
use clara_local::{Mirror, MirrorError, OpState, sha256_hex};
use clara_sync::Replica;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

/// Everything that a mirror holds and a person or the server could miss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Content {
    /// Unsent operations, in order; without their numbers, which a rebuild may change. What was on its way counts as
    /// waiting: that is what it is after a crash.
    pub operations: Vec<Value>,
    /// Drafts, by id.
    pub drafts: Vec<Value>,
    /// Photos whose bytes the server does not have: id, state and hash of what is on disk.
    pub photos: Vec<(Uuid, String)>,
    /// The other photos.
    pub other_photos: Vec<(Uuid, String)>,
    /// Every table as a screen would show it.
    pub rows: Vec<(&'static str, Uuid, i64, Fields)>,
    /// How far the server's rows are known.
    pub cursor: Option<String>,
}

impl Content {
    /// Looks at a mirror.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(mirror: &Mirror) -> Result<Self, MirrorError> {
        let mut content = mirror.read(|r| {
            let mut operations = Vec::new();
            for line in r.outbox()? {
                let state = if line.state == OpState::InFlight { OpState::Pending } else { line.state };
                let mut operation = serde_json::to_value(&line.operation).unwrap_or_default();
                if let Some(fields) = operation.as_object_mut() {
                    fields.remove("seq");
                    fields.insert("state".to_owned(), serde_json::to_value(state).unwrap_or_default());
                }
                operations.push(operation);
            }
            let mut drafts = r.drafts(None)?;
            drafts.sort_by_key(|draft| draft.id);
            let drafts = drafts.iter().map(|draft| serde_json::to_value(draft).unwrap_or_default()).collect();
            let (mut photos, mut other_photos, mut rows) = (Vec::new(), Vec::new(), Vec::new());
            for table in TABLES {
                let mut all = r.all(table.entity)?;
                all.sort_by_key(|row| row.id);
                for row in &all {
                    rows.push((table.name, row.id, row.row_ver, row.fields(table)));
                }
                if table.entity == Entity::Photos {
                    for row in &all {
                        let Some(photo) = r.photo(PhotoId(row.id))? else { continue };
                        let hash = match r.photo_bytes(photo.id) {
                            Ok(Some(bytes)) => sha256_hex(&bytes),
                            Ok(None) => "not here".to_owned(),
                            Err(_) => "damaged".to_owned(),
                        };
                        let waiting = photo.bytes == PhotoBytes::Waiting;
                        let line = (row.id, format!("{:?} {hash}", photo.bytes));
                        if waiting { photos.push(line) } else { other_photos.push(line) }
                    }
                }
            }
            Ok::<_, MirrorError>(Self { operations, drafts, photos, other_photos, rows, cursor: None })
        })?;
        let cursor = mirror.clone().state().ok().and_then(|state| state.cursor);
        content.cursor = cursor.map(|cursor| cursor.as_str().to_owned());
        Ok(content)
    }

    /// A digest of each part, with its name, so that a difference says where it is.
    pub fn digest(&self) -> String {
        [
            part_digest("operations", &self.operations),
            part_digest("drafts", &self.drafts),
            part_digest("photos", &self.photos),
            part_digest("other_photos", &self.other_photos),
            part_digest("rows", &self.rows),
            part_digest("cursor", &self.cursor),
        ]
        .join(",")
    }

    /// What exists on this laptop alone and is not in another picture, in words; empty where nothing is missing. What
    /// is there beyond it is not a loss.
    pub fn missing_from(&self, mirror: &Mirror) -> Result<Vec<String>, MirrorError> {
        let there = Self::of(mirror)?;
        let mut missing = Vec::new();
        for operation in self.operations.iter().filter(|operation| !there.operations.contains(operation)) {
            missing.push(format!("operation {operation}"));
        }
        for draft in self.drafts.iter().filter(|draft| !there.drafts.contains(draft)) {
            missing.push(format!("draft {draft}"));
        }
        for (id, line) in &self.photos {
            // Asked for by itself: after a rebuild its row may only come with the next sync.
            let bytes = mirror.read(|r| r.photo_bytes(PhotoId(*id)));
            let hash = bytes.ok().flatten().map(|bytes| sha256_hex(&bytes));
            if !hash.is_some_and(|hash| line.ends_with(&hash)) {
                missing.push(format!("photo {id}"));
            }
        }
        Ok(missing)
    }
}

fn part_digest(name: &str, part: &impl Serialize) -> String {
    let digest = sha256_hex(&serde_json::to_vec(part).unwrap_or_default());
    format!("{name}:{}", digest.get(..16).unwrap_or_default())
}
