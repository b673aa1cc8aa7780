//! Sites that come into scope and leave it.

use std::collections::BTreeSet;

use clara_domain::LocationId;
use clara_domain::mirror::{Entity, Scope, TABLES};
use clara_domain::row::Row;
use rusqlite::{OptionalExtension, params};
use uuid::Uuid;

use crate::error::MirrorError;
use crate::outbox::{self, entry_columns};
use crate::statement::{Key, uuid_at};
use crate::tx::Tx;
use crate::{overlay, statement};

/// A site came into scope. Work that was sealed when it last left is laid over its rows again.
pub(super) fn grant(tx: &mut Tx<'_>, location: LocationId) -> Result<(), MirrorError> {
    let key = || Key::of(location.uuid());
    tx.connection.prepare_cached("INSERT OR IGNORE INTO access (location_id) VALUES (?1)")?.execute([key()])?;
    let sealed: Vec<_> = {
        let mut statement = tx.connection.prepare_cached(concat!(
            "SELECT ",
            entry_columns!(),
            " FROM outbox WHERE location_id = ?1 AND sealed = 1 ORDER BY seq"
        ))?;
        statement.query_map([key()], outbox::entry)?.collect::<Result<_, _>>()?
    };
    for entry in sealed {
        let operation = &entry.operation;
        let overlaid = entry.state.is_unsent() && operation.entity.table().is_some();
        // The row may have been carried to another site of ours meanwhile, and be here already.
        if overlaid && let Some(visible) = statement::select(tx.connection, operation.entity, operation.row_id)? {
            overlay::keep_server_version(tx.connection, operation.entity, &visible)?;
        }
        tx.connection
            .prepare_cached("UPDATE outbox SET sealed = 0, overlaid = ?2 WHERE op_id = ?1")?
            .execute(params![Key::of(operation.op_id.uuid()), overlaid])?;
        overlay::recompute(tx.connection, operation.entity, operation.row_id)?;
    }
    for sql in [
        "UPDATE inspection_draft SET sealed = 0 WHERE location_id = ?1",
        "UPDATE photo_file SET sealed = 0 WHERE location_id = ?1",
    ] {
        tx.connection.prepare_cached(sql)?.execute([key()])?;
    }
    Ok(())
}

/// A site left scope. Its rows, photos and thumbnails go; unsent work stays, sealed: it can be pushed and nothing else.
pub(super) fn revoke(tx: &mut Tx<'_>, location: LocationId) -> Result<(), MirrorError> {
    let key = || Key::of(location.uuid());
    tx.connection.prepare_cached("DELETE FROM access WHERE location_id = ?1")?.execute([key()])?;
    let overlaid: Vec<(String, Uuid)> = {
        let mut statement = tx
            .connection
            .prepare_cached("SELECT DISTINCT entity, row_id FROM outbox WHERE location_id = ?1 AND overlaid = 1")?;
        statement.query_map([key()], |row| Ok((row.get(0)?, uuid_at(row, 1)?)))?.collect::<Result<_, _>>()?
    };
    tx.connection
        .prepare_cached("UPDATE outbox SET sealed = 1, overlaid = 0 WHERE location_id = ?1")?
        .execute([key()])?;
    for (name, id) in overlaid {
        let entity: Entity = name.parse().map_err(|_| MirrorError::Unreadable("an operation"))?;
        if is_of_people(entity) {
            // Without the work over it: whether it stays is seen below.
            overlay::recompute(tx.connection, entity, id)?;
        } else {
            overlay::drop_shadow(tx.connection, entity, id)?;
            statement::delete(tx.connection, entity, id)?;
        }
        tx.touched(entity);
    }
    for table in TABLES.iter().filter(|table| table.scope == Scope::Location) {
        let removed = tx.connection.prepare_cached(purge(table.entity)?)?.execute([key()])?;
        if removed > 0 {
            tx.changed.entities.insert(table.entity);
            tx.changed.rows += removed as u64;
        }
    }
    purge_photos(tx, location)?;
    for sql in [
        "UPDATE inspection_draft SET sealed = 1 WHERE location_id = ?1",
        "DELETE FROM recent WHERE row_id = ?1",
        "DELETE FROM refetch WHERE row_id = ?1",
    ] {
        tx.connection.prepare_cached(sql)?.execute([key()])?;
    }
    Ok(())
}

/// Bytes that the server has go at once; those it lacks stay to be sent, without their thumbnail.
fn purge_photos(tx: &mut Tx<'_>, location: LocationId) -> Result<(), MirrorError> {
    let key = || Key::of(location.uuid());
    let names: Vec<String> = {
        let mut statement = tx.connection.prepare_cached(
            "SELECT DISTINCT name FROM photo_file f WHERE location_id = ?1 AND NOT EXISTS (
                 SELECT 1 FROM photo_file other WHERE other.name = f.name
                     AND (other.location_id IS NOT ?1 OR other.stored_on_server = 0))",
        )?;
        statement.query_map([key()], |row| row.get(0))?.collect::<Result<_, _>>()?
    };
    tx.connection
        .prepare_cached("DELETE FROM photo_file WHERE location_id = ?1 AND stored_on_server = 1")?
        .execute([key()])?;
    tx.connection
        .prepare_cached("UPDATE photo_file SET sealed = 1, thumbnail = NULL WHERE location_id = ?1")?
        .execute([key()])?;
    for name in names {
        tx.files_unneeded.push(tx.inner.photos.path(&name));
    }
    Ok(())
}

/// What became of a person's own work they go on seeing after its site has left their scope, and the server goes on
/// showing it.
fn is_of_people(entity: Entity) -> bool {
    matches!(entity, Entity::Conflicts | Entity::ParkedOperations)
}

/// A site may have got another customer, whose row is older than the cursor: no difference brings it.
pub(super) fn fetch_customers_of_sites(tx: &mut Tx<'_>) -> Result<(), MirrorError> {
    tx.connection
        .prepare_cached(
            "INSERT OR IGNORE INTO refetch (entity, row_id)
             SELECT 'customers', l.customer_id FROM locations l
             WHERE l.customer_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.id = l.customer_id)",
        )?
        .execute([])?;
    Ok(())
}

/// The customers of these sites, as the mirror has them before the sites arrive.
pub(super) fn customers_of(tx: &Tx<'_>, sites: &[Row]) -> Result<BTreeSet<Uuid>, MirrorError> {
    let mut statement =
        tx.connection.prepare_cached("SELECT customer_id FROM locations WHERE id = ?1 AND customer_id IS NOT NULL")?;
    let mut customers = BTreeSet::new();
    for site in sites {
        customers.extend(statement.query_row([Key::of(site.id)], |row| uuid_at(row, 0)).optional()?);
    }
    Ok(customers)
}

/// A site that a narrowed laptop keeps may have left a customer who has no other here. Only the server knows whether this
/// person still sees them: it is asked, and what it does not show goes.
pub(super) fn ask_for_customers_left(tx: &mut Tx<'_>, left: &BTreeSet<Uuid>) -> Result<(), MirrorError> {
    let mut statement = tx.connection.prepare_cached(
        "INSERT OR IGNORE INTO refetch (entity, row_id)
         SELECT 'customers', c.id FROM customers c
         WHERE c.id = ?1 AND NOT EXISTS (SELECT 1 FROM locations l WHERE l.customer_id = c.id)",
    )?;
    for customer in left {
        statement.execute([Key::of(*customer)])?;
    }
    Ok(())
}

/// Customers are in scope by their sites; for whoever sees all, only where the laptop is narrowed to some.
pub(super) fn drop_customers_without_site(tx: &mut Tx<'_>, is_narrowed: bool) -> Result<(), MirrorError> {
    let removed = tx
        .connection
        .prepare_cached(
            "DELETE FROM customers WHERE (?1 OR (SELECT role FROM profile) = 'technician')
                 AND NOT EXISTS (SELECT 1 FROM locations l WHERE l.customer_id = customers.id)
                 AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.entity = 'customers' AND o.row_id = customers.id
                     AND o.overlaid = 1)",
        )?
        .execute([is_narrowed])?;
    if removed > 0 {
        tx.changed.entities.insert(Entity::Customers);
        tx.changed.rows += removed as u64;
    }
    Ok(())
}

macro_rules! purges {
    ($($variant:ident $name:ident $scope:ident { $($column:ident : $kind:ident),+ $(,)? })+) => {
        /// Removes the rows of a site from a table.
        fn purge(entity: Entity) -> Result<&'static str, MirrorError> {
            if entity == Entity::Locations {
                return Ok("DELETE FROM locations WHERE id = ?1");
            }
            // See `is_of_people`.
            match entity {
                Entity::Conflicts => {
                    return Ok("DELETE FROM conflicts WHERE location_id = ?1
                               AND author_id IS NOT (SELECT user_id FROM profile)");
                }
                Entity::ParkedOperations => {
                    return Ok("DELETE FROM parked_operations WHERE location_id = ?1
                               AND author_id IS NOT (SELECT user_id FROM profile)");
                }
                _ => {}
            }
            Ok(match entity {
                $(Entity::$variant => concat!("DELETE FROM ", stringify!($name), " WHERE location_id = ?1"),)+
                Entity::PerformanceMetrics => return Err(MirrorError::Unreadable("a table that is not mirrored")),
            })
        }
    };
}
clara_domain::mirrored!(purges);
