use std::collections::BTreeSet;

use clara_domain::mirror::{Entity, TABLES};
use clara_domain::row::Row;
use clara_sync::{Bookmark, Cursor};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::pull::arrive;
use crate::error::MirrorError;
use crate::outbox;
use crate::search;
use crate::statement::{Key, uuid_at};
use crate::tx::Tx;

pub(super) fn begin(connection: &Connection, from: &Cursor) -> Result<(), MirrorError> {
    search::put_off(connection)?;
    connection.execute("UPDATE profile SET cursor = NULL, first_sync_from = ?1", [from.as_str()])?;
    connection.execute("DELETE FROM bookmark", [])?;
    let mut statement = connection.prepare_cached("INSERT INTO bookmark (entity) VALUES (?1)")?;
    for table in TABLES {
        statement.execute([table.name])?;
    }
    Ok(())
}

/// In the order in which tables are fetched.
pub(crate) fn bookmarks(connection: &Connection) -> Result<Vec<Bookmark>, MirrorError> {
    let mut statement = connection.prepare_cached("SELECT entity, after, rows, done FROM bookmark")?;
    let mut found = Vec::new();
    let rows = statement.query_map([], |row| {
        let after = row.get::<_, Option<String>>(1)?.is_some().then(|| uuid_at(row, 1)).transpose()?;
        Ok((row.get::<_, String>(0)?, after, row.get(2)?, row.get(3)?))
    })?;
    for row in rows {
        let (name, after, rows, done) = row?;
        let entity: Entity = name.parse().map_err(|_| MirrorError::Unreadable("a bookmark"))?;
        found.push(Bookmark { entity, after, rows, done });
    }
    found.sort_by_key(|bookmark| bookmark.entity);
    Ok(found)
}

pub(super) fn apply_page(tx: &mut Tx<'_>, entity: Entity, rows: &[Row], last: bool) -> Result<(), MirrorError> {
    let overlaid = if outbox::any_overlaid(tx.connection)? {
        outbox::overlaid_rows(tx.connection, entity)?
    } else {
        BTreeSet::new()
    };
    arrive(tx, entity, rows, &overlaid)?;
    let after: Option<Uuid> = rows.last().map(|row| row.id);
    tx.connection
        .prepare_cached(
            "UPDATE bookmark SET after = coalesce(?2, after), rows = rows + ?3, done = ?4 WHERE entity = ?1",
        )?
        .execute(params![entity.name(), after.map(Key::of), rows.len() as i64, last])?;
    Ok(())
}

pub(super) fn end(connection: &Connection) -> Result<(), MirrorError> {
    connection.execute(
        "UPDATE profile SET cursor = first_sync_from, first_sync_from = NULL WHERE first_sync_from IS NOT NULL",
        [],
    )?;
    connection.execute("DELETE FROM bookmark", [])?;
    Ok(())
}
