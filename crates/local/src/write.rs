//! What a person does, inside one transaction.

use chrono::{DateTime, Utc};
use clara_domain::OpId;
use clara_domain::mirror::{Entity, Scope, Table};
use clara_domain::operation::{OpKind, Operation, SCHEMA_VERSION};
use clara_domain::row::{Fields, Row};
use rusqlite::OptionalExtension;
use serde_json::Value;
use uuid::Uuid;

use crate::apply::{self, Change};
use crate::check;
use crate::entropy::uuid_v7;
use crate::error::MirrorError;
use crate::hand_over;
use crate::outbox::{self, Entry, OpState};
use crate::overlay;
use crate::read::Read;
use crate::spool::Frame;
use crate::statement::{self, Key, Upsert, table, uuid_at};
use crate::tx::Tx;

/// The door for writing, open for the length of one transaction; see [`crate::Mirror::write`].
pub struct WriteTx<'t, 'c> {
    pub(crate) tx: &'t mut Tx<'c>,
    pub(crate) now: DateTime<Utc>,
}

impl WriteTx<'_, '_> {
    /// Reads, with this transaction's own changes in it.
    pub fn read(&self) -> Read<'_> {
        Read { connection: self.tx.connection, photos: &self.tx.inner.photos }
    }

    /// The time of this write, as given.
    pub fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A new UUIDv7 of this write's time.
    ///
    /// # Errors
    /// Where there is no randomness to be had.
    pub fn new_id(&mut self) -> Result<Uuid, MirrorError> {
        Ok(uuid_v7(self.tx.entropy, self.now)?)
    }

    /// A new row. `fields` are the columns that are not at their default, in full (also those that merge by key); the
    /// columns that the server fills (`location_id` from the job or the item, `created_at`, `updated_at`) may be left
    /// out and are filled in the mirror alone.
    ///
    /// # Errors
    /// [`MirrorError::BadValue`], [`MirrorError::BadField`], [`MirrorError::RowExists`].
    pub fn insert(&mut self, entity: Entity, row_id: Uuid, root_id: Uuid, fields: Fields) -> Result<OpId, MirrorError> {
        let Some(table) = entity.table() else {
            check::checked_loose(entity, &fields)?;
            return self.append(
                entity,
                row_id,
                root_id,
                OpKind::Insert,
                0,
                Change { base: Fields::new(), new: fields },
                None,
            );
        };
        let new = check::checked(table, &fields)?;
        if statement::select(self.tx.connection, entity, row_id)?.is_some() {
            return Err(MirrorError::RowExists { entity, id: row_id });
        }
        let location_id = self.location_of(table, row_id, &new)?;
        let op_id =
            self.append(entity, row_id, root_id, OpKind::Insert, 0, Change { base: Fields::new(), new }, location_id)?;
        overlay::recompute(self.tx.connection, entity, row_id)?;
        self.tx.touched(entity);
        if entity == Entity::InspectionRecords {
            // Its photos were taken before it was complete; from here on they follow it.
            for mut photo in outbox::waiting_for(self.tx.connection, row_id)? {
                photo.operation.seq = self.next_seq()?.0;
                self.keep(photo)?;
            }
        }
        Ok(op_id)
    }

    /// Changed fields of a row. For a column that merges by key
    /// ([`clara_domain::mirror::Column::merges_by_key`]: `components`, `measurements`, `checklist`, `metadata`) the value
    /// is an object of the changed keys alone, null to remove one. Fields that are so already are left out; none where
    /// nothing is left.
    ///
    /// # Errors
    /// [`MirrorError::BadValue`], [`MirrorError::BadField`], [`MirrorError::NoRow`].
    pub fn update(
        &mut self,
        entity: Entity,
        row_id: Uuid,
        root_id: Uuid,
        fields: Fields,
    ) -> Result<Option<OpId>, MirrorError> {
        let table = table(entity)?;
        let wanted = check::checked(table, &fields)?;
        let row = self.visible(entity, row_id)?;
        let mut current = row.fields(table);
        let change = apply::difference(table, &current, &wanted).ok_or_else(|| {
            let field = wanted
                .iter()
                .find(|(name, value)| !value.is_object() && table.column(name).is_some_and(|c| c.merges_by_key()))
                .map(|(name, _)| name.clone())
                .unwrap_or_default();
            MirrorError::BadField { entity, field }
        })?;
        if change.new.is_empty() {
            return Ok(None);
        }
        let location_id = self.location_of(table, row_id, &current)?;
        overlay::keep_server_version(self.tx.connection, entity, &row)?;
        apply::lay_over(table, &mut current, &change.new);
        let op_id = self.append(entity, row_id, root_id, OpKind::Update, row.row_ver, change, location_id)?;
        Upsert::new(self.tx.connection, entity)?.row(&Row::from_fields(table, row_id, row.row_ver, &current))?;
        self.tx.touched(entity);
        Ok(Some(op_id))
    }

    /// A soft delete.
    ///
    /// # Errors
    /// [`MirrorError::NoRow`].
    pub fn delete(&mut self, entity: Entity, row_id: Uuid, root_id: Uuid) -> Result<OpId, MirrorError> {
        let table = table(entity)?;
        let row = self.visible(entity, row_id)?;
        let location_id = self.location_of(table, row_id, &row.fields(table))?;
        overlay::keep_server_version(self.tx.connection, entity, &row)?;
        let op_id =
            self.append(entity, row_id, root_id, OpKind::Delete, row.row_ver, Change::default(), location_id)?;
        overlay::recompute(self.tx.connection, entity, row_id)?;
        self.tx.touched(entity);
        Ok(op_id)
    }

    fn visible(&self, entity: Entity, id: Uuid) -> Result<Row, MirrorError> {
        statement::select(self.tx.connection, entity, id)?.ok_or(MirrorError::NoRow { entity, id })
    }

    /// The site that a row belongs to: by its own column, or by its job or item.
    fn location_of(&self, table: &Table, row_id: Uuid, fields: &Fields) -> Result<Option<Uuid>, MirrorError> {
        let uuid = |name: &str| fields.get(name).and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
        if table.scope != Scope::Location {
            return Ok(None);
        }
        if table.entity == Entity::Locations {
            return Ok(Some(row_id));
        }
        if let Some(location) = uuid("location_id") {
            return Ok(Some(location));
        }
        let look = |sql: &str, id: Option<Uuid>| -> Result<Option<Uuid>, MirrorError> {
            let Some(id) = id else { return Ok(None) };
            Ok(self.tx.connection.prepare_cached(sql)?.query_row([Key::of(id)], |row| uuid_at(row, 0)).optional()?)
        };
        let of_job = look("SELECT location_id FROM jobs WHERE id = ?1", uuid("job_id"))?;
        if of_job.is_some() {
            return Ok(of_job);
        }
        look("SELECT location_id FROM equipment_inventory WHERE id = ?1", uuid("equipment_id"))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one operation")]
    fn append(
        &mut self,
        entity: Entity,
        row_id: Uuid,
        root_id: Uuid,
        kind: OpKind,
        base_row_ver: i64,
        change: Change,
        location_id: Option<Uuid>,
    ) -> Result<OpId, MirrorError> {
        let root_id = match kind {
            OpKind::Insert => root_id,
            // Of another aggregate it could go before the row itself.
            _ => outbox::root_of_new_row(self.tx.connection, entity, row_id)?.unwrap_or(root_id),
        };
        if kind == OpKind::Update
            && let Some(op_id) = self.draw_in(entity, row_id, root_id, &change)?
        {
            return Ok(op_id);
        }
        let op_id = OpId(self.new_id()?);
        let (seq, clock_offset_ms) = self.next_seq()?;
        let operation = Operation {
            op_id,
            seq,
            root_id,
            entity,
            row_id,
            kind,
            base_row_ver,
            base: change.base,
            new: change.new,
            schema_version: SCHEMA_VERSION,
            local_at: self.now,
            clock_offset_ms,
        };
        let entry = Entry {
            operation,
            location_id,
            state: OpState::Pending,
            overlaid: entity.table().is_some(),
            sealed: false,
            attempts: 0,
            receipt: None,
            applied_xid: None,
            receipted_at: None,
        };
        self.keep(entry)?;
        Ok(op_id)
    }

    fn next_seq(&self) -> Result<(i64, Option<i64>), MirrorError> {
        self.tx
            .connection
            .prepare_cached(
                "UPDATE profile SET next_seq = next_seq + 1 WHERE device_id IS NOT NULL
                 RETURNING next_seq - 1, clock_offset_ms",
            )?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or(MirrorError::NotEnrolled)
    }

    fn keep(&mut self, entry: Entry) -> Result<(), MirrorError> {
        outbox::put(self.tx.connection, &entry, self.tx.segment)?;
        let Entry { operation, location_id, sealed, .. } = entry;
        self.tx.frames.push(Frame::Operation { operation, location_id, sealed });
        Ok(())
    }

    /// Draws a change into the operation before it, if that is the aggregate's newest, is about the same row and was
    /// never sent.
    fn draw_in(
        &mut self,
        entity: Entity,
        row_id: Uuid,
        root_id: Uuid,
        change: &Change,
    ) -> Result<Option<OpId>, MirrorError> {
        let Some(mut last) = outbox::newest_of_root(self.tx.connection, root_id)? else { return Ok(None) };
        let same = last.operation.entity == entity && last.operation.row_id == row_id;
        if !same || last.state != OpState::Pending || last.attempts > 0 || last.sealed {
            return Ok(None);
        }
        let first = Change { base: last.operation.base, new: last.operation.new };
        let Some(merged) = apply::coalesced(table(entity)?, last.operation.kind, &first, change) else {
            return Ok(None);
        };
        (last.operation.base, last.operation.new) = (merged.base, merged.new);
        last.operation.local_at = self.now;
        let op_id = last.operation.op_id;
        self.keep(last)?;
        Ok(Some(op_id))
    }

    /// Takes back an operation that the server refused, or one that was never sent. The row shows the server's version
    /// again, with what else lies over it; taking back a new row takes back what was done to it.
    ///
    /// # Errors
    /// [`MirrorError::NoOperation`] where it may be on the server, or waits there for a decision.
    pub fn withdraw(&mut self, op_id: OpId) -> Result<(), MirrorError> {
        let entry = self.changeable(op_id)?;
        for later in self.later_of_row(&entry)? {
            if entry.operation.kind == OpKind::Insert {
                self.drop_entry(later)?;
            } else {
                self.rebase(later, &entry)?;
            }
        }
        if let Some(about) = hand_over::about(&entry.operation) {
            hand_over::is_refused_again(self.tx.connection, about)?;
        }
        self.drop_entry(entry)
    }

    /// Sends a refused operation again as a new one, with `corrected` fields laid over what it held (the same form as
    /// in [`WriteTx::update`]). What came after it in the same aggregate and was never sent keeps its place behind it; of
    /// a new row, all that was done to it, which the server cannot have taken without the row. Returns the new operation;
    /// none where the server has it all already.
    ///
    /// # Errors
    /// [`MirrorError::NoOperation`] where it was not refused; [`MirrorError::BadValue`] and [`MirrorError::BadField`]
    /// for the corrections.
    pub fn send_again(&mut self, op_id: OpId, corrected: Fields) -> Result<Option<OpId>, MirrorError> {
        let entry = self.changeable(op_id)?;
        let corrected = match entry.operation.entity.table() {
            Some(table) => check::checked(table, &corrected)?,
            None => corrected,
        };
        let (entity, row_id) = (entry.operation.entity, entry.operation.row_id);
        let goes_behind = |later: &Entry| {
            (later.state == OpState::Pending && later.attempts == 0) || shares_the_fate_of(later, &entry)
        };
        let mut following = outbox::of_root_from(self.tx.connection, entry.operation.root_id, entry.operation.seq + 1)?;
        // What was done to a row need not be of the same aggregate as its making.
        following.extend(self.later_of_row(&entry)?);
        following.retain(goes_behind);
        following.sort_by_key(|later| later.operation.seq);
        following.dedup_by_key(|later| later.operation.op_id);
        let mut again = entry.clone();
        match (entity.table(), again.operation.kind) {
            (Some(table), OpKind::Insert) => apply::lay_over(table, &mut again.operation.new, &corrected),
            (Some(table), _) => {
                // The person corrects it before the eyes of the server's present version: that is where it starts from.
                let server = overlay::shadow(self.tx.connection, entity, row_id)?;
                let mut wanted = again.operation.new;
                for (name, value) in corrected {
                    merge_into(&mut wanted, &name, value);
                }
                let fields = server.as_ref().map(|shadow| shadow.fields.clone()).unwrap_or_default();
                let change = apply::difference(table, &fields, &wanted)
                    .ok_or_else(|| MirrorError::BadField { entity, field: String::new() })?;
                (again.operation.base, again.operation.new) = (change.base, change.new);
                again.operation.base_row_ver = server.map_or(again.operation.base_row_ver, |shadow| shadow.row_ver);
            }
            (None, _) => again.operation.new.extend(corrected),
        }
        let nothing_left = again.operation.kind == OpKind::Update && again.operation.new.is_empty();
        let first = if nothing_left { None } else { Some(self.append_copy(again)?) };
        for later in &following {
            self.append_copy(later.clone())?;
        }
        // Only now: with nothing over a row, the server's version of it is remembered no longer, and what is laid over it
        // next would lie over nothing.
        for old in std::iter::once(entry).chain(following) {
            self.drop_entry(old)?;
        }
        overlay::recompute(self.tx.connection, entity, row_id)?;
        self.tx.touched(entity);
        Ok(first)
    }

    fn append_copy(&mut self, mut entry: Entry) -> Result<OpId, MirrorError> {
        let op_id = OpId(self.new_id()?);
        let (seq, clock_offset_ms) = self.next_seq()?;
        entry.operation.op_id = op_id;
        entry.operation.seq = seq;
        entry.operation.local_at = self.now;
        entry.operation.clock_offset_ms = clock_offset_ms;
        entry.operation.schema_version = SCHEMA_VERSION;
        entry.state = OpState::Pending;
        entry.overlaid = entry.operation.entity.table().is_some() && !entry.sealed;
        (entry.attempts, entry.receipt, entry.applied_xid, entry.receipted_at) = (0, None, None, None);
        let (entity, row_id) = (entry.operation.entity, entry.operation.row_id);
        self.keep(entry)?;
        overlay::recompute(self.tx.connection, entity, row_id)?;
        Ok(op_id)
    }

    /// Refused, or never sent.
    fn changeable(&self, op_id: OpId) -> Result<Entry, MirrorError> {
        outbox::get(self.tx.connection, op_id)?
            .filter(|entry| {
                entry.state == OpState::Rejected || (entry.state == OpState::Pending && entry.attempts == 0)
            })
            .ok_or(MirrorError::NoOperation(op_id))
    }

    fn later_of_row(&self, entry: &Entry) -> Result<Vec<Entry>, MirrorError> {
        let of_row = outbox::overlaid(self.tx.connection, entry.operation.entity, entry.operation.row_id)?;
        Ok(of_row
            .into_iter()
            .filter(|later| {
                let never_sent = later.state == OpState::Pending && later.attempts == 0;
                later.operation.seq > entry.operation.seq
                    && (later.state == OpState::Rejected || never_sent || shares_the_fate_of(later, entry))
            })
            .collect())
    }

    fn rebase(&mut self, mut later: Entry, taken_back: &Entry) -> Result<(), MirrorError> {
        if later.operation.kind != OpKind::Update || later.state != OpState::Pending {
            return Ok(());
        }
        let change = Change { base: later.operation.base.clone(), new: later.operation.new.clone() };
        let taken = Change { base: taken_back.operation.base.clone(), new: taken_back.operation.new.clone() };
        let rebased = apply::rebased(table(later.operation.entity)?, &change, &taken);
        if rebased != change {
            (later.operation.base, later.operation.new) = (rebased.base, rebased.new);
            self.keep(later)?;
        }
        Ok(())
    }

    fn drop_entry(&mut self, mut entry: Entry) -> Result<(), MirrorError> {
        (entry.state, entry.overlaid, entry.receipted_at) = (OpState::Withdrawn, false, None);
        outbox::put(self.tx.connection, &entry, self.tx.segment)?;
        self.tx.frames.push(Frame::Withdrawn { op_id: entry.operation.op_id });
        let (entity, row_id) = (entry.operation.entity, entry.operation.row_id);
        if entity.table().is_some() && !entry.sealed {
            overlay::recompute(self.tx.connection, entity, row_id)?;
            if entry.attempts > 0 {
                overlay::refetch(self.tx.connection, entity, row_id)?;
            }
            self.tx.touched(entity);
        }
        Ok(())
    }
}

/// What was done to a new row that was refused: also where it was on its way once and nothing is known of it, the server
/// cannot have taken it without the row.
fn shares_the_fate_of(later: &Entry, new_row: &Entry) -> bool {
    let of_row = |entry: &Entry| (entry.operation.entity, entry.operation.row_id);
    new_row.operation.kind == OpKind::Insert
        && of_row(later) == of_row(new_row)
        && matches!(later.state, OpState::Pending | OpState::Rejected)
}

/// Keys into an object, anything else in its place.
fn merge_into(fields: &mut Fields, name: &str, value: Value) {
    match (fields.get_mut(name), value) {
        (Some(Value::Object(present)), Value::Object(keys)) => present.extend(keys),
        (_, value) => {
            fields.insert(name.to_owned(), value);
        }
    }
}
