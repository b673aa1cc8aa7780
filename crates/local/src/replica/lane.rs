//! Photo bytes on their way to the server.

use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_sync::PendingPhoto;
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::error::MirrorError;
use crate::read::Read;
use crate::reconcile::photo_frame;
use crate::spool::Frame;
use crate::statement::{Key, uuid_at};
use crate::tx::Tx;

/// Bytes are here, the server has taken the row, the bytes are not there. Whether the mirror shows the row says nothing: it
/// may have gone to a site out of scope, or for good, and only the server knows which.
macro_rules! waiting {
    () => {
        " FROM photo_file f WHERE f.stored_on_server = 0 AND f.state = 'kept' AND (
              EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = f.photo_id AND o.kind = 'insert'
                  AND o.state IN ('applied', 'conflict'))
              OR NOT EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = f.photo_id AND o.kind = 'insert'))"
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
    sealed.map_or(Ok(()), |name| drop_file(tx, &name))
}

/// The server has no such row any more: nobody waits for the bytes. They are kept for as long as the journal, because a
/// server that is put back may have the row again.
pub(super) fn unwanted(tx: &mut Tx<'_>, photo: PhotoId) -> Result<(), MirrorError> {
    tx.connection
        .prepare_cached("UPDATE photo_file SET stored_on_server = 1, seen_stored = 0 WHERE photo_id = ?1")?
        .execute([Key::of(photo.uuid())])?;
    tx.frames.push(Frame::PhotoStored { photo_id: photo });
    tx.touched(Entity::Photos);
    Ok(())
}

/// The server says that it has not got the bytes, whatever was known before.
pub(super) fn wanted(tx: &mut Tx<'_>, photo: Uuid) -> Result<(), MirrorError> {
    let frame = tx
        .connection
        .prepare_cached(
            "UPDATE photo_file SET stored_on_server = 0, seen_stored = 0, segment = ?2
             WHERE photo_id = ?1 AND stored_on_server = 1 AND state = 'kept'
             RETURNING photo_id, location_id, sha256, byte_count, taken_in_at",
        )?
        .query_map(params![Key::of(photo), tx.segment as i64], |row| Ok(photo_frame(row)))?
        .next()
        .transpose()?
        .transpose()?;
    tx.frames.extend(frame.map(Frame::Photo));
    Ok(())
}

/// Photos whose rows have left the mirror: of those that the server has shown to be stored nothing stays; the others can
/// be sent and nothing else.
pub(super) fn let_go(tx: &mut Tx<'_>) -> Result<(), MirrorError> {
    let names: Vec<String> = {
        let mut statement = tx.connection.prepare_cached(
            "DELETE FROM photo_file WHERE sealed = 0 AND stored_on_server = 1 AND seen_stored = 1
                 AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.id = photo_file.photo_id)
             RETURNING name",
        )?;
        statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    tx.connection
        .prepare_cached(
            "UPDATE photo_file SET sealed = 1, thumbnail = NULL
             WHERE sealed = 0 AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.id = photo_file.photo_id)",
        )?
        .execute([])?;
    names.into_iter().try_for_each(|name| drop_file(tx, &name))
}

/// Removes a file, unless another photo has the same bytes.
fn drop_file(tx: &mut Tx<'_>, name: &str) -> Result<(), MirrorError> {
    let shared: bool = tx
        .connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM photo_file WHERE name = ?1)")?
        .query_row([name], |row| row.get(0))?;
    if !shared {
        tx.files_unneeded.push(tx.inner.photos.path(name));
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
