//! Photo bytes on their way to the server.

use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_sync::PendingPhoto;
use rusqlite::{Connection, OptionalExtension};

use crate::error::MirrorError;
use crate::read::Read;
use crate::spool::Frame;
use crate::statement::{Key, uuid_at};
use crate::tx::Tx;

/// Bytes are here, the row is on the server, the bytes are not. A row that a pull had shown and that is gone was deleted
/// by the office for good, and nobody waits for its bytes.
macro_rules! waiting {
    () => {
        " FROM photo_file f WHERE f.stored_on_server = 0 AND f.state = 'kept'
              AND NOT EXISTS (SELECT 1 FROM shadow s WHERE s.entity = 'photos' AND s.row_id = f.photo_id AND s.gone = 1)
              AND (
              EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = f.photo_id AND o.kind = 'insert'
                  AND o.state IN ('applied', 'conflict')
                  AND (o.overlaid = 1 OR f.sealed = 1
                      OR EXISTS (SELECT 1 FROM photos p WHERE p.id = f.photo_id)))
              OR (EXISTS (SELECT 1 FROM photos p WHERE p.id = f.photo_id AND p.row_ver > 0)
                  AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = f.photo_id AND o.kind = 'insert')))"
    };
}

pub(super) fn waiting(connection: &Connection) -> Result<u32, MirrorError> {
    Ok(connection.prepare_cached(concat!("SELECT count(*)", waiting!()))?.query_row([], |row| row.get(0))?)
}

pub(super) fn next(connection: &Connection, skip: &[PhotoId]) -> Result<Option<PendingPhoto>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT f.photo_id, f.sha256, f.byte_count",
        waiting!(),
        " ORDER BY f.taken_in_at, f.photo_id"
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = PhotoId(uuid_at(row, 0)?);
        if !skip.contains(&id) {
            let byte_count = u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0);
            return Ok(Some(PendingPhoto { id, sha256: row.get(1)?, byte_count }));
        }
    }
    Ok(None)
}

pub(super) fn chunk(read: &Read<'_>, photo: PhotoId, number: i32) -> Result<Vec<u8>, MirrorError> {
    let name: Option<String> = read
        .connection
        .prepare_cached("SELECT name FROM photo_file WHERE photo_id = ?1")?
        .query_row([Key::of(photo.uuid())], |row| row.get(0))
        .optional()?;
    let number = u64::try_from(number).map_err(|_| MirrorError::PhotoBytes(photo))?;
    match name.map(|name| read.photos.chunk(&name, number)) {
        Some(Ok(Some(bytes))) => Ok(bytes),
        _ => Err(MirrorError::PhotoBytes(photo)),
    }
}

pub(super) fn stored(tx: &mut Tx<'_>, photo: PhotoId) -> Result<(), MirrorError> {
    let key = || Key::of(photo.uuid());
    tx.connection.prepare_cached("UPDATE photo_file SET stored_on_server = 1 WHERE photo_id = ?1")?.execute([key()])?;
    tx.frames.push(Frame::PhotoStored { photo_id: photo });
    tx.touched(Entity::Photos);
    // Of a site out of scope nothing stays that need not.
    let sealed: Option<String> = tx
        .connection
        .prepare_cached("DELETE FROM photo_file WHERE photo_id = ?1 AND sealed = 1 RETURNING name")?
        .query_row([key()], |row| row.get(0))
        .optional()?;
    if let Some(name) = sealed {
        let shared: bool = tx
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM photo_file WHERE name = ?1)")?
            .query_row([&name], |row| row.get(0))?;
        if !shared {
            tx.files_unneeded.push(tx.inner.photos.path(&name));
        }
    }
    Ok(())
}

pub(super) fn damaged(tx: &mut Tx<'_>, photo: PhotoId) -> Result<(), MirrorError> {
    tx.connection
        .prepare_cached("UPDATE photo_file SET state = 'damaged' WHERE photo_id = ?1")?
        .execute([Key::of(photo.uuid())])?;
    tx.touched(Entity::Photos);
    Ok(())
}
