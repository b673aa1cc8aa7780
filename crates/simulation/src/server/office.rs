//! What the office's own programs do, straight on the tables; and what happens to the server as a machine.

use clara_domain::DeviceId;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use serde_json::json;
use uuid::Uuid;

use super::state::{Device, State};
use super::{Server, id_of};
use crate::control::Control;

/// A transaction that has begun, holds its rows, and has not ended.
#[derive(Debug, Clone, Default)]
pub struct Slow {
    /// What it will have written.
    pub changes: Vec<(Entity, Uuid, Fields)>,
}

impl Server {
    /// A new row.
    pub fn office_insert(&mut self, entity: Entity, id: Uuid, row: Fields) {
        let xid = self.begin();
        self.state.insert(xid, self.now, entity, id, row);
    }

    /// Changed columns; waits for nobody, and does nothing while somebody else holds the row.
    pub fn office_update(&mut self, entity: Entity, id: Uuid, patch: &Fields) -> bool {
        if self.is_locked(id) {
            return false;
        }
        let xid = self.begin();
        self.state.update(xid, self.now, entity, id, patch).is_some()
    }

    /// Deletes a row for good, if nothing refers to it.
    pub fn office_delete(&mut self, entity: Entity, id: Uuid) -> bool {
        if self.is_locked(id) || self.is_referred_to(id) {
            return false;
        }
        let xid = self.begin();
        self.state.chunks.retain(|(photo, _), _| *photo != id);
        self.state.remove(xid, self.now, entity, id)
    }

    fn is_referred_to(&self, id: Uuid) -> bool {
        let by = [
            (Entity::JobEquipment, &["job_id", "equipment_id"][..]),
            (Entity::InspectionRecords, &["job_id", "equipment_id"]),
            (Entity::DataCaptureLogs, &["job_id", "equipment_id"]),
            (Entity::Photos, &["job_id", "equipment_id"]),
            (Entity::EquipmentInventory, &["location_id", "replacement_of_equipment_id", "replaced_by_equipment_id"]),
            (Entity::Jobs, &["location_id"]),
        ];
        let refers = |row: &Fields, names: &[&str]| names.iter().any(|name| id_of(row, name) == Some(id));
        by.iter().any(|(entity, names)| self.state.rows(*entity, None).any(|(_, row)| refers(&row.fields, names)))
            || self.state.running.values().flat_map(|open| &open.changes).any(|(_, row, _)| *row == id)
    }

    /// Begins a transaction that changes a row and does not end yet.
    pub fn begin_slow(&mut self, entity: Entity, id: Uuid, patch: Fields) -> Option<u64> {
        if self.is_locked(id) || self.state.body(entity, id).is_none() {
            return None;
        }
        let xid = self.begin();
        self.state.running.insert(xid, Slow { changes: vec![(entity, id, patch)] });
        Some(xid)
    }

    /// Ends it.
    pub fn end_slow(&mut self, xid: u64, commit: bool) {
        let Some(open) = self.state.running.remove(&xid) else { return };
        for (entity, id, patch) in open.changes {
            if commit {
                self.state.update(xid, self.now, entity, id, &patch);
            }
        }
    }

    /// The nightly look at who still has work where.
    pub fn night(&mut self) {
        let xid = self.begin();
        let now = self.now;
        self.state.refresh_access(xid, now);
    }

    /// A new laptop for a person.
    pub fn enroll(&mut self, user: Uuid, name: &str) -> DeviceId {
        let id = self.chance.uuid();
        self.state.devices.insert(DeviceId(id), Device { user, revoked: false, cloned: false });
        self.office_insert(Entity::Devices, id, super::fields(json!({"user_id": user, "name": name})));
        DeviceId(id)
    }

    /// Stopped and started again: what had not ended is gone.
    pub fn restart(&mut self) {
        self.state.running.clear();
        self.incarnation += 1;
    }

    /// An older copy is put in the database's place.
    pub fn put_back(&mut self, copy: State) {
        // Where the restore is to pass unnoticed, its counter has caught up with what laptops have seen.
        let next = if self.is_broken(Control::RestoreUndetected) {
            self.state.next_xid.max(self.highest_told)
        } else {
            copy.next_xid
        };
        self.state = copy;
        self.state.next_xid = next;
        self.restart();
    }

    /// A dump of the database is loaded into another cluster, whose counter is younger.
    pub fn move_house(&mut self, copy: State, cluster: &str) {
        self.put_back(copy);
        self.system_identifier = cluster.to_owned();
        // Younger than the one before it, whose numbers are in the ledger and mean nothing here.
        self.moves += 1;
        self.state.next_xid = 100_000_u64.saturating_sub(self.moves * 20_000) + 500;
    }

    /// `clara central rebase`: every row is stamped anew, and the database has a new name for itself.
    pub fn rebase(&mut self) {
        let xid = self.begin();
        for versions in self.state.tables.values_mut().flat_map(|table| table.values_mut()) {
            if let Some(last) = versions.pop() {
                *versions = vec![super::Version { cx: xid, ..last }];
            }
        }
        for states in self.state.access.values_mut() {
            if let Some((_, granted)) = states.pop() {
                *states = vec![(xid, granted)];
            }
        }
        for dug in self.state.tombstones.values_mut() {
            if let Some((_, site)) = dug.pop() {
                *dug = vec![(xid, site)];
            }
        }
        self.state.departures.values_mut().flatten().for_each(|departure| departure.cx = xid);
        let epoch = self.chance.uuid();
        let old = std::mem::replace(&mut self.state.epoch, epoch);
        self.state.earlier_epochs.push(old);
        self.epoch_of.clone_from(&self.system_identifier);
    }
}
