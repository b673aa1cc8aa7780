//! Photos: rows, bytes on this laptop, thumbnails.

use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_domain::{EquipmentId, InspectionId, JobId, LocationId, OpId, PhotoId};
use rusqlite::{OptionalExtension, Row, params};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{optional_id, text_id};
use crate::error::MirrorError;
use crate::mirror::Mirror;
use crate::photo_file::sha256_hex;
use crate::read::Read;
use crate::rebuild::put_photo;
use crate::spool::{Frame, PhotoFrame};
use crate::statement::Key;
use crate::write::WriteTx;

/// A photo to take in; already oriented, bounded and without EXIF.
#[derive(Debug, Clone)]
pub struct PhotoNew<'p> {
    /// Its id.
    pub id: PhotoId,
    /// Its aggregate: the photo itself, unless it must keep order with something else.
    pub root_id: Uuid,
    /// `job_id`, `equipment_id`, `inspection_id`, `field_key`, `caption`, `mime`, `width`, `height`, `taken_at`,
    /// `latitude`, `longitude`. Hash, size and site are filled in.
    pub fields: Fields,
    /// What is kept and sent.
    pub bytes: &'p [u8],
    /// A small picture for lists.
    pub thumbnail: &'p [u8],
}

/// Where the bytes of a photo are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PhotoBytes {
    /// Here; the server does not have them.
    Waiting,
    /// Here and on the server.
    Both,
    /// On the server and not here.
    Remote,
    /// The bytes here were changed, and the server has none: take it again.
    Damaged,
    /// The file is missing, and the server has none: take it again.
    Missing,
    /// Neither here nor, yet, on the server: another laptop has them.
    Elsewhere,
}

/// One photo.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Photo {
    /// Which.
    pub id: PhotoId,
    /// Its site.
    pub location_id: Option<LocationId>,
    /// Its job.
    pub job_id: Option<JobId>,
    /// Its item.
    pub equipment_id: Option<EquipmentId>,
    /// Its inspection, draft or not.
    pub inspection_id: Option<InspectionId>,
    /// What it is evidence of.
    pub field_key: Option<String>,
    /// For a person.
    pub caption: Option<String>,
    /// Of the bytes.
    pub sha256: Option<String>,
    /// `image/jpeg` and the like.
    pub mime: Option<String>,
    /// Bytes.
    pub byte_count: i64,
    /// Pixels.
    pub width: i64,
    /// Pixels.
    pub height: i64,
    /// When it was taken, RFC 3339.
    pub taken_at: Option<String>,
    /// Where it was taken.
    pub latitude: Option<f64>,
    /// Where it was taken.
    pub longitude: Option<f64>,
    /// Where the bytes are.
    pub bytes: PhotoBytes,
}

macro_rules! photo_columns {
    () => {
        "SELECT p.id, p.location_id, p.job_id, p.equipment_id, p.inspection_id, p.field_key, p.caption, p.sha256, p.mime,
             p.byte_count, p.width, p.height, p.taken_at, p.latitude, p.longitude, p.state, f.state, f.stored_on_server
         FROM photos p LEFT JOIN photo_file f ON f.photo_id = p.id "
    };
}

fn photo(row: &Row<'_>) -> rusqlite::Result<Photo> {
    let (on_server, here): (Option<String>, Option<String>) = (row.get(15)?, row.get(16)?);
    let stored = on_server.as_deref() == Some("stored") || row.get::<_, Option<bool>>(17)?.unwrap_or(false);
    let bytes = match (here.as_deref(), stored) {
        (Some("kept"), true) => PhotoBytes::Both,
        (Some("kept"), false) => PhotoBytes::Waiting,
        (_, true) => PhotoBytes::Remote,
        (Some("damaged"), false) => PhotoBytes::Damaged,
        (Some(_), false) => PhotoBytes::Missing,
        (None, false) => PhotoBytes::Elsewhere,
    };
    Ok(Photo {
        id: text_id(row, 0)?,
        location_id: optional_id(row, 1)?,
        job_id: optional_id(row, 2)?,
        equipment_id: optional_id(row, 3)?,
        inspection_id: optional_id(row, 4)?,
        field_key: row.get(5)?,
        caption: row.get(6)?,
        sha256: row.get(7)?,
        mime: row.get(8)?,
        byte_count: row.get::<_, Option<i64>>(9)?.unwrap_or(0),
        width: row.get::<_, Option<i64>>(10)?.unwrap_or(0),
        height: row.get::<_, Option<i64>>(11)?.unwrap_or(0),
        taken_at: row.get(12)?,
        latitude: row.get(13)?,
        longitude: row.get(14)?,
        bytes,
    })
}

impl WriteTx<'_, '_> {
    /// Takes a photo in: file, row and operation, together or not at all. A photo of a draft is sent once the inspection
    /// is.
    ///
    /// # Errors
    /// [`MirrorError::DiskFull`] while space is low: photos are refused first, words last.
    pub fn attach_photo(&mut self, new: PhotoNew<'_>) -> Result<OpId, MirrorError> {
        if self.tx.inner.ballast.refuses_photos(&self.tx.inner.folder) {
            return Err(MirrorError::DiskFull);
        }
        let sha256 = sha256_hex(new.bytes);
        let mut fields = new.fields;
        fields.insert("sha256".to_owned(), Value::String(sha256.clone()));
        fields.insert("byte_count".to_owned(), Value::from(new.bytes.len()));
        let op_id = self.insert(Entity::Photos, new.id.uuid(), new.root_id, fields)?;
        let location_id = self.location_of_photo(new.id)?;
        let frame = PhotoFrame {
            photo_id: new.id,
            location_id,
            sha256,
            byte_count: new.bytes.len() as u64,
            taken_in_at: self.now,
        };
        self.keep_bytes(&frame, new.bytes, new.thumbnail, false)?;
        self.tx.frames.push(Frame::Photo(frame));
        Ok(op_id)
    }

    /// Keeps bytes that were fetched from the server.
    ///
    /// # Errors
    /// [`MirrorError::PhotoBytes`] where their hash is not the row's; [`MirrorError::NoRow`].
    pub fn keep_photo(&mut self, id: PhotoId, bytes: &[u8], thumbnail: &[u8]) -> Result<(), MirrorError> {
        let photo = self.read().photo(id)?.ok_or(MirrorError::NoRow { entity: Entity::Photos, id: id.uuid() })?;
        let sha256 = sha256_hex(bytes);
        if photo.sha256.as_deref() != Some(sha256.as_str()) {
            return Err(MirrorError::PhotoBytes(id));
        }
        let frame = PhotoFrame {
            photo_id: id,
            location_id: photo.location_id.map(LocationId::uuid),
            sha256,
            byte_count: bytes.len() as u64,
            taken_in_at: self.now,
        };
        self.keep_bytes(&frame, bytes, thumbnail, true)?;
        self.tx
            .connection
            .prepare_cached("UPDATE photo_file SET seen_stored = 1 WHERE photo_id = ?1")?
            .execute([Key::of(id.uuid())])?;
        self.tx.touched(Entity::Photos);
        Ok(())
    }

    fn keep_bytes(
        &mut self,
        frame: &PhotoFrame,
        bytes: &[u8],
        thumbnail: &[u8],
        stored_on_server: bool,
    ) -> Result<(), MirrorError> {
        let files = &self.tx.inner.photos;
        let name = files.name(&frame.sha256);
        if files.put(&name, bytes, self.tx.entropy)? {
            self.tx.files_made.push(files.path(&name));
        }
        put_photo(self.tx.connection, frame, &name, Some(thumbnail), stored_on_server, self.tx.segment)
    }

    fn location_of_photo(&self, id: PhotoId) -> Result<Option<Uuid>, MirrorError> {
        Ok(self.read().photo(id)?.and_then(|photo| photo.location_id).map(LocationId::uuid))
    }

    /// Removes local bytes, oldest first, until at least `bytes` are free again; thumbnails stay. Only what the server
    /// has by hash and a later pull has shown. Returns how many bytes were freed.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub fn free_photos(&mut self, bytes: u64) -> Result<u64, MirrorError> {
        let candidates: Vec<(String, i64)> = {
            let mut statement = self.tx.connection.prepare_cached(
                "SELECT name, max(byte_count) FROM photo_file WHERE state = 'kept'
                 GROUP BY name HAVING min(stored_on_server AND seen_stored) = 1 ORDER BY min(taken_in_at)",
            )?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?
        };
        let mut freed = 0;
        for (name, size) in candidates {
            if freed >= bytes {
                break;
            }
            self.tx
                .connection
                .prepare_cached("UPDATE photo_file SET state = 'freed' WHERE name = ?1")?
                .execute([&name])?;
            self.tx.files_unneeded.push(self.tx.inner.photos.path(&name));
            self.tx.touched(Entity::Photos);
            freed += u64::try_from(size).unwrap_or(0);
        }
        Ok(freed)
    }
}

impl Read<'_> {
    /// One photo.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn photo(&self, id: PhotoId) -> Result<Option<Photo>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!(photo_columns!(), "WHERE p.id = ?1"))?
            .query_row([Key::of(id.uuid())], photo)
            .optional()?)
    }

    /// The photos of an item, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn photos_of_equipment(&self, id: EquipmentId) -> Result<Vec<Photo>, MirrorError> {
        self.photos_where(
            concat!(
                photo_columns!(),
                "WHERE p.equipment_id = ?1 AND p.deleted_at IS NULL ORDER BY p.taken_at DESC, p.id"
            ),
            id.uuid(),
        )
    }

    /// The photos of an inspection or its draft, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn photos_of_inspection(&self, id: InspectionId) -> Result<Vec<Photo>, MirrorError> {
        self.photos_where(
            concat!(
                photo_columns!(),
                "WHERE p.inspection_id = ?1 AND p.deleted_at IS NULL ORDER BY p.taken_at DESC, p.id"
            ),
            id.uuid(),
        )
    }

    /// The photos of a job, newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn photos_of_job(&self, id: JobId) -> Result<Vec<Photo>, MirrorError> {
        self.photos_where(
            concat!(photo_columns!(), "WHERE p.job_id = ?1 AND p.deleted_at IS NULL ORDER BY p.taken_at DESC, p.id"),
            id.uuid(),
        )
    }

    fn photos_where(&self, sql: &'static str, id: Uuid) -> Result<Vec<Photo>, MirrorError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        Ok(statement.query_map([Key::of(id)], photo)?.collect::<Result<_, _>>()?)
    }

    /// Whether the same bytes are a photo already, and which.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn photo_with(&self, sha256: &str) -> Result<Option<PhotoId>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached("SELECT photo_id FROM photo_file WHERE name = ?1 AND state = 'kept' LIMIT 1")?
            .query_row([self.photos.name(sha256)], |row| text_id(row, 0))
            .optional()?)
    }

    /// The small picture; none where the laptop has none.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn photo_thumbnail(&self, id: PhotoId) -> Result<Option<Vec<u8>>, MirrorError> {
        let found: Option<Option<Vec<u8>>> = self
            .connection
            .prepare_cached("SELECT thumbnail FROM photo_file WHERE photo_id = ?1 AND sealed = 0")?
            .query_row([Key::of(id.uuid())], |row| row.get(0))
            .optional()?;
        Ok(found.flatten())
    }

    /// The bytes; none where the laptop does not have them.
    ///
    /// # Errors
    /// [`MirrorError::PhotoBytes`] where they are not those that were taken in.
    pub fn photo_bytes(&self, id: PhotoId) -> Result<Option<Vec<u8>>, MirrorError> {
        let found: Option<(String, String)> = self
            .connection
            .prepare_cached(
                "SELECT name, sha256 FROM photo_file WHERE photo_id = ?1 AND state = 'kept' AND sealed = 0",
            )?
            .query_row(params![Key::of(id.uuid())], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((name, sha256)) = found else { return Ok(None) };
        match self.photos.whole(&name) {
            Ok(bytes) if sha256_hex(&bytes) == sha256 => Ok(Some(bytes)),
            _ => Err(MirrorError::PhotoBytes(id)),
        }
    }
}

impl Mirror {
    /// Whether space is so low that photos are refused.
    pub fn space_is_low(&self) -> bool {
        self.inner.ballast.refuses_photos(&self.inner.folder)
    }
}
