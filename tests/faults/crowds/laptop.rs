//! One laptop: it saves and reads at its rate, and syncs by itself with the product's own waits, until it is told to stop
//! saving. It writes down what was acknowledged and what it saw; a kill leaves that where it is.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use clara_central::PgCentral;
use clara_central::connect::{Floor, Secret, Server};
use clara_cluster::Cut;
use clara_domain::mirror::Entity::{DataCaptureLogs, EquipmentInventory, InspectionRecords};
use clara_domain::row::Fields;
use clara_local::{DataKey, Mirror, Options};
use clara_sync::{Environment, Progress, Replica, Wish, next_attempt, sync_once};
use clara_tests::ids;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::reading::{PAIR, Reading, Told, register};
use crate::chance::Chance;

/// The environment variable that names the file with its orders.
pub const ORDERS: &str = "CLARA_FAULTS_LAPTOP";

/// All that it needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Orders {
    pub name: String,
    pub folder: PathBuf,
    pub journal: PathBuf,
    pub key: [u8; 32],
    pub host: String,
    pub port: u16,
    /// In a network of its own: where its way to the server goes on.
    pub far: Option<SocketAddr>,
    pub database: String,
    pub ca_pem: String,
    pub role: String,
    pub password: Secret,
    pub person: Uuid,
    pub job: Uuid,
    /// Between two saves.
    pub pause_ms: u64,
}

/// A line of its journal.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    /// An inspection was saved, and its log with it.
    Inspection(Uuid),
    /// A register was set to this; a pair in both of its rows.
    Set(String, i64),
    /// What was to be seen.
    Read(Reading),
    /// What must never be.
    Wrong(String),
}

struct Now;

impl Environment for Now {
    fn now(&mut self) -> chrono::DateTime<Utc> {
        Utc::now()
    }
    fn progress(&mut self, _: Progress) {}
    fn stopped(&mut self) -> bool {
        false
    }
}

impl Orders {
    pub fn server(&self, port: u16) -> Server {
        Server {
            host: self.host.clone(),
            port,
            database: self.database.clone(),
            ca_pem: self.ca_pem.clone(),
            role: self.role.clone(),
            password: self.password.clone(),
            floor: Floor::Safe,
        }
    }

    /// For a laptop that never meets a server.
    pub fn nowhere(folder: &Path) -> Orders {
        Orders {
            name: "nobody".into(),
            folder: folder.to_owned(),
            journal: folder.join("journal"),
            key: [7; 32],
            host: String::new(),
            port: 0,
            far: None,
            database: String::new(),
            ca_pem: String::new(),
            role: String::new(),
            password: Secret::new(""),
            person: ids::ANA,
            job: ids::ANAS_JOB,
            pause_ms: 0,
        }
    }

    pub fn open(&self) -> Mirror {
        let options = Options { ballast_bytes: 64 * 1024, ..Options::default() };
        Mirror::open_with(&self.folder, &DataKey::from_bytes(self.key), Utc::now(), options).unwrap().mirror
    }
}

/// The journal's lines, the last one left out if a kill has cut it.
pub fn journal(path: &Path) -> Vec<Line> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

struct Journal(File);

impl Journal {
    fn write(&mut self, line: &Line) {
        // One write, so that a kill leaves a line or none.
        let mut text = serde_json::to_vec(line).unwrap();
        text.insert(0, b'\n');
        text.push(b'\n');
        self.0.write_all(&text).unwrap();
    }
}

/// Works until the end of its standard input. Says `quiet` on standard output once it was told to and nothing is left to
/// send.
pub fn work(orders: &Path) {
    let orders: Orders = serde_json::from_slice(&std::fs::read(orders).unwrap()).unwrap();
    let mirror = orders.open();
    let relay = orders.far.map(|far| Cut::between(Ipv4Addr::LOCALHOST, far).unwrap());
    let port = relay.as_ref().map_or(orders.port, Cut::port);
    let saving = Arc::new(AtomicBool::new(true));
    let (nudge, nudged) = mpsc::channel();
    let last_sync = Arc::new(Mutex::new((0_u64, false)));
    {
        let (mirror, server, told) = (mirror.clone(), orders.server(port), Arc::clone(&last_sync));
        std::thread::spawn(move || keep_in_sync(mirror, server, &nudged, &told));
    }
    {
        let (orders, mirror, saving) = (orders.clone(), mirror.clone(), Arc::clone(&saving));
        std::thread::spawn(move || save_and_read(&orders, &mirror, &saving, &nudge));
    }
    for line in std::io::stdin().lock().lines() {
        match line.unwrap_or_default().as_str() {
            "quiet" => {
                saving.store(false, Ordering::SeqCst);
                let (mirror, last_sync) = (mirror.clone(), Arc::clone(&last_sync));
                std::thread::spawn(move || {
                    let since = last_sync.lock().unwrap_or_else(PoisonError::into_inner).0;
                    loop {
                        std::thread::sleep(Duration::from_millis(50));
                        let (number, well) = *last_sync.lock().unwrap_or_else(PoisonError::into_inner);
                        let state = mirror.clone().state().unwrap();
                        if number > since + 1 && well && state.pending + state.in_flight == 0 {
                            println!("quiet");
                            return;
                        }
                    }
                });
            }
            _ => break,
        }
    }
}

/// As the app does it: soon after a save, now and then without one, and after a failure when the product's own rule says.
/// Now and then is a second here, so that a short run has many.
fn keep_in_sync(mut mirror: Mirror, server: Server, nudged: &mpsc::Receiver<()>, told: &Mutex<(u64, bool)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut central = PgCentral::new(server);
    let mut chance = Chance::new(u64::from(std::process::id()));
    let mut failures = 0_u32;
    loop {
        let report = runtime.block_on(sync_once(&mut mirror, &mut central, Wish::default(), &mut Now));
        let well = report.error.is_none();
        {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            *told = (told.0 + 1, well);
        }
        match report.error {
            None => failures = 0,
            Some(error) => {
                assert!(error.passes_by_itself(), "{error:?}");
                failures += 1;
            }
        }
        let wait = match failures {
            0 => Duration::from_secs(1),
            failures => next_attempt(failures, chance.below(1_000_000) as f64 / 1e6),
        };
        let due = Instant::now() + wait;
        loop {
            match nudged.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(()) if failures == 0 => {
                    std::thread::sleep(Duration::from_millis(100));
                    while nudged.try_recv().is_ok() {}
                    break;
                }
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                // Saving has ended, and with it the nudges; syncing has not.
                Err(RecvTimeoutError::Disconnected) => {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    break;
                }
            }
        }
    }
}

/// Where a laptop keeps numbers: in one of three items, and in a pair of them.
const PLACES: [&str; 4] = ["1", "2", "3", PAIR];

/// A new row and another that belongs to it, in one save, as the app writes a completed inspection.
pub fn inspect(orders: &Orders, mirror: &Mirror, item: Uuid, told: &Told) -> Uuid {
    let id = Uuid::now_v7();
    let record = object(json!({
        "job_id": orders.job, "equipment_id": item, "inspector_id": orders.person, "inspection_date": "2026-03-02",
        "inspection_type": "annual", "passed": true, "findings": serde_json::to_string(told).unwrap(),
    }));
    let log = object(json!({
        "job_id": orders.job, "equipment_id": item, "technician_id": orders.person, "captured_fields": [id],
        "missing_fields": [], "completion_percentage": 100.0,
    }));
    mirror
        .write(Utc::now(), |tx| {
            tx.insert(InspectionRecords, id, id, record)?;
            tx.insert(DataCaptureLogs, Uuid::now_v7(), id, log)
        })
        .unwrap();
    id
}

/// Two rows that everybody changes, in one save and one aggregate, as the app replaces a device by another.
pub fn pair(orders: &Orders, mirror: &Mirror, n: i64) {
    let part = object(json!({"components": {format!("pair_{}", orders.name): n}}));
    mirror
        .write(Utc::now(), |tx| {
            tx.update(EquipmentInventory, ids::item(1), ids::item(1), part.clone())?;
            tx.update(EquipmentInventory, ids::item(2), ids::item(1), part)
        })
        .unwrap();
}

fn object(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

fn save_and_read(orders: &Orders, mirror: &Mirror, saving: &AtomicBool, nudge: &mpsc::Sender<()>) {
    let before = journal(&orders.journal);
    let mut journal = Journal(OpenOptions::new().create(true).append(true).open(&orders.journal).unwrap());
    let mut last = before.iter().rev().find_map(|line| match line {
        Line::Read(reading) => Some(reading.clone()),
        _ => None,
    });
    let mut chance = Chance::new(u64::from(std::process::id()).wrapping_mul(77));
    let mut wrong = Vec::new();
    let seen = Reading::take(mirror, &mut wrong).unwrap();
    // A number is given once, also after a kill between a save and its line in the journal.
    let mut n = seen.last.get(&orders.name).copied().unwrap_or(0);
    for place in PLACES {
        n = n.max(seen.registers.get(&register(place, &orders.name)).copied().unwrap_or(0));
    }
    let mut reading = seen;
    while saving.load(Ordering::SeqCst) {
        n += 1;
        match chance.below(4) {
            0 | 1 => {
                let told = Told { by: orders.name.clone(), n, seen: reading.registers.clone() };
                let id = inspect(orders, mirror, ids::item(1 + u128::from(chance.below(3))), &told);
                journal.write(&Line::Inspection(id));
            }
            2 => {
                let place = PLACES[usize::try_from(chance.below(3)).unwrap()];
                let row = ids::item(place.parse().unwrap());
                let parts = object(json!({
                    "components": {format!("of_{}", orders.name): n, format!("half_{}", orders.name): n}
                }));
                mirror.write(Utc::now(), |tx| tx.update(EquipmentInventory, row, row, parts)).unwrap();
                journal.write(&Line::Set(register(place, &orders.name), n));
                let fields = mirror.read(|read| read.fields(EquipmentInventory, row)).unwrap().unwrap();
                let own = fields["components"][format!("of_{}", orders.name)].as_i64();
                if own != Some(n) {
                    wrong.push(format!("read your writes: {} set item {place} to {n} and sees {own:?}", orders.name));
                }
            }
            _ => {
                pair(orders, mirror, n);
                journal.write(&Line::Set(register(PAIR, &orders.name), n));
            }
        }
        let _the_end = nudge.send(());
        reading = Reading::take(mirror, &mut wrong).unwrap();
        if let Some(last) = &last {
            reading.follows(last, &mut wrong);
        }
        for sentence in wrong.drain(..) {
            journal.write(&Line::Wrong(sentence));
        }
        journal.write(&Line::Read(reading.clone()));
        last = Some(reading.clone());
        std::thread::sleep(Duration::from_millis(orders.pause_ms / 2 + chance.below(orders.pause_ms.max(1))));
    }
}
