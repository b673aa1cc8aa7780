use std::collections::BTreeSet;

use clara_domain::mirror::{Entity, Scope};
use clara_domain::row::{Cell, Row};
use clara_sync::{Cursor, Pull};
use rusqlite::params;
use uuid::Uuid;

use super::{decided, lane, meet, moves, revoke};
use crate::check::timestamp;
use crate::error::MirrorError;
use crate::outbox::{self, entry_columns};
use crate::statement::{self, Key, Upsert, table};
use crate::tx::Tx;
use crate::{overlay, search};

/// The server's schema with which laptops of managers can be narrowed to some sites.
const NARROWS: i32 = 2;

/// Applies a pull. One transaction, so that a crash leaves either all of it with its cursor or nothing.
pub(super) fn apply(tx: &mut Tx<'_>, pull: &Pull) -> Result<(), MirrorError> {
    for location in &pull.granted {
        revoke::grant(tx, *location)?;
    }
    let any_overlaid = outbox::any_overlaid(tx.connection)?;
    let mut left = BTreeSet::new();
    for part in pull.rows.iter().filter(|part| part.entity == Entity::Locations) {
        left.extend(revoke::customers_of(tx, &part.rows)?);
    }
    for part in &pull.rows {
        let overlaid = if any_overlaid { outbox::overlaid_rows(tx.connection, part.entity)? } else { BTreeSet::new() };
        arrive(tx, part.entity, &part.rows, &overlaid)?;
    }
    for tombstone in &pull.tombstones {
        vanish(tx, tombstone.entity, tombstone.id)?;
    }
    decided::follow(tx)?;
    uncover(tx, &pull.hello.snapshot)?;
    // A row may be at another site than the work that hangs on it was done for, also where it came before the work was to
    // be sent again.
    if !pull.revoked.is_empty()
        || pull.rows.iter().any(|part| part.entity.table().is_some_and(|table| table.scope == Scope::Location))
    {
        moves::follow(tx)?;
    }
    // A server that knows of subscriptions takes a site from somebody who sees all only where their laptop is narrowed.
    // One from before counted jobs, and they keep every site, whatever jobs they have or lose there.
    let told = pull.hello.role == "technician" || pull.hello.schema_version >= NARROWS;
    let revoked = if told { pull.revoked.as_slice() } else { &[] };
    for location in revoked {
        revoke::revoke(tx, *location)?;
    }
    if pull.rows.iter().any(|part| part.entity == Entity::Locations) {
        revoke::fetch_customers_of_sites(tx)?;
    }
    // A site may also have got another customer.
    let sites = !revoked.is_empty() || pull.rows.iter().any(|part| part.entity == Entity::Locations);
    if sites {
        revoke::drop_customers_without_site(tx, !revoked.is_empty())?;
        revoke::ask_for_customers_left(tx, &left)?;
    }
    if tx.changed.entities.contains(&Entity::Photos) {
        lane::let_go(tx)?;
    }
    meet(tx, &pull.hello, None)?;
    tx.connection
        .prepare_cached("UPDATE profile SET cursor = ?1, last_pull_at = ?2")?
        .execute(params![pull.hello.snapshot.as_str(), timestamp(pull.hello.server_now)])?;
    Ok(())
}

/// Stores rows of one table: straight into the mirror, save where unsent work lies over one.
pub(super) fn arrive(
    tx: &mut Tx<'_>,
    entity: Entity,
    rows: &[Row],
    overlaid: &BTreeSet<Uuid>,
) -> Result<(), MirrorError> {
    if rows.is_empty() {
        return Ok(());
    }
    {
        let mut upsert = Upsert::new(tx.connection, entity)?;
        for row in rows.iter().filter(|row| !overlaid.contains(&row.id)) {
            upsert.row(row)?;
        }
    }
    for row in rows.iter().filter(|row| overlaid.contains(&row.id)) {
        overlay::put_shadow(tx.connection, entity, row)?;
        overlay::recompute(tx.connection, entity, row.id)?;
    }
    search::index_rows(tx.connection, entity, rows)?;
    match entity {
        Entity::Photos => see_bytes(tx, rows)?,
        Entity::ParkedOperations => see_decided(tx, rows)?,
        _ => {}
    }
    tx.changed.entities.insert(entity);
    tx.changed.rows += rows.len() as u64;
    Ok(())
}

/// The server deleted a row for good. With unsent work over it, it stays to be seen until that is decided.
pub(super) fn vanish(tx: &mut Tx<'_>, entity: Entity, id: Uuid) -> Result<(), MirrorError> {
    if entity.table().is_none() {
        return Ok(());
    }
    if outbox::overlaid(tx.connection, entity, id)?.is_empty() {
        if statement::delete(tx.connection, entity, id)? {
            search::forget(tx.connection, entity, id)?;
            tx.touched(entity);
        }
    } else {
        overlay::mark_gone(tx.connection, entity, id)?;
    }
    Ok(())
}

/// Takes off the operations whose effect this snapshot shows.
fn uncover(tx: &mut Tx<'_>, snapshot: &Cursor) -> Result<(), MirrorError> {
    let shown: Vec<_> = {
        let mut statement = tx.connection.prepare_cached(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM outbox WHERE overlaid = 1 AND state IN ('applied', 'conflict') ORDER BY seq"
        ))?;
        let entries = statement.query_map([], outbox::entry)?.collect::<Result<Vec<_>, _>>()?;
        // Without a transaction number the receipt is older than this pull, and so is the effect.
        let contained = |xid: &Option<String>| match xid.as_deref().map(str::parse::<u64>) {
            Some(Ok(xid)) => snapshot.contains(xid),
            _ => true,
        };
        entries.into_iter().filter(|entry| contained(&entry.applied_xid)).collect()
    };
    for entry in shown {
        take_off(tx, &entry)?;
    }
    Ok(())
}

/// Takes one operation off its row.
pub(super) fn take_off(tx: &mut Tx<'_>, entry: &outbox::Entry) -> Result<(), MirrorError> {
    let operation = &entry.operation;
    tx.connection
        .prepare_cached("UPDATE outbox SET overlaid = 0 WHERE op_id = ?1")?
        .execute([Key::of(operation.op_id.uuid())])?;
    overlay::recompute(tx.connection, operation.entity, operation.row_id)?;
    tx.touched(operation.entity);
    Ok(())
}

/// The position of a column; the tables and their names are ours, so it is there.
fn cell<'r>(entity: Entity, row: &'r Row, column: &str) -> Result<&'r Cell, MirrorError> {
    let position = table(entity)?.position(column).ok_or(MirrorError::Unreadable("a column"))?;
    row.cells.get(position).ok_or(MirrorError::Unreadable("a row"))
}

/// Photos that the server shows as stored: from now on the local bytes may be freed. One that waits there lacks them. In
/// sight again, they are no longer sealed.
fn see_bytes(tx: &mut Tx<'_>, rows: &[Row]) -> Result<(), MirrorError> {
    for row in rows {
        tx.connection
            .prepare_cached("UPDATE photo_file SET sealed = 0 WHERE photo_id = ?1 AND sealed = 1")?
            .execute([Key::of(row.id)])?;
        match cell(Entity::Photos, row, "state")? {
            Cell::Text(state) if state == "stored" => {
                tx.connection
                    .prepare_cached("UPDATE photo_file SET stored_on_server = 1, seen_stored = 1 WHERE photo_id = ?1")?
                    .execute([Key::of(row.id)])?;
            }
            Cell::Text(state) if state == "waiting" => lane::wanted(tx, row.id)?,
            _ => {}
        }
    }
    Ok(())
}

/// Work of ours that was parked and is now decided.
fn see_decided(tx: &mut Tx<'_>, rows: &[Row]) -> Result<(), MirrorError> {
    for row in rows {
        let (op_id, decision) =
            (cell(Entity::ParkedOperations, row, "op_id")?, cell(Entity::ParkedOperations, row, "decision")?);
        let (Cell::Text(op_id), Cell::Text(decision)) = (op_id, decision) else { continue };
        let Ok(op_id) = op_id.parse() else { continue };
        decided::settle(tx, op_id, decision)?;
    }
    Ok(())
}
