//! The laptop's end of the sync engine.

mod audit;
mod decided;
mod first_sync;
mod lane;
mod moves;
mod pull;
mod push;
mod restore;
mod revoke;

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Receipt};
use clara_domain::row::Row;
use clara_domain::{DeviceId, OpId, PhotoId};
use clara_sync::{
    Bucket, Changed, Cursor, Hello, PendingPhoto, Pull, Repair, Replica, ReplicaError, ReplicaState, RowKey,
    ServerIdentity,
};
use rusqlite::{Connection, params};
use uuid::Uuid;

use crate::check::{parse_timestamp, timestamp};
use crate::error::MirrorError;
use crate::mirror::Mirror;
use crate::search;
use crate::settings::{self, Synchronous};
use crate::statement::uuid_at;
use crate::tx::{Tx, transact};

impl Mirror {
    /// Builds what is left of the search index, if it is due.
    pub(crate) fn finish_search(&self) -> Result<(), MirrorError> {
        while self.build_search()?.is_some() {}
        Ok(())
    }

    /// One step of building the search index, if it is due. Returns the models in it; none once it is whole.
    pub(crate) fn build_search(&self) -> Result<Option<u64>, MirrorError> {
        if !self.read(|read| search::is_due(read.connection))? {
            return Ok(None);
        }
        Ok(self.transact(|tx| search::build_some(tx.connection))?.0)
    }

    fn change(&self, act: impl FnOnce(&mut Tx<'_>) -> Result<(), MirrorError>) -> Result<Changed, ReplicaError> {
        Ok(self.transact(act)?.1)
    }
}

pub(crate) use first_sync::bookmarks;

fn state(connection: &Connection) -> Result<ReplicaState, MirrorError> {
    let unreadable = || MirrorError::Unreadable("the profile");
    let uuid = |text: String| Uuid::parse_str(&text).map_err(|_| unreadable());
    let snapshot = |text: Option<String>| text.map(|t| t.parse::<Cursor>()).transpose().map_err(|_| unreadable());
    let time = |text: Option<String>| text.as_deref().and_then(parse_timestamp);
    let mut statement = connection.prepare_cached(
        "SELECT device_id, system_identifier, incarnation, epoch, cursor, first_sync_from, highest_receipted_seq,
             audited_at, last_pull_at, reconciling, role
         FROM profile",
    )?;
    let mut rows = statement.query([])?;
    let row = rows.next()?.ok_or_else(unreadable)?;
    let server = match (row.get(1)?, row.get(2)?, row.get::<_, Option<String>>(3)?) {
        (Some(system_identifier), Some(incarnation), Some(epoch)) => {
            Some(ServerIdentity { system_identifier, incarnation, epoch: uuid(epoch)?, role: row.get(10)? })
        }
        _ => None,
    };
    let count = |sql: &str| -> Result<u32, MirrorError> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    Ok(ReplicaState {
        device: DeviceId(uuid(row.get::<_, Option<String>>(0)?.ok_or(MirrorError::NotEnrolled)?)?),
        server,
        cursor: snapshot(row.get(4)?)?,
        first_sync_from: snapshot(row.get(5)?)?,
        bookmarks: first_sync::bookmarks(connection)?,
        highest_receipted_seq: row.get(6)?,
        pending: push::ready(connection)?,
        in_flight: count("SELECT count(*) FROM outbox WHERE state = 'in_flight'")?,
        photos_waiting: lane::waiting(connection)?,
        pulled_at: time(row.get(8)?),
        reconciling: row.get(9)?,
        audited_at: time(row.get(7)?),
        refetch: refetch(connection)?,
    })
}

fn refetch(connection: &Connection) -> Result<Vec<(Entity, Uuid)>, MirrorError> {
    let mut statement = connection.prepare_cached("SELECT entity, row_id FROM refetch ORDER BY entity, row_id")?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, uuid_at(row, 1)?)))?;
    let mut found = Vec::new();
    for row in rows {
        let (name, id) = row?;
        found.push((name.parse().map_err(|_| MirrorError::Unreadable("the refetch list"))?, id));
    }
    Ok(found)
}

/// Who the server is and how far our clocks are apart.
fn meet(tx: &Tx<'_>, hello: &Hello, laptop_now: Option<DateTime<Utc>>) -> Result<(), MirrorError> {
    let offset = laptop_now.map(|now| (hello.server_now - now).num_milliseconds());
    tx.connection
        .prepare_cached(
            "UPDATE profile SET system_identifier = ?1, incarnation = ?2, epoch = ?3, server_schema_version = ?4, role = ?5,
                 clock_offset_ms = coalesce(?6, clock_offset_ms), last_contact_at = ?7",
        )?
        .execute(params![
            hello.system_identifier,
            hello.incarnation,
            hello.epoch.to_string(),
            hello.schema_version,
            hello.role,
            offset,
            timestamp(hello.server_now),
        ])?;
    // What was taken back here has no answer to date it by; the laptop's own clock may be a year off.
    tx.connection
        .prepare_cached("UPDATE outbox SET receipted_at = ?1 WHERE state = 'withdrawn' AND receipted_at IS NULL")?
        .execute([timestamp(hello.server_now)])?;
    Ok(())
}

impl Replica for Mirror {
    fn state(&mut self) -> Result<ReplicaState, ReplicaError> {
        Ok(self.read(|read| state(read.connection))?)
    }

    fn meet(&mut self, hello: &Hello, laptop_now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.change(|tx| meet(tx, hello, Some(laptop_now)))?;
        Ok(())
    }

    fn begin_first_sync(&mut self, from: &Cursor) -> Result<(), ReplicaError> {
        self.change(|tx| first_sync::begin(tx.connection, from))?;
        Ok(())
    }

    fn apply_page(&mut self, entity: Entity, rows: &[Row], last: bool) -> Result<Changed, ReplicaError> {
        let mut writer = self.writer();
        // Pages need no fsync each: what a failing battery takes is the end of the log, rows and bookmark together, and
        // comes again. The next save syncs the log with all that is in it.
        settings::set_synchronous(&writer.connection, Synchronous::AtCheckpoints)?;
        let stored = transact(&self.inner, &mut writer, |tx| first_sync::apply_page(tx, entity, rows, last));
        settings::set_synchronous(&writer.connection, Synchronous::AtEveryCommit)?;
        Ok(stored?.1)
    }

    fn index_catalogue(&mut self) -> Result<Option<u64>, ReplicaError> {
        Ok(self.build_search()?)
    }

    fn end_first_sync(&mut self) -> Result<(), ReplicaError> {
        self.change(|tx| first_sync::end(tx.connection))?;
        Ok(self.finish_search()?)
    }

    fn apply_pull(&mut self, pull: &Pull) -> Result<Changed, ReplicaError> {
        let changed = self.change(|tx| pull::apply(tx, pull))?;
        if !pull.revoked.is_empty() {
            // What was purged is still in the log of the database until it is written back. A full disk may have no room
            // for that; the pull is there all the same, and whoever is told otherwise shows rows that are gone.
            let written_back = self.writer().connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            if let Err(error) = written_back {
                tracing::warn!(%error, "the log is written back later, or when the profile is closed");
            }
        }
        Ok(changed)
    }

    fn take_batch(&mut self, max_operations: usize, max_bytes: usize) -> Result<Vec<Operation>, ReplicaError> {
        Ok(self.transact(|tx| push::take(tx.connection, max_operations, max_bytes))?.0)
    }

    fn settle(&mut self, receipts: &[Receipt], now: DateTime<Utc>) -> Result<Changed, ReplicaError> {
        self.change(|tx| push::settle(tx, receipts, now))
    }

    fn put_back(&mut self, operations: &[OpId]) -> Result<(), ReplicaError> {
        self.change(|tx| push::put_back(tx.connection, operations))?;
        Ok(())
    }

    fn put_back_all(&mut self) -> Result<u32, ReplicaError> {
        Ok(self.transact(|tx| push::put_back_all(tx.connection))?.0)
    }

    fn begin_reconcile(&mut self, known_seq: i64) -> Result<u32, ReplicaError> {
        Ok(self.transact(|tx| restore::begin(tx, known_seq))?.0)
    }

    fn end_reconcile(&mut self, cursor: &Cursor, now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.change(|tx| restore::end(tx, cursor, now))?;
        // The first sync that would have built it may have been cut short by the server's restore.
        Ok(self.finish_search()?)
    }

    fn next_photo(&mut self, skip: &[PhotoId]) -> Result<Option<PendingPhoto>, ReplicaError> {
        Ok(self.read(|read| lane::next(read.connection, skip))?)
    }

    fn photo_chunk(&mut self, photo: PhotoId, number: i32) -> Result<Vec<u8>, ReplicaError> {
        Ok(self.read(|read| lane::chunk(read, photo, number))?)
    }

    fn photo_stored(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.change(|tx| lane::stored(tx, photo))?;
        Ok(())
    }

    fn photo_unwanted(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.change(|tx| lane::unwanted(tx, photo))?;
        Ok(())
    }

    fn photo_damaged(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.change(|tx| lane::damaged(tx, photo))?;
        Ok(())
    }

    fn buckets(&mut self, entity: Entity) -> Result<Vec<Bucket>, ReplicaError> {
        Ok(self.read(|read| audit::buckets(read.connection, entity))?)
    }

    fn bucket_keys(&mut self, entity: Entity, buckets: &[i16]) -> Result<Vec<RowKey>, ReplicaError> {
        Ok(self.read(|read| audit::bucket_keys(read.connection, entity, buckets))?)
    }

    fn repair(&mut self, entity: Entity, rows: &[Row], gone: &[Uuid]) -> Result<Changed, ReplicaError> {
        self.change(|tx| audit::repair(tx, entity, rows, gone))
    }

    fn audited(&mut self, repairs: &[Repair], now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.change(|tx| audit::audited(tx.connection, repairs, now))?;
        Ok(())
    }
}
