use std::collections::BTreeMap;

use chrono::Utc;
use clara_central::init::init;
use clara_central::{Floor, PgCentral, Secret, Server as Address};
use clara_cluster::Cluster;
use clara_domain::DeviceId;
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::operation::{Operation, Receipt};
use clara_domain::row::Fields;
use clara_simulation::company;
use clara_simulation::server::Server;
use clara_sync::Central;
use serde_json::Value;
use uuid::Uuid;

/// Two technicians and the manager.
pub const PEOPLE: [u128; 3] = [0xa1, 0xb1, company::MANAGER];
const LOGINS: [&str; 3] = ["ana", "ben", "mo"];

/// Tables as PostgreSQL has them, parents before children.
const ORDER: &[(Entity, &str)] = &[
    (Entity::Users, "public.users"),
    (Entity::Manufacturers, "public.manufacturers"),
    (Entity::EquipmentModels, "public.equipment_models"),
    (Entity::CommonProblems, "public.common_problems"),
    (Entity::Customers, "public.customers"),
    (Entity::Locations, "public.locations"),
    (Entity::EquipmentInventory, "public.equipment_inventory"),
    (Entity::Jobs, "public.jobs"),
    (Entity::JobEquipment, "public.job_equipment"),
    (Entity::InspectionRecords, "public.inspection_records"),
    (Entity::Photos, "public.photos"),
    (Entity::DataCaptureLogs, "public.data_capture_logs"),
    (Entity::Conflicts, "sync.conflict"),
    (Entity::ParkedOperations, "sync.parked"),
];

pub struct Pair {
    pub model: Server,
    cluster: Cluster,
    centrals: Vec<PgCentral>,
    pub devices: Vec<DeviceId>,
    /// The same record has another id on each side.
    twins: BTreeMap<Uuid, Uuid>,
}

fn json_of(fields: &Fields) -> String {
    Value::Object(fields.clone()).to_string()
}

pub fn sql_table(entity: Entity) -> &'static str {
    ORDER.iter().find(|(known, _)| *known == entity).map(|(_, table)| *table).unwrap()
}

impl Pair {
    pub async fn found() -> Self {
        let cluster = Cluster::temporary().unwrap();
        let address = |role: &str, password: &str| Address {
            host: cluster.host().to_owned(),
            port: cluster.port(),
            database: "model".to_owned(),
            ca_pem: cluster.ca_pem().to_owned(),
            role: role.to_owned(),
            password: Secret::new(password),
            floor: Floor::AnyOnLoopback,
        };
        init(&address(cluster.admin_user(), cluster.admin_password()), "Model").await.unwrap();
        let mut model = Server::new(Utc::now(), 1);
        company::found(&mut model);
        let mut pair = Self { model, centrals: Vec::new(), devices: Vec::new(), twins: BTreeMap::new(), cluster };
        pair.move_in();
        for (number, login) in LOGINS.iter().enumerate() {
            let user = company::id(PEOPLE[number]);
            let device = pair.model.enroll(user, login);
            let group = if number == 2 { "clara_manager" } else { "clara_technician" };
            pair.sql(&format!(
                "CREATE ROLE {login} LOGIN PASSWORD '{login}' IN ROLE {group};
                 INSERT INTO sync.device (id, user_id, name) VALUES ('{device}', '{user}', '{login}');
                 INSERT INTO app.login (role_name, user_id, device_id) VALUES ('{login}', '{user}', '{device}')"
            ));
            pair.devices.push(device);
            let cluster = &pair.cluster;
            pair.centrals.push(PgCentral::new(Address {
                host: cluster.host().to_owned(),
                port: cluster.port(),
                database: "model".to_owned(),
                ca_pem: cluster.ca_pem().to_owned(),
                role: (*login).to_owned(),
                password: Secret::new(*login),
                floor: Floor::AnyOnLoopback,
            }));
        }
        pair
    }

    pub fn sql(&self, sql: &str) -> String {
        self.cluster.psql("model", sql).unwrap()
    }

    /// The model's first rows, in the real tables.
    fn move_in(&self) {
        let mut all = String::new();
        for (entity, table) in ORDER {
            for (id, body) in self.model.state.rows(*entity, None) {
                let mut row = body.fields.clone();
                row.insert("id".to_owned(), Value::String(id.to_string()));
                if *entity == Entity::Users {
                    row.insert("email".to_owned(), Value::String(format!("{id}@company.example")));
                }
                all.push_str(&format!(
                    "INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $j${}$j$);\n",
                    json_of(&row)
                ));
            }
        }
        self.sql(&all);
    }

    /// The versions that the two sides have of a row.
    pub fn versions(&self, entity: Entity, id: Uuid) -> (i64, i64) {
        let model = self.model.state.tables[&entity].get(&id).and_then(|all| all.last()).map_or(0, |last| last.row_ver);
        let theirs = self.sql(&format!("SELECT row_ver FROM {} WHERE id = '{}'", sql_table(entity), self.twin(id)));
        (model, theirs.trim().parse().unwrap_or(0))
    }

    /// The id of the same record in PostgreSQL.
    pub fn twin(&self, id: Uuid) -> Uuid {
        self.twins.get(&id).copied().unwrap_or(id)
    }

    /// Gives the same work to both and compares the answers.
    pub async fn push(&mut self, laptop: usize, ops: &[(Operation, Operation)]) -> Vec<Receipt> {
        let (ours, theirs): (Vec<Operation>, Vec<Operation>) = ops.iter().cloned().unzip();
        self.model.now = Utc::now();
        let user = company::id(PEOPLE[laptop]);
        let device = self.devices[laptop];
        let mut here = self.model.push(user, device, &ours).unwrap();
        let mut there = self.centrals[laptop].push(device, &theirs).await.unwrap();
        here.sort_by_key(|receipt| receipt.op_id);
        there.sort_by_key(|receipt| receipt.op_id);
        assert_eq!(here.len(), there.len());
        for (a, b) in here.iter_mut().zip(&mut there) {
            a.conflicts.sort_by(|x, y| x.field.cmp(&y.field));
            b.conflicts.sort_by(|x, y| x.field.cmp(&y.field));
            let about = ours.iter().find(|op| op.op_id == a.op_id);
            assert_eq!(told(a), told(b), "the model is on the left; the operation was {about:?}");
            for (mine, real) in a.conflicts.iter().zip(&b.conflicts) {
                self.twins.insert(mine.id.0, real.id.0);
            }
        }
        assert!(self.model.violations.is_empty(), "{:?}", self.model.violations);
        self.find_twins();
        here
    }

    /// Parked work is known by its operation.
    fn find_twins(&mut self) {
        let waiting: Vec<(Uuid, Value)> = self
            .model
            .state
            .rows(Entity::ParkedOperations, None)
            .filter(|(id, _)| !self.twins.contains_key(id))
            .map(|(id, row)| (id, row.fields["op_id"].clone()))
            .collect();
        for (id, op_id) in waiting {
            let op_id = op_id.as_str().unwrap().to_owned();
            let real = self.sql(&format!("SELECT id FROM sync.parked WHERE op_id = '{op_id}'"));
            self.twins.insert(id, real.trim().parse().expect("what the model parked, PostgreSQL parked"));
        }
    }

    /// The office changes a row on both sides.
    pub fn office(&mut self, entity: Entity, id: Uuid, patch: &Fields) {
        self.model.now = Utc::now();
        self.model.office_update(entity, id, patch);
        let table = sql_table(entity);
        let columns: Vec<&str> = patch.keys().map(String::as_str).collect();
        let set: Vec<String> = columns.iter().map(|column| format!("{column} = r.{column}")).collect();
        self.sql(&format!(
            "UPDATE {table} t SET {} FROM jsonb_populate_record(NULL::{table}, $j${}$j$) r WHERE t.id = '{id}'",
            set.join(", "),
            json_of(patch)
        ));
    }

    /// The office deletes a row for good on both sides.
    pub fn delete(&mut self, entity: Entity, id: Uuid) {
        self.model.now = Utc::now();
        if self.model.office_delete(entity, id) {
            self.sql(&format!("DELETE FROM {} WHERE id = '{}'", sql_table(entity), self.twin(id)));
        }
    }

    /// What everybody sees is the same on both sides.
    pub async fn compare_rows(&mut self, when: &str) {
        for (laptop, central) in self.centrals.iter_mut().enumerate() {
            let user = company::id(PEOPLE[laptop]);
            for table in TABLES.iter().filter(|table| ORDER.iter().any(|(known, _)| *known == table.entity)) {
                let ours = self.model.page(user, table.entity, None, 100_000).unwrap().rows;
                let theirs = central.page(table.entity, None, 100_000).await.unwrap().rows;
                let mut here: Vec<_> =
                    ours.iter().map(|row| comparable(row.id, row.fields(table), table.entity, &self.twins)).collect();
                let mut there: Vec<_> = theirs
                    .iter()
                    .map(|row| comparable(row.id, row.fields(table), table.entity, &BTreeMap::new()))
                    .collect();
                here.sort();
                there.sort();
                let differing = here.iter().zip(&there).find(|(a, b)| a != b);
                assert_eq!(here.len(), there.len(), "{} as {} sees them {when}", table.name, LOGINS[laptop]);
                assert!(differing.is_none(), "{} as {} sees them {when}: {differing:#?}", table.name, LOGINS[laptop]);
            }
        }
    }
}

/// A row without what each side makes up for itself.
fn comparable(id: Uuid, mut row: Fields, entity: Entity, twins: &BTreeMap<Uuid, Uuid>) -> String {
    for made_up in ["created_at", "updated_at", "captured_at", "received_at", "payload", "last_seen_at"] {
        row.remove(made_up);
    }
    let about = row.get("row_id").and_then(Value::as_str).and_then(|id| Uuid::parse_str(id).ok());
    if let Some(twin) = about.and_then(|id| twins.get(&id)) {
        row.insert("row_id".to_owned(), Value::String(twin.to_string()));
    }
    for moment in ["deleted_at", "decided_at", "resolved_at"] {
        if let Some(value) = row.get_mut(moment) {
            *value = Value::Bool(!value.is_null());
        }
    }
    if entity == Entity::Conflicts && row.get("field").and_then(Value::as_str) == Some("deleted_at") {
        for side in ["server", "client"] {
            row.insert(side.to_owned(), Value::Null);
        }
    }
    format!("{} {}", twins.get(&id).copied().unwrap_or(id), json_of(&row))
}

type Note = (String, Value, Value, Value, String);
type Told = (String, Option<String>, Option<String>, bool, bool, Vec<Note>);

fn told(receipt: &Receipt) -> Told {
    let notes = receipt
        .conflicts
        .iter()
        .map(|note| {
            let moment = note.field == "deleted_at";
            let value = |value: &Value| if moment { Value::Bool(value.is_null()) } else { value.clone() };
            (
                note.field.clone(),
                value(&note.base),
                value(&note.server),
                value(&note.client),
                format!("{:?}", note.chosen),
            )
        })
        .collect();
    (
        format!("{:?}", receipt.outcome),
        receipt.code.clone(),
        receipt.field.clone(),
        receipt.duplicate,
        receipt.applied_xid.is_some(),
        notes,
    )
}
