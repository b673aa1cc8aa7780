//! The bytes of photos.

use std::sync::Arc;

use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_sync::{CentralError, ChunkAck, MAX_CHUNK_BYTES, PhotoAsk};
use serde_json::{Value, json};
use uuid::Uuid;

use super::pull::refused;
use super::{LOCKED, Server, id_of, text};
use crate::control::Control;

impl Server {
    /// The row, where the person may send or see its bytes.
    fn photo_row(&self, user: Uuid, photo: Uuid, sending: bool) -> Option<&Fields> {
        let row = self.state.fields(Entity::Photos, photo)?;
        if !self.is_active(user) {
            return None;
        }
        let own = sending && id_of(row, "created_by") == Some(user);
        (self.sees_all(user) || own || self.state.holds(user, id_of(row, "location_id"))).then_some(row)
    }

    /// Which chunks are missing.
    pub fn photo_ask(&mut self, user: Uuid, photo: PhotoId, chunks: i32) -> Result<PhotoAsk, CentralError> {
        let Some(row) = self.photo_row(user, photo.uuid(), true) else { return Ok(PhotoAsk::NoRow) };
        if text(Some(row), "state").as_deref() == Some("stored") {
            return Ok(PhotoAsk::Stored);
        }
        let missing = (0..chunks).filter(|number| !self.state.chunks.contains_key(&(photo.uuid(), *number)));
        Ok(PhotoAsk::Missing(missing.collect()))
    }

    /// Keeps a chunk.
    pub fn photo_chunk(&mut self, user: Uuid, photo: PhotoId, number: i32, bytes: &[u8]) -> Result<(), CentralError> {
        let Some(row) = self.photo_row(user, photo.uuid(), true) else { return Err(refused("CL010")) };
        if text(Some(row), "state").as_deref() == Some("stored") {
            return Ok(());
        }
        let length = row.get("byte_count").and_then(Value::as_i64).unwrap_or(0);
        if number < 0 || i64::from(number) * MAX_CHUNK_BYTES as i64 >= length || bytes.len() > MAX_CHUNK_BYTES {
            return Err(refused("CL011"));
        }
        self.state.chunks.entry((photo.uuid(), number)).or_insert_with(|| Arc::new(bytes.to_vec()));
        Ok(())
    }

    /// All bytes of a photo that are here.
    pub fn photo_bytes(&self, photo: Uuid) -> Vec<u8> {
        let chunks = self.state.chunks.range((photo, 0)..=(photo, i32::MAX));
        chunks.flat_map(|(_, bytes)| bytes.iter().copied()).collect()
    }

    /// Hashes what is there.
    pub fn photo_finish(&mut self, user: Uuid, photo: PhotoId) -> Result<ChunkAck, CentralError> {
        let id = photo.uuid();
        let Some(row) = self.photo_row(user, id, true).cloned() else { return Err(refused("CL010")) };
        if text(Some(&row), "state").as_deref() == Some("stored") {
            return Ok(ChunkAck::Stored);
        }
        if self.is_locked(id) || id_of(&row, "inspection_id").is_some_and(|inspection| self.is_locked(inspection)) {
            return Err(CentralError::Busy(LOCKED.to_owned()));
        }
        let whole = self.photo_bytes(id);
        let length = row.get("byte_count").and_then(Value::as_u64).unwrap_or(0);
        let sha256 = text(Some(&row), "sha256").unwrap_or_default();
        if !self.is_broken(Control::PhotoHashOff) {
            if (whole.len() as u64) < length {
                return Ok(ChunkAck::Mismatch);
            }
            if whole.len() as u64 != length || clara_local::sha256_hex(&whole) != sha256 {
                self.state.chunks.retain(|(of, _), _| *of != id);
                return Ok(ChunkAck::Mismatch);
            }
        }
        let (xid, now) = (self.begin(), self.now);
        self.state.update(xid, now, Entity::Photos, id, &super::fields(json!({"state": "stored"})));
        let reference = Value::String(format!("clara-photo:{sha256}"));
        if let Some(inspection) = id_of(&row, "inspection_id")
            && let Some(record) = self.state.fields(Entity::InspectionRecords, inspection)
        {
            let mut urls = record.get("photo_urls").and_then(Value::as_array).cloned().unwrap_or_default();
            if !urls.contains(&reference) {
                urls.push(reference);
                let patch = super::fields(json!({"photo_urls": urls}));
                self.state.update(xid, now, Entity::InspectionRecords, inspection, &patch);
            }
        }
        Ok(ChunkAck::Stored)
    }

    /// One chunk of a stored photo.
    pub fn photo_fetch(&mut self, user: Uuid, photo: PhotoId, number: i32) -> Result<Option<Vec<u8>>, CentralError> {
        let Some(row) = self.photo_row(user, photo.uuid(), false) else { return Ok(None) };
        if text(Some(row), "state").as_deref() != Some("stored") {
            return Ok(None);
        }
        Ok(self.state.chunks.get(&(photo.uuid(), number)).map(|bytes| bytes.to_vec()))
    }
}
