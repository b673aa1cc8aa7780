//! Unsent work over the server's rows, in the database.

use clara_domain::mirror::Entity;
use clara_domain::row::{Fields, Row};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::apply::{Overlaid, compose};
use crate::error::MirrorError;
use crate::outbox;
use crate::statement::{self, Key, Upsert, table};

/// The server's version of a row that has work over it.
pub(crate) struct Shadow {
    pub(crate) row_ver: i64,
    pub(crate) fields: Fields,
    /// The server deleted it for good; its last version is kept for as long as work lies over it.
    pub(crate) gone: bool,
}

pub(crate) fn shadow(connection: &Connection, entity: Entity, id: Uuid) -> Result<Option<Shadow>, MirrorError> {
    let found = connection
        .prepare_cached("SELECT row_ver, fields, gone FROM shadow WHERE entity = ?1 AND row_id = ?2")?
        .query_row(params![entity.name(), Key::of(id)], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, bool>(2)?))
        })
        .optional()?;
    found
        .map(|(row_ver, fields, gone)| {
            let fields = serde_json::from_str(&fields).map_err(|_| MirrorError::Unreadable("a server row"))?;
            Ok(Shadow { row_ver, fields, gone })
        })
        .transpose()
}

/// Remembers the server's version of a row.
pub(crate) fn put_shadow(connection: &Connection, entity: Entity, row: &Row) -> Result<(), MirrorError> {
    let fields =
        serde_json::to_string(&row.fields(table(entity)?)).map_err(|_| MirrorError::Unreadable("a server row"))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO shadow (entity, row_id, row_ver, fields, gone) VALUES (?1, ?2, ?3, ?4, 0)",
        )?
        .execute(params![entity.name(), Key::of(row.id), row.row_ver, fields])?;
    Ok(())
}

/// The server deleted the row for good; its visible version stays for as long as work lies over it.
pub(crate) fn mark_gone(connection: &Connection, entity: Entity, id: Uuid) -> Result<(), MirrorError> {
    connection
        .prepare_cached("UPDATE shadow SET gone = 1 WHERE entity = ?1 AND row_id = ?2")?
        .execute(params![entity.name(), Key::of(id)])?;
    Ok(())
}

pub(crate) fn drop_shadow(connection: &Connection, entity: Entity, id: Uuid) -> Result<(), MirrorError> {
    connection
        .prepare_cached("DELETE FROM shadow WHERE entity = ?1 AND row_id = ?2")?
        .execute(params![entity.name(), Key::of(id)])?;
    Ok(())
}

/// Writes the row as the person is to see it, from the server's version and the work that lies over it.
pub(crate) fn recompute(connection: &Connection, entity: Entity, id: Uuid) -> Result<(), MirrorError> {
    let Some(table) = entity.table() else { return Ok(()) };
    let work: Vec<Overlaid> = outbox::overlaid(connection, entity, id)?
        .into_iter()
        .map(|entry| Overlaid { operation: entry.operation, location_id: entry.location_id })
        .collect();
    let shadow = shadow(connection, entity, id)?;
    if work.is_empty() && shadow.is_none() {
        // Nothing lies over it: what is there is the server's, unless the server never had it.
        if statement::select(connection, entity, id)?.is_some_and(|row| row.row_ver == 0) {
            statement::delete(connection, entity, id)?;
        }
        return Ok(());
    }
    let gone = shadow.as_ref().is_some_and(|shadow| shadow.gone);
    let server = shadow.as_ref().map(|shadow| (shadow.row_ver, &shadow.fields));
    let row = if work.is_empty() && gone { None } else { compose(table, id, server, &work) };
    match row {
        Some(row) => Upsert::new(connection, entity)?.row(&row)?,
        None => {
            statement::delete(connection, entity, id)?;
        }
    }
    if work.is_empty() {
        drop_shadow(connection, entity, id)?;
    }
    Ok(())
}

/// Makes sure that the server's version is remembered before work is laid over a row.
pub(crate) fn keep_server_version(connection: &Connection, entity: Entity, visible: &Row) -> Result<(), MirrorError> {
    let overlaid: bool = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM outbox WHERE entity = ?1 AND row_id = ?2 AND overlaid = 1)")?
        .query_row(params![entity.name(), Key::of(visible.id)], |row| row.get(0))?;
    if visible.row_ver > 0 && !overlaid {
        put_shadow(connection, entity, visible)?;
    }
    Ok(())
}

/// Has the engine fetch the row again, whatever its age.
pub(crate) fn refetch(connection: &Connection, entity: Entity, id: Uuid) -> Result<(), MirrorError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO refetch (entity, row_id) VALUES (?1, ?2)")?
        .execute(params![entity.name(), Key::of(id)])?;
    Ok(())
}
