//! What is not needed any more.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::Connection;

use crate::check::{parse_timestamp, timestamp};
use crate::error::MirrorError;
use crate::photo_file::PhotoFiles;
use crate::spool::Spool;

/// How long an operation is kept after its receipt: long enough to give a server back what it lost.
const JOURNAL_DAYS: i64 = 35;

/// Lets go of what the server has had for long enough, in the database and in the spool.
pub(crate) fn prune(connection: &Connection, spool: &Spool, now: DateTime<Utc>) -> Result<(), MirrorError> {
    // By the server's clock alone: a laptop whose clock is a year off would drop what a server that was put back still
    // needs, or the word that something was taken back, which a copy of the database from before would then send.
    let contact: Option<String> = connection.query_row("SELECT last_contact_at FROM profile", [], |row| row.get(0))?;
    let now = contact.as_deref().and_then(parse_timestamp).map_or(now, |contact| contact.min(now));
    let before = timestamp(now - TimeDelta::days(JOURNAL_DAYS));
    // While a photo's bytes wait, the operation that made its row says that they may go.
    connection.execute(
        "DELETE FROM outbox
         WHERE overlaid = 0 AND state IN ('applied', 'conflict', 'declined', 'withdrawn') AND receipted_at < ?1
           AND NOT (kind = 'insert' AND state IN ('applied', 'conflict') AND EXISTS (
               SELECT 1 FROM photo_file f
               WHERE f.photo_id = outbox.row_id AND f.stored_on_server = 0 AND f.state = 'kept'))",
        [before],
    )?;
    // Bytes that nobody waits for, of a photo that is not in the mirror: until here a server that was put back might have
    // asked for them. The sweep takes the files.
    connection.execute(
        "DELETE FROM photo_file
         WHERE stored_on_server = 1 AND (SELECT cursor FROM profile) IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM photos p WHERE p.id = photo_file.photo_id)
           AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.row_id = photo_file.photo_id)",
        [],
    )?;
    let first_needed: i64 = connection.query_row(
        "SELECT min(coalesce((SELECT min(segment) FROM outbox), ?1),
                    coalesce((SELECT min(segment) FROM photo_file WHERE stored_on_server = 0), ?1))",
        [i64::MAX],
        |row| row.get(0),
    )?;
    spool.drop_before(u64::try_from(first_needed).unwrap_or(0))
}

/// Photo files without a row go, photos without a file are marked. Returns how many of each. After a rebuild nothing is
/// removed: the frame that named a file may be one of those that could not be read.
pub(crate) fn sweep_photos(
    connection: &Connection,
    photos: &PhotoFiles,
    after_rebuild: bool,
) -> Result<(u64, u32), MirrorError> {
    let mut statement = connection.prepare("SELECT DISTINCT name FROM photo_file")?;
    let known: BTreeSet<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let mut missing = 0;
    for name in &known {
        if !photos.path(name).exists() {
            missing += connection.execute(
                "UPDATE photo_file SET state = 'missing' WHERE name = ?1 AND state = 'kept' AND stored_on_server = 0",
                [name],
            )?;
            connection
                .execute("UPDATE photo_file SET state = 'freed' WHERE name = ?1 AND stored_on_server = 1", [name])?;
        }
    }
    let removed = if after_rebuild { 0 } else { photos.sweep(&known)? };
    Ok((removed, missing as u32))
}
