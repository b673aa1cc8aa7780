//! A small company in a database of its own: two technicians, a manager, three sites with a job and a pump each.
//! One real cluster per test program.
#![allow(clippy::unwrap_used, dead_code)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, Utc};
use clara_central::{Floor, PgCentral, Secret, Server, init::init};
use clara_cluster::Cluster;
use clara_domain::mirror::Entity;
use clara_domain::operation::{OpKind, Operation, Outcome, Receipt, SCHEMA_VERSION};
use clara_domain::row::{Fields, Row};
use clara_domain::{DeviceId, OpId};
use clara_sync::{Central, CentralError, Cursor, Pull, PullRequest};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// Technicians and a manager, in the order of their devices.
pub const ANNA: u32 = 1;
pub const BEN: u32 = 2;
pub const MARA: u32 = 3;

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
static COPYING: Mutex<()> = Mutex::new(());
static NUMBER: AtomicU32 = AtomicU32::new(0);

const ROLES: &str = "
CREATE ROLE anna LOGIN PASSWORD 'anna' IN ROLE clara_technician;
CREATE ROLE ben LOGIN PASSWORD 'ben' IN ROLE clara_technician;
CREATE ROLE mara LOGIN PASSWORD 'mara' IN ROLE clara_manager;";

/// Sites 1 and 2 are Anna's, site 3 is Ben's.
const PEOPLE_AND_SITES: &str = "
INSERT INTO users (id, email, full_name, role) VALUES
    ('00000000-0000-4000-8000-000000000001', 'anna@example.com', 'Anna', 'technician'),
    ('00000000-0000-4000-8000-000000000002', 'ben@example.com', 'Ben', 'technician'),
    ('00000000-0000-4000-8000-000000000003', 'mara@example.com', 'Mara', 'manager');
INSERT INTO sync.device (id, user_id, name)
    SELECT ('00000000-0000-4000-8000-0000000000d' || n)::uuid, ('00000000-0000-4000-8000-00000000000' || n)::uuid,
        'laptop ' || n FROM generate_series(1, 3) n;
INSERT INTO app.login (role_name, user_id, device_id) VALUES
    ('anna', '00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-0000000000d1'),
    ('ben', '00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-0000000000d2'),
    ('mara', '00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-0000000000d3');
INSERT INTO customers (id, company_name) SELECT ('00000000-0000-4000-8000-0000000000c' || n)::uuid, 'Customer ' || n
    FROM generate_series(1, 3) n;
INSERT INTO locations (id, customer_id, location_name, address, access_notes)
    SELECT ('00000000-0000-4000-8000-00000000010' || n)::uuid, ('00000000-0000-4000-8000-0000000000c' || n)::uuid,
        'Site ' || n, n || ' Main Street', 'Ring twice' FROM generate_series(1, 3) n;
INSERT INTO jobs (id, job_number, customer_id, location_id, assigned_technician_id, job_type, scheduled_date, title,
        checklist)
    SELECT ('00000000-0000-4000-8000-00000000020' || n)::uuid, 'J-' || n,
        ('00000000-0000-4000-8000-0000000000c' || n)::uuid, ('00000000-0000-4000-8000-00000000010' || n)::uuid,
        ('00000000-0000-4000-8000-00000000000' || CASE n WHEN 3 THEN 2 ELSE 1 END)::uuid, 'inspection', current_date,
        'Annual inspection', '[{\"key\": \"keys\", \"label\": \"Get keys\", \"done\": false},
            {\"key\": \"drain\", \"label\": \"Main drain\", \"done\": false}]'
    FROM generate_series(1, 3) n;
INSERT INTO equipment_inventory (id, location_id, equipment_category, serial_number, components)
    SELECT ('00000000-0000-4000-8000-00000000030' || n)::uuid, ('00000000-0000-4000-8000-00000000010' || n)::uuid,
        'fire_pump', 'SN-' || n, '{\"driver\": \"diesel\", \"belt_size\": \"4L340\"}' FROM generate_series(1, 3) n;";

pub fn id(text: &str) -> Uuid {
    format!("00000000-0000-4000-8000-{text:0>12}").parse().unwrap()
}
pub fn user(n: u32) -> Uuid {
    id(&n.to_string())
}
pub fn site(n: u32) -> Uuid {
    id(&format!("10{n}"))
}
pub fn job(n: u32) -> Uuid {
    id(&format!("20{n}"))
}
pub fn pump(n: u32) -> Uuid {
    id(&format!("30{n}"))
}

pub struct Company {
    pub database: String,
}

impl Company {
    pub async fn open() -> Company {
        // Migrated once for all tests of the program, each of which starts from a copy.
        let cluster = CLUSTER.get_or_init(migrated).await;
        let database = format!("company_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        {
            // Two copies at once would each be the other's open connection.
            let _one_at_a_time = COPYING.lock().unwrap();
            cluster.psql("postgres", &format!("CREATE DATABASE {database} TEMPLATE company")).unwrap();
        }
        let people = "clara_technician, clara_manager, clara_office, clara_admin, clara_backend";
        let rights = format!(
            "REVOKE ALL ON DATABASE {database} FROM PUBLIC; GRANT CONNECT ON DATABASE {database} TO {people};
             ALTER DATABASE {database} SET timezone = 'UTC'"
        );
        cluster.psql(&database, &rights).unwrap();
        Company { database }
    }

    pub fn cluster(&self) -> &'static Cluster {
        CLUSTER.get().unwrap()
    }

    /// What the office's own program does, and what a test looks at: no row security.
    pub fn sql(&self, sql: &str) -> String {
        self.cluster().psql(&self.database, sql).unwrap()
    }

    /// The version of a row, as a laptop's mirror would have it.
    pub fn version(&self, table: &str, row: Uuid) -> i64 {
        self.sql(&format!("SELECT row_ver FROM {table} WHERE id = '{row}'")).parse().unwrap()
    }

    pub fn server(&self, role: &str, password: &str) -> Server {
        server_of(self.cluster(), &self.database, role, password)
    }

    pub fn admin(&self) -> Server {
        self.server(self.cluster().admin_user(), self.cluster().admin_password())
    }

    pub fn laptop(&self, person: u32) -> Laptop {
        let name = ["anna", "ben", "mara"][person as usize - 1];
        Laptop {
            central: PgCentral::new(self.server(name, name)),
            device: DeviceId(id(&format!("d{person}"))),
            person: user(person),
            seq: 0,
        }
    }
}

async fn migrated() -> Cluster {
    let cluster = Cluster::temporary().unwrap();
    let admin = server_of(&cluster, "company", cluster.admin_user(), cluster.admin_password());
    init(&admin, "Test").await.unwrap();
    cluster.psql("company", ROLES).unwrap();
    cluster.psql("company", PEOPLE_AND_SITES).unwrap();
    cluster
}

fn server_of(cluster: &Cluster, database: &str, role: &str, password: &str) -> Server {
    Server {
        host: cluster.host().to_owned(),
        port: cluster.port(),
        database: database.to_owned(),
        ca_pem: cluster.ca_pem().to_owned(),
        role: role.to_owned(),
        password: Secret::new(password),
        floor: Floor::AnyOnLoopback,
    }
}

/// A technician's or manager's laptop, as the server sees it.
pub struct Laptop {
    pub central: PgCentral,
    pub device: DeviceId,
    pub person: Uuid,
    pub seq: i64,
}

fn fields(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        other => panic!("not an object: {other}"),
    }
}

impl Laptop {
    fn operation(&mut self, entity: Entity, row: Uuid, kind: OpKind, seen: i64, base: Value, new: Value) -> Operation {
        self.seq += 1;
        Operation {
            op_id: OpId(Uuid::now_v7()),
            seq: self.seq,
            root_id: row,
            entity,
            row_id: row,
            kind,
            base_row_ver: seen,
            base: fields(base),
            new: fields(new),
            schema_version: SCHEMA_VERSION,
            local_at: at("2026-11-22T10:00:00Z"),
            clock_offset_ms: Some(12),
        }
    }

    pub fn insert(&mut self, entity: Entity, row: Uuid, new: Value) -> Operation {
        self.operation(entity, row, OpKind::Insert, 0, json!({}), new)
    }

    pub fn update(&mut self, entity: Entity, row: Uuid, seen: i64, base: Value, new: Value) -> Operation {
        self.operation(entity, row, OpKind::Update, seen, base, new)
    }

    pub fn delete(&mut self, entity: Entity, row: Uuid, seen: i64) -> Operation {
        self.operation(
            entity,
            row,
            OpKind::Delete,
            seen,
            json!({"deleted_at": null}),
            json!({"deleted_at": "2026-11-22T10:00:00Z"}),
        )
    }

    /// A completed inspection of the pump of a site.
    pub fn inspection(&mut self, n: u32) -> Operation {
        let new = json!({
            "job_id": job(n), "equipment_id": pump(n), "inspector_id": self.person, "inspection_date": "2026-11-22",
            "inspection_type": "annual", "passed": true, "measurements": {"churn_psi": 128.5},
        });
        self.insert(Entity::InspectionRecords, Uuid::now_v7(), new)
    }

    pub async fn try_push(&mut self, operations: &[Operation]) -> Result<Vec<Receipt>, CentralError> {
        self.central.push(self.device, operations).await
    }

    /// Receipts in the order of the operations.
    pub async fn push(&mut self, operations: &[Operation]) -> Vec<Receipt> {
        let receipts = self.try_push(operations).await.unwrap();
        assert_eq!(receipts.len(), operations.len(), "one receipt each");
        operations.iter().map(|o| receipts.iter().find(|r| r.op_id == o.op_id).unwrap().clone()).collect()
    }

    pub async fn push_one(&mut self, operation: &Operation) -> Receipt {
        self.push(std::slice::from_ref(operation)).await.remove(0)
    }

    pub async fn cursor(&mut self) -> Cursor {
        self.central.hello(self.device).await.unwrap().snapshot
    }

    pub async fn pull(&mut self, cursor: &Cursor) -> Pull {
        self.central.pull(&PullRequest { device: self.device, cursor: cursor.clone() }).await.unwrap()
    }
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Outcome and code, for short assertions.
pub fn told(receipt: &Receipt) -> (Outcome, Option<&str>) {
    (receipt.outcome, receipt.code.as_deref())
}

/// The rows of one table in a pull, as column values.
pub fn rows(pull: &Pull, entity: Entity) -> Vec<(Uuid, Fields)> {
    let rows: Vec<&Row> = pull.rows.iter().filter(|t| t.entity == entity).flat_map(|t| &t.rows).collect();
    rows.iter().map(|row| (row.id, row.fields(entity.table().unwrap()))).collect()
}
