//! What the database holds, and how a row gets there: version, transaction, site, access.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::mirror::{Entity, Scope, TABLES, Table};
use clara_domain::row::{Fields, Row};
use clara_domain::{DeviceId, OpId};
use clara_sync::Cursor;
use serde_json::{Value, json};
use uuid::Uuid;

use super::ledger::LedgerLine;
use super::office::Slow;
use super::{id_of, is_null, text};

/// A row, in both forms.
#[derive(Debug)]
pub struct Body {
    /// By column.
    pub fields: Fields,
    /// As it travels.
    pub row: Row,
    /// The site that it hangs off.
    pub site: Option<Uuid>,
}

/// One version of a row; none where it was deleted for good.
#[derive(Debug, Clone)]
pub struct Version {
    /// The transaction that wrote it.
    pub cx: u64,
    /// Its number.
    pub row_ver: i64,
    /// Its content.
    pub body: Option<Arc<Body>>,
}

/// An enrolled laptop.
#[derive(Debug, Clone)]
pub struct Device {
    /// Whose.
    pub user: Uuid,
    /// Nothing is taken from it any more.
    pub revoked: bool,
    /// There are two of it.
    pub cloned: bool,
}

/// When a row was deleted for good, and at which site.
pub type Buried = (u64, Option<Uuid>);

/// A row that left a site for another.
#[derive(Debug, Clone)]
pub struct Departure {
    /// The transaction.
    pub cx: u64,
    /// The site that it left.
    pub from: Option<Uuid>,
    /// Where it is now.
    pub to: Option<Uuid>,
}

/// The database.
#[derive(Debug, Clone)]
pub struct State {
    /// The next transaction's number.
    pub next_xid: u64,
    /// Transactions that have begun and not ended.
    pub running: BTreeMap<u64, Slow>,
    /// Every version of every row, in the order of commits.
    pub tables: BTreeMap<Entity, BTreeMap<Uuid, Vec<Version>>>,
    /// Person and site: transaction and whether granted.
    pub access: BTreeMap<(Uuid, Uuid), Vec<(u64, bool)>>,
    /// Rows deleted for good: transaction and site.
    pub tombstones: BTreeMap<(Entity, Uuid), Vec<Buried>>,
    /// Enrolled laptops.
    pub devices: BTreeMap<DeviceId, Device>,
    /// What happened to every operation.
    pub ledger: BTreeMap<OpId, LedgerLine>,
    /// One operation for each place in a device's history.
    pub places: BTreeMap<(DeviceId, i64), OpId>,
    /// Operations by the row they are about, in the order in which they came.
    pub by_row: BTreeMap<Uuid, Vec<OpId>>,
    /// How often each operation took effect.
    pub effects: BTreeMap<OpId, u32>,
    /// Rows of the one table that is only appended to.
    pub metrics: BTreeMap<Uuid, Fields>,
    /// Bytes of photos.
    pub chunks: BTreeMap<(Uuid, i32), Arc<Vec<u8>>>,
    /// The database's name for itself.
    pub epoch: Uuid,
    /// Those it had before.
    pub earlier_epochs: Vec<Uuid>,
    /// Rows that changed their site: whoever holds only the old one is told that they have gone.
    pub departures: BTreeMap<(Entity, Uuid), Vec<Departure>>,
    /// How long a technician keeps a site after the last job there.
    pub window_days: i64,
}

impl State {
    pub(crate) fn new(epoch: Uuid) -> Self {
        Self {
            next_xid: 100_000_000,
            running: BTreeMap::new(),
            tables: TABLES.iter().map(|table| (table.entity, BTreeMap::new())).collect(),
            access: BTreeMap::new(),
            tombstones: BTreeMap::new(),
            devices: BTreeMap::new(),
            ledger: BTreeMap::new(),
            places: BTreeMap::new(),
            by_row: BTreeMap::new(),
            effects: BTreeMap::new(),
            metrics: BTreeMap::new(),
            chunks: BTreeMap::new(),
            epoch,
            earlier_epochs: Vec::new(),
            departures: BTreeMap::new(),
            window_days: 45,
        }
    }

    /// The row as it is now.
    pub fn body(&self, entity: Entity, id: Uuid) -> Option<&Arc<Body>> {
        self.version(entity, id)?.body.as_ref()
    }

    pub(crate) fn version(&self, entity: Entity, id: Uuid) -> Option<&Version> {
        self.tables.get(&entity)?.get(&id)?.last()
    }

    /// Its columns.
    pub fn fields(&self, entity: Entity, id: Uuid) -> Option<&Fields> {
        self.body(entity, id).map(|body| &body.fields)
    }

    /// Every row of a table, as it is now or as a snapshot shows it.
    pub fn rows(&self, entity: Entity, at: Option<&Cursor>) -> impl Iterator<Item = (Uuid, &Arc<Body>)> {
        let table = self.tables.get(&entity).into_iter().flatten();
        table.filter_map(move |(id, versions)| {
            let seen = match at {
                None => versions.last(),
                Some(cursor) => versions.iter().rev().find(|version| cursor.contains(version.cx)),
            };
            Some((*id, seen?.body.as_ref()?))
        })
    }

    /// The site that a row hangs off.
    fn site_of(table: &Table, id: Uuid, fields: &Fields) -> Option<Uuid> {
        match (table.scope, table.entity) {
            (Scope::Location, Entity::Locations) => Some(id),
            (Scope::Location, _) => id_of(fields, "location_id"),
            _ => None,
        }
    }

    /// A new row, with what the database fills in by itself. Returns its version.
    pub(crate) fn insert(&mut self, xid: u64, now: DateTime<Utc>, entity: Entity, id: Uuid, given: Fields) -> i64 {
        let Some(table) = entity.table() else { return 0 };
        let mut row = Fields::new();
        for column in table.columns {
            row.insert(column.name.to_owned(), given.get(column.name).cloned().unwrap_or(Value::Null));
        }
        let stamp = Value::String(clara_local::timestamp(now));
        for name in ["created_at", "updated_at"] {
            if table.column(name).is_some() && is_null(&row, name) {
                row.insert(name.to_owned(), stamp.clone());
            }
        }
        self.fill(table, &mut row);
        let row_ver = now.timestamp_micros().max(1);
        self.store(xid, table, id, row_ver, row);
        if entity == Entity::Jobs {
            self.judge_job(xid, now, None, id);
        }
        row_ver
    }

    /// Writes some columns. Returns the row's version; none where there is no such row.
    pub(crate) fn update(
        &mut self,
        xid: u64,
        now: DateTime<Utc>,
        entity: Entity,
        id: Uuid,
        patch: &Fields,
    ) -> Option<i64> {
        let table = entity.table()?;
        let old = self.version(entity, id)?.clone();
        let body = old.body.clone()?;
        let mut row = body.fields.clone();
        for (name, value) in patch {
            row.insert(name.clone(), value.clone());
        }
        self.fill(table, &mut row);
        if row == body.fields {
            // Nothing changed: only its transaction is new.
            self.push_version(entity, id, Version { cx: xid, ..old });
            return Some(old.row_ver);
        }
        if table.column("updated_at").is_some() {
            row.insert("updated_at".to_owned(), Value::String(clara_local::timestamp(now)));
        }
        let (from, to) = (body.site, Self::site_of(table, id, &row));
        if from != to {
            self.depart(xid, entity, id, from, to);
        }
        let row_ver = (old.row_ver + 1).max(now.timestamp_micros());
        self.store(xid, table, id, row_ver, row);
        if entity == Entity::Jobs {
            self.judge_job(xid, now, Some(&body.fields), id);
            self.move_records(xid, now, id, &body.fields);
        }
        Some(row_ver)
    }

    /// Back at a site, it has not left it.
    fn depart(&mut self, cx: u64, entity: Entity, id: Uuid, from: Option<Uuid>, to: Option<Uuid>) {
        let left = self.departures.entry((entity, id)).or_default();
        left.retain(|departure| departure.from != to && departure.from != from);
        left.iter_mut().for_each(|departure| departure.to = to);
        left.push(Departure { cx, from, to });
    }

    /// Deletes a row for good.
    pub(crate) fn remove(&mut self, xid: u64, now: DateTime<Utc>, entity: Entity, id: Uuid) -> bool {
        let (Some(_), Some(body)) = (entity.table(), self.body(entity, id).cloned()) else { return false };
        let site = body.site;
        self.push_version(entity, id, Version { cx: xid, row_ver: 0, body: None });
        self.tombstones.entry((entity, id)).or_default().push((xid, site));
        if let Some(left) = self.departures.get_mut(&(entity, id)) {
            left.retain(|departure| departure.from != site);
        }
        if entity == Entity::Jobs {
            self.judge_job(xid, now, Some(&body.fields), id);
        }
        true
    }

    fn store(&mut self, cx: u64, table: &Table, id: Uuid, row_ver: i64, fields: Fields) {
        let row = Row::from_fields(table, id, row_ver, &fields);
        let body = Body { site: Self::site_of(table, id, &fields), fields, row };
        self.push_version(table.entity, id, Version { cx, row_ver, body: Some(Arc::new(body)) });
    }

    fn push_version(&mut self, entity: Entity, id: Uuid, version: Version) {
        let versions = self.tables.entry(entity).or_default().entry(id).or_default();
        // Twice in one transaction: nobody saw the first.
        match versions.last_mut() {
            Some(last) if last.cx == version.cx => *last = version,
            _ => versions.push(version),
        }
    }

    /// The site of a record is the site of its job, whatever the writer says.
    fn fill(&self, table: &Table, row: &mut Fields) {
        let site = |entity, name: &str| {
            let id = id_of(row, name)?;
            id_of(self.fields(entity, id)?, "location_id")
        };
        let found = match table.entity {
            Entity::JobEquipment | Entity::InspectionRecords | Entity::DataCaptureLogs => site(Entity::Jobs, "job_id"),
            Entity::Photos => site(Entity::Jobs, "job_id")
                .or_else(|| site(Entity::InspectionRecords, "inspection_id"))
                .or_else(|| site(Entity::EquipmentInventory, "equipment_id"))
                .or_else(|| id_of(row, "location_id")),
            Entity::EquipmentInventory => {
                if is_null(row, "equipment_category")
                    && let Some(model) = id_of(row, "equipment_model_id")
                    && let Some(category) = text(self.fields(Entity::EquipmentModels, model), "equipment_category")
                {
                    row.insert("equipment_category".to_owned(), Value::String(category));
                }
                return;
            }
            _ => return,
        };
        row.insert("location_id".to_owned(), found.map_or(Value::Null, |id| json!(id)));
    }

    /// A job that moves takes its records along.
    fn move_records(&mut self, xid: u64, now: DateTime<Utc>, job: Uuid, old: &Fields) {
        let site = self.fields(Entity::Jobs, job).and_then(|row| id_of(row, "location_id"));
        if site == id_of(old, "location_id") {
            return;
        }
        for entity in [Entity::JobEquipment, Entity::InspectionRecords, Entity::DataCaptureLogs, Entity::Photos] {
            let ids: Vec<Uuid> = self
                .rows(entity, None)
                .filter(|(_, body)| id_of(&body.fields, "job_id") == Some(job))
                .map(|(id, _)| id)
                .collect();
            for id in ids {
                self.update(xid, now, entity, id, &Fields::new());
            }
        }
    }

    fn judge_job(&mut self, xid: u64, now: DateTime<Utc>, old: Option<&Fields>, id: Uuid) {
        let new = self.fields(Entity::Jobs, id).cloned();
        for row in [old, new.as_ref()].into_iter().flatten() {
            if let (Some(user), Some(site)) = (id_of(row, "assigned_technician_id"), id_of(row, "location_id")) {
                self.judge_access(xid, now, user, site);
            }
        }
    }

    fn has_work(&self, now: DateTime<Utc>, user: Uuid, site: Uuid) -> bool {
        let since = (now - TimeDelta::days(self.window_days)).format("%Y-%m-%d").to_string();
        self.rows(Entity::Jobs, None).any(|(_, job)| {
            let job = &job.fields;
            id_of(job, "assigned_technician_id") == Some(user)
                && id_of(job, "location_id") == Some(site)
                && is_null(job, "deleted_at")
                && (matches!(job.get("job_status").and_then(Value::as_str), None | Some("scheduled" | "in_progress"))
                    || job.get("scheduled_date").and_then(Value::as_str).is_some_and(|date| date >= since.as_str()))
        })
    }

    fn judge_access(&mut self, xid: u64, now: DateTime<Utc>, user: Uuid, site: Uuid) {
        let granted = self.has_work(now, user, site);
        let states = self.access.entry((user, site)).or_default();
        let was = states.last().map(|(_, granted)| *granted);
        if was == Some(granted) || (was.is_none() && !granted) {
            return;
        }
        match states.last_mut() {
            Some(last) if last.0 == xid => last.1 = granted,
            _ => states.push((xid, granted)),
        }
    }

    /// Time passes without anybody writing.
    pub(crate) fn refresh_access(&mut self, xid: u64, now: DateTime<Utc>) {
        let mut pairs: Vec<(Uuid, Uuid)> = self.access.keys().copied().collect();
        pairs.extend(self.rows(Entity::Jobs, None).filter_map(|(_, job)| {
            Some((id_of(&job.fields, "assigned_technician_id")?, id_of(&job.fields, "location_id")?))
        }));
        for (user, site) in pairs {
            self.judge_access(xid, now, user, site);
        }
    }

    /// Whether a person holds a site now.
    pub(crate) fn holds(&self, user: Uuid, site: Option<Uuid>) -> bool {
        site.and_then(|site| self.access.get(&(user, site))?.last()).is_some_and(|(_, granted)| *granted)
    }

    /// Whether a row waits for a decision.
    pub(crate) fn is_parked(&self, row_id: Uuid) -> bool {
        self.rows(Entity::ParkedOperations, None)
            .any(|(_, row)| id_of(&row.fields, "row_id") == Some(row_id) && is_null(&row.fields, "decision"))
    }
}
