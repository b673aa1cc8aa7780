//! What comes down: the handshake, the difference between two snapshots, pages, rows by id.

use std::collections::BTreeSet;

use clara_domain::mirror::{Entity, Scope, TABLES, Table};
use clara_domain::row::Row;
use clara_domain::{DeviceId, LocationId, UserId};
use clara_sync::{CentralError, Cursor, Hello, Page, Pull, PullRequest, TableRows, Tombstone};
use uuid::Uuid;

use super::{Server, id_of};
use crate::control::Control;

impl Server {
    /// Who is there.
    pub fn hello(&mut self, user: Uuid, device: DeviceId) -> Result<Hello, CentralError> {
        self.admit(user)?;
        let mut hello = Hello {
            system_identifier: self.system_identifier.clone(),
            incarnation: self.incarnation,
            epoch: self.state.epoch,
            earlier_epochs: self.state.earlier_epochs.clone(),
            server_version_num: 170_012,
            in_recovery: self.in_recovery,
            schema_version: 1,
            min_client: self.min_client,
            server_now: self.now,
            snapshot: self.snapshot(),
            user_id: UserId(user),
            role: self.role(user),
            highest_seq: self
                .state
                .places
                .range((device, i64::MIN)..=(device, i64::MAX))
                .next_back()
                .map_or(0, |((_, seq), _)| *seq),
            device_known: self
                .state
                .devices
                .get(&device)
                .is_some_and(|known| known.user == user && !known.revoked && !known.cloned),
        };
        if self.is_broken(Control::RestoreUndetected) {
            hello.incarnation = 1;
            hello.highest_seq = i64::MAX;
        }
        self.highest_told = self.highest_told.max(hello.snapshot.xmax());
        Ok(hello)
    }

    /// The difference between a cursor and now.
    pub fn pull(&mut self, user: Uuid, request: &PullRequest) -> Result<Pull, CentralError> {
        let hello = self.hello(user, request.device)?;
        if self.in_recovery {
            return Err(refused("standby"));
        }
        if self.epoch_of != self.system_identifier {
            return Err(refused("needs_rebase"));
        }
        self.knows_columns(None)?;
        let since = &request.cursor;
        let sight = self.sight(user, None);
        let (mut granted, mut revoked) = (Vec::new(), Vec::new());
        for ((_, site), states) in self.state.access.range((user, Uuid::nil())..=(user, Uuid::max())) {
            if let Some((cx, state)) = states.last()
                && !since.contains(*cx)
            {
                if *state { &mut granted } else { &mut revoked }.push(LocationId(*site));
            }
        }
        if self.is_broken(Control::ScopeOff) {
            revoked.clear();
        }
        let tombstones = self.tombstones(&sight, since);
        let new_sites: BTreeSet<Uuid> = granted.iter().map(|site| site.uuid()).collect();
        let rows = TABLES
            .iter()
            .map(|table| TableRows { entity: table.entity, rows: self.changed(table, &sight, since, &new_sites) })
            .filter(|part| !part.rows.is_empty())
            .collect();
        Ok(Pull { hello, granted, revoked, rows, tombstones })
    }

    fn tombstones(&self, sight: &super::Sight, since: &Cursor) -> Vec<Tombstone> {
        if self.is_broken(Control::TombstonesIgnored) {
            return Vec::new();
        }
        let at = |site: Option<Uuid>| sight.active && (site.is_none() || sight.site(site));
        let deleted = self.state.tombstones.iter().filter_map(|((entity, id), dug)| {
            let (cx, site) = dug.last()?;
            (!since.contains(*cx) && at(*site)).then_some(Tombstone { entity: *entity, id: *id })
        });
        let departed = self.state.departures.iter().filter_map(|((entity, id), left)| {
            let mut told = left.iter().filter(|departure| !since.contains(departure.cx));
            told.any(|departure| at(departure.from) && !sight.site(departure.to))
                .then_some(Tombstone { entity: *entity, id: *id })
        });
        deleted.chain(departed).collect()
    }

    fn changed(&self, table: &Table, sight: &super::Sight, since: &Cursor, new_sites: &BTreeSet<Uuid>) -> Vec<Row> {
        let new_customers: BTreeSet<Uuid> = match table.scope {
            Scope::Customer => self
                .state
                .rows(Entity::Locations, None)
                .filter(|(id, _)| new_sites.contains(id))
                .filter_map(|(_, row)| id_of(&row.fields, "customer_id"))
                .collect(),
            _ => BTreeSet::new(),
        };
        let Some(rows) = self.state.tables.get(&table.entity) else { return Vec::new() };
        rows.iter()
            .filter_map(|(id, versions)| {
                let version = versions.last()?;
                let body = version.body.as_ref()?;
                let comes = !since.contains(version.cx)
                    || match table.scope {
                        Scope::Global => false,
                        Scope::Customer => new_customers.contains(id),
                        Scope::Location => body.site.is_some_and(|site| new_sites.contains(&site)),
                    };
                (comes && sight.row(table, *id, body)).then(|| body.row.clone())
            })
            .collect()
    }

    /// One page of a table.
    pub fn page(&mut self, user: Uuid, entity: Entity, after: Option<Uuid>, limit: u32) -> Result<Page, CentralError> {
        self.knows_columns(Some(entity))?;
        let rows: Vec<Row> = self
            .visible_rows(user, entity)?
            .filter(|row| after.is_none_or(|after| row.id > after))
            .take(limit as usize)
            .cloned()
            .collect();
        let last = rows.len() < limit as usize;
        Ok(Page { rows, last })
    }

    pub(super) fn visible_rows(&self, user: Uuid, entity: Entity) -> Result<impl Iterator<Item = &Row>, CentralError> {
        let Some(table) = entity.table() else { return Err(refused("not_mirrored")) };
        let sight = self.sight(user, None);
        let rows = self.state.rows(entity, None);
        Ok(rows.filter(move |(id, body)| sight.row(table, *id, body)).map(|(_, body)| &body.row))
    }

    /// Rows by id.
    pub fn rows(&mut self, user: Uuid, entity: Entity, ids: &[Uuid]) -> Result<Vec<Row>, CentralError> {
        self.knows_columns(Some(entity))?;
        Ok(self.visible_rows(user, entity)?.filter(|row| ids.contains(&row.id)).cloned().collect())
    }

    /// A server older than the laptop refuses the statement that names the column it lacks.
    fn knows_columns(&self, entity: Option<Entity>) -> Result<(), CentralError> {
        match self.lacks_column {
            Some((lacking, _)) if entity.is_none_or(|entity| entity == lacking) => Err(refused("42703")),
            _ => Ok(()),
        }
    }
}

pub(super) fn refused(code: &str) -> CentralError {
    CentralError::Refused { code: code.to_owned(), message: "as the server would say it".to_owned() }
}
