//! The mirror against the server, bucket by bucket.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use clara_domain::LocationId;
use clara_domain::mirror::Entity;
use clara_domain::row::Row;
use clara_sync::{Bucket, Repair, RowKey};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::pull::{arrive, vanish};
use super::{lane, revoke};
use crate::check::timestamp;
use crate::error::MirrorError;
use crate::outbox;
use crate::statement::{self, Key};
use crate::tx::Tx;

fn bucket_of(id: Uuid) -> i16 {
    i16::from(id.as_bytes().first().copied().unwrap_or(0))
}

fn hash(id: Uuid, row_ver: i64) -> i64 {
    let digest = Sha256::digest(format!("{id}:{row_ver}"));
    digest.first_chunk::<8>().copied().map_or(0, i64::from_be_bytes)
}

/// A row that the server deleted and that is still seen because work lies over it is not the server's any more.
fn gone(connection: &Connection, entity: Entity) -> Result<BTreeSet<String>, MirrorError> {
    let mut statement = connection.prepare_cached("SELECT row_id FROM shadow WHERE entity = ?1 AND gone = 1")?;
    Ok(statement.query_map([entity.name()], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

pub(super) fn buckets(connection: &Connection, entity: Entity) -> Result<Vec<Bucket>, MirrorError> {
    let gone = gone(connection, entity)?;
    let mut buckets: BTreeMap<i16, Bucket> = BTreeMap::new();
    statement::keys(connection, entity, |id, row_ver| {
        if gone.is_empty() || !gone.contains(&id.to_string()) {
            let number = bucket_of(id);
            let bucket = buckets.entry(number).or_insert(Bucket { bucket: number, count: 0, sum: 0, xor: 0 });
            let hash = hash(id, row_ver);
            bucket.count += 1;
            bucket.sum = bucket.sum.wrapping_add(hash);
            bucket.xor ^= hash;
        }
    })?;
    Ok(buckets.into_values().collect())
}

pub(super) fn bucket_keys(connection: &Connection, entity: Entity, wanted: &[i16]) -> Result<Vec<RowKey>, MirrorError> {
    let gone = gone(connection, entity)?;
    let mut keys = Vec::new();
    statement::keys(connection, entity, |id, row_ver| {
        if wanted.contains(&bucket_of(id)) && !gone.contains(&id.to_string()) {
            keys.push(RowKey { id, row_ver });
        }
    })?;
    keys.sort();
    Ok(keys)
}

pub(super) fn repair(tx: &mut Tx<'_>, entity: Entity, rows: &[Row], gone: &[Uuid]) -> Result<(), MirrorError> {
    if entity == Entity::Locations {
        // Sites that came or went while nobody told: after a restore no difference speaks of them any more.
        for row in rows {
            revoke::grant(tx, LocationId(row.id))?;
        }
        for id in gone {
            revoke::revoke(tx, LocationId(*id))?;
        }
    }
    let overlaid = outbox::overlaid_rows(tx.connection, entity)?;
    arrive(tx, entity, rows, &overlaid)?;
    for id in gone {
        vanish(tx, entity, *id)?;
    }
    if entity == Entity::Photos && !gone.is_empty() {
        lane::let_go(tx)?;
    }
    if entity == Entity::Locations && !gone.is_empty() {
        revoke::drop_customers_without_site(tx, false)?;
    }
    let mut done = tx.connection.prepare_cached("DELETE FROM refetch WHERE entity = ?1 AND row_id = ?2")?;
    for id in rows.iter().map(|row| row.id).chain(gone.iter().copied()) {
        done.execute(params![entity.name(), Key::of(id)])?;
    }
    Ok(())
}

pub(super) fn audited(connection: &Connection, repairs: &[Repair], now: DateTime<Utc>) -> Result<(), MirrorError> {
    connection.prepare_cached("UPDATE profile SET audited_at = ?1")?.execute([timestamp(now)])?;
    for repair in repairs.iter().filter(|repair| repair.refetched > 0 || repair.purged > 0) {
        connection
            .prepare_cached("INSERT INTO repair_log (entity, refetched, purged, repaired_at) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![repair.entity.name(), repair.refetched, repair.purged, timestamp(now)])?;
    }
    Ok(())
}
