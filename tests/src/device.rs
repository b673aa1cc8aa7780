use chrono::{DateTime, TimeDelta, Utc};
use clara_central::{PgCentral, Server};
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::row::{Fields, Row};
use clara_domain::{DeviceId, OpId, UserId};
use clara_local::{DataKey, Mirror, Options};
use clara_sync::{Central, Environment, Progress, Replica, SyncReport, Wish, sync_once};
use serde_json::Value;
use tempfile::TempDir;
use uuid::Uuid;

use crate::Company;
use crate::company::block_on;

/// One laptop: a real mirror, a real login.
pub struct Device {
    folder: TempDir,
    key: DataKey,
    mirror: Option<Mirror>,
    central: PgCentral,
    /// Its id.
    pub id: DeviceId,
    /// Laptop clock minus true time.
    pub clock_error: TimeDelta,
    /// Stops the engine after so many progress calls; for stories in which the lid closes.
    pub patience: Option<u32>,
}

impl Device {
    /// Enrolls a laptop for a person.
    pub fn enroll(company: &Company, person: Uuid) -> Self {
        Self::enroll_through(company, person, company.port())
    }

    /// The same, reaching the server through another port of this machine.
    pub fn enroll_through(company: &Company, person: Uuid, port: u16) -> Self {
        let (enrolment, server) = company.login(person, port);
        let device = Self {
            folder: tempfile::tempdir().expect("a folder"),
            key: DataKey::generate().expect("randomness"),
            mirror: None,
            central: PgCentral::new(server),
            id: enrolment.device_id,
            clock_error: TimeDelta::zero(),
            patience: None,
        };
        let mut device = device.opened();
        let role = company.office(&format!("SELECT role FROM users WHERE id = '{person}'"));
        device.save(|tx| tx.enroll(clara_local::Profile { device: enrolment.device_id, user: UserId(person), role }));
        device
    }

    fn opened(mut self) -> Self {
        self.open();
        self
    }

    /// Opens the mirror, as a start of the app does.
    pub fn open(&mut self) {
        let options = Options { ballast_bytes: 64 * 1024, ..Options::default() };
        let opened = Mirror::open_with(self.folder.path(), &self.key, Utc::now(), options).expect("the mirror opens");
        self.mirror = Some(opened.mirror);
    }

    /// Closes everything, as the end of the app does.
    pub fn close(&mut self) {
        self.mirror = None;
    }

    /// Its folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// The key of its files.
    pub fn key(&self) -> &DataKey {
        &self.key
    }

    /// Its mirror.
    pub fn mirror(&self) -> &Mirror {
        self.mirror.as_ref().expect("the mirror is open")
    }

    /// The server as this laptop's login sees it.
    pub fn central(&mut self) -> &mut PgCentral {
        &mut self.central
    }

    /// Reaches the server through another port from now on.
    pub fn reroute(&mut self, port: u16) {
        let server = Server { port, ..self.central.server().clone() };
        self.central = PgCentral::new(server);
    }

    /// Makes a new connection at the next call: the server was stopped in between.
    pub fn reconnect(&mut self) {
        self.central = PgCentral::new(self.central.server().clone());
    }

    /// Reaches another company's server from now on, with the login it has.
    pub fn trust(&mut self, company: &Company) {
        let server = company.admin();
        let own = self.central.server().clone();
        self.central =
            PgCentral::new(Server { role: own.role, password: own.password, port: company.port(), ..server });
    }

    /// Its clock.
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now() + self.clock_error
    }

    /// Saves something.
    pub fn save<T>(
        &mut self,
        act: impl FnOnce(&mut clara_local::WriteTx<'_, '_>) -> Result<T, clara_local::MirrorError>,
    ) -> T {
        self.mirror().write(self.now(), act).expect("the save succeeds").0
    }

    /// Changes fields of a row that is an aggregate of its own.
    pub fn change(&mut self, entity: Entity, row: Uuid, fields: Value) -> OpId {
        let fields = object(fields);
        self.save(|tx| tx.update(entity, row, row, fields)).expect("something differs")
    }

    /// Adds a row to an aggregate.
    pub fn add(&mut self, entity: Entity, row: Uuid, root: Uuid, fields: Value) -> OpId {
        let fields = object(fields);
        self.save(|tx| tx.insert(entity, row, root, fields))
    }

    /// A completed inspection of an item; its id.
    pub fn inspect(&mut self, job: Uuid, item: Uuid, findings: &str) -> Uuid {
        let id = Uuid::now_v7();
        let inspector = self.mirror().read(|r| r.profile()).expect("readable").expect("enrolled").user;
        self.add(
            Entity::InspectionRecords,
            id,
            id,
            serde_json::json!({
                "job_id": job, "equipment_id": item, "inspector_id": inspector, "inspection_date": "2026-03-02",
                "inspection_type": "annual", "passed": true, "findings": findings,
                "measurements": {"net_psi": 101.5}, "deficiencies": [],
            }),
        );
        id
    }

    /// Syncs once and returns what happened, errors included.
    pub fn try_sync(&mut self) -> SyncReport {
        self.try_sync_with(Wish::default())
    }

    /// Syncs once for a purpose.
    pub fn try_sync_with(&mut self, wish: Wish) -> SyncReport {
        let mut mirror = self.mirror().clone();
        let mut world = World { clock_error: self.clock_error, patience: self.patience };
        block_on(sync_once(&mut mirror, &mut self.central, wish, &mut world))
    }

    /// Syncs once; anything but success fails the story.
    pub fn sync(&mut self) -> SyncReport {
        let report = self.try_sync();
        assert!(report.error.is_none(), "the sync goes through: {:?}", report.error);
        report
    }

    /// One row as the person sees it, by column.
    pub fn see(&self, entity: Entity, id: Uuid) -> Option<Fields> {
        self.mirror().read(|r| r.fields(entity, id)).expect("readable")
    }

    /// One value as the person sees it.
    pub fn value(&self, entity: Entity, id: Uuid, column: &str) -> Value {
        self.see(entity, id).and_then(|fields| fields.get(column).cloned()).unwrap_or(Value::Null)
    }

    /// All rows of a table in the mirror, by id.
    pub fn rows(&self, entity: Entity) -> Vec<Row> {
        let mut rows = self.mirror().read(|r| r.all(entity)).expect("readable");
        rows.sort_by_key(|row| row.id);
        rows
    }

    /// All rows of a table that the server shows this login, by id.
    pub fn rows_on_server(&mut self, entity: Entity) -> Vec<Row> {
        let mut all: Vec<Row> = Vec::new();
        loop {
            let after = all.last().map(|row| row.id);
            let page = block_on(self.central.page(entity, after, 1000)).expect("the server answers");
            all.extend(page.rows);
            if page.last {
                all.sort_by_key(|row| row.id);
                return all;
            }
        }
    }

    /// Operations that have no receipt yet.
    pub fn pending(&self) -> u32 {
        let state = self.mirror().clone().state().expect("readable");
        state.pending + state.in_flight
    }
}

/// The mirror and what the server shows this login are equal, cell by cell.
pub fn assert_same(device: &mut Device) {
    for table in TABLES {
        let (here, there) = (device.rows(table.entity), device.rows_on_server(table.entity));
        // Each side's list first: a missing row says more than the first differing cell of the next one.
        let ids = |rows: &[Row]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(&here), ids(&there), "rows of {}", table.name);
        for (ours, theirs) in here.iter().zip(&there) {
            assert_eq!(ours.fields(table), theirs.fields(table), "{} {}", table.name, ours.id);
            assert_eq!(ours.row_ver, theirs.row_ver, "version of {} {}", table.name, ours.id);
        }
    }
}

fn object(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        other => panic!("fields are an object, not {other}"),
    }
}

struct World {
    clock_error: TimeDelta,
    patience: Option<u32>,
}

impl Environment for World {
    fn now(&mut self) -> DateTime<Utc> {
        Utc::now() + self.clock_error
    }

    fn progress(&mut self, _: Progress) {
        if let Some(left) = &mut self.patience {
            *left = left.saturating_sub(1);
        }
    }

    fn stopped(&mut self) -> bool {
        self.patience == Some(0)
    }
}
