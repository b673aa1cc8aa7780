//! All the laptops of a run, and the verdict at its end.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use chrono::Utc;
use clara_central::PgCentral;
use clara_central::connect::{Floor, Secret};
use clara_central::enroll::claim;
use clara_cluster::Cut;
use clara_domain::UserId;
use clara_domain::mirror::TABLES;
use clara_domain::row::Row;
use clara_local::DataKey;
use clara_sync::{Central, Environment, Progress, Wish, sync_once};
use clara_tests::{Company, block_on};
use tempfile::TempDir;

use super::ground::{Ground, Way};
use super::laptop::{Line, ORDERS, Orders, journal};
use super::reading::PAIR;
use crate::chance::Chance;

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

struct Laptop {
    orders: Orders,
    file: std::path::PathBuf,
    ground: Ground,
    process: Option<Running>,
}

struct Running {
    child: Child,
    said: Receiver<String>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// See the module.
pub struct Roster {
    laptops: Vec<Laptop>,
    _folder: TempDir,
}

/// What was found at the end.
#[derive(Debug, Default)]
pub struct Verdict {
    pub acknowledged: u64,
    pub readings: u64,
    pub wrong: Vec<String>,
}

impl Roster {
    /// Enrolls them, has each of them sync once, and starts them.
    pub fn call(company: &Company, laptops: usize, saves_a_second: u64, own_networks: bool) -> Roster {
        let folder = tempfile::tempdir().unwrap();
        let laptops = (0..laptops)
            .map(|number| {
                let (person, job) = super::person(number);
                let enrolment = company.enrolment(person, company.port());
                let password = Secret::random().unwrap();
                let server = block_on(claim(&enrolment, &password, Floor::Safe, Utc::now())).unwrap();
                let ground = Ground::lay(company, own_networks);
                let name = format!("laptop{number}");
                let own = folder.path().join(&name);
                std::fs::create_dir(&own).unwrap();
                let orders = Orders {
                    folder: own.join("profile"),
                    journal: own.join("journal"),
                    key: *DataKey::generate().unwrap().expose(),
                    host: server.host.clone(),
                    port: ground.line().port(),
                    far: ground.far(),
                    database: server.database.clone(),
                    ca_pem: server.ca_pem.clone(),
                    role: server.role.clone(),
                    password,
                    person,
                    job,
                    pause_ms: 1_000 * laptops as u64 / saves_a_second,
                    name,
                };
                std::fs::create_dir(&orders.folder).unwrap();
                let mut mirror = orders.open();
                let profile = clara_local::Profile {
                    device: enrolment.device_id,
                    user: UserId(person),
                    role: "technician".into(),
                };
                mirror.write(Utc::now(), |tx| tx.enroll(profile)).unwrap();
                let mut central = PgCentral::new(orders.server(company.port()));
                let report = block_on(sync_once(&mut mirror, &mut central, Wish::default(), &mut Now));
                assert!(report.error.is_none(), "{:?}", report.error);
                block_on(central.close());
                let file = own.join("orders");
                std::fs::write(&file, serde_json::to_vec(&orders).unwrap()).unwrap();
                Laptop { orders, file, ground, process: None }
            })
            .collect();
        let mut roster = Roster { laptops, _folder: folder };
        for number in 0..roster.laptops.len() {
            roster.start(number);
        }
        roster
    }

    /// Starts a laptop's process.
    pub fn start(&mut self, number: usize) {
        let laptop = &mut self.laptops[number];
        let this = std::env::current_exe().unwrap();
        let mut command = match laptop.ground.enter() {
            Some(network) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", &network]).arg(this);
                command
            }
            None => Command::new(this),
        };
        let mut child = command
            .args(["--exact", "crowds::laptop_process", "--nocapture", "--test-threads=1"])
            .env(ORDERS, &laptop.file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (say, said) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if say.send(line).is_err() {
                    return;
                }
            }
        });
        laptop.process = Some(Running { child, said });
    }

    /// Kills it, as `kill -9` does.
    pub fn kill(&mut self, number: usize) {
        self.laptops[number].process = None;
    }

    pub fn signal(&self, number: usize, signal: &str) {
        if let Some(process) = &self.laptops[number].process {
            let told = Command::new("kill").args([&format!("-{signal}"), &process.child.id().to_string()]).status();
            assert!(told.unwrap().success());
        }
    }

    pub fn line(&self, number: usize) -> &Cut {
        self.laptops[number].ground.line()
    }

    pub fn part(&self, number: usize, way: Way) {
        self.laptops[number].ground.part(way);
    }

    pub fn join(&self, number: usize) {
        self.laptops[number].ground.join();
    }

    pub fn ground(&self) -> &'static str {
        self.laptops[0].ground.kind()
    }

    /// More than half of them.
    pub fn majority(&self, chance: &mut Chance) -> Vec<usize> {
        let mut all: Vec<usize> = (0..self.laptops.len()).collect();
        let wanted = all.len() / 2 + 1;
        while all.len() > wanted {
            let out = usize::try_from(chance.below(all.len() as u64)).unwrap();
            all.remove(out);
        }
        all
    }

    /// Leaves them alone for a while. This is the length of a fault and waits for nothing.
    pub fn let_work(&mut self, time: Duration) {
        std::thread::sleep(time);
        for laptop in &mut self.laptops {
            if let Some(process) = &mut laptop.process {
                assert!(process.child.try_wait().unwrap().is_none(), "{} has ended by itself", laptop.orders.name);
            }
        }
    }

    /// Heals everything, tells all of them to stop saving, and waits until none of them has anything left.
    pub fn quiesce(&mut self, patience: Duration) -> Duration {
        let began = Instant::now();
        for laptop in &mut self.laptops {
            laptop.ground.join();
            laptop.ground.line().heal();
            let process = laptop.process.as_mut().unwrap();
            writeln!(process.child.stdin.as_mut().unwrap(), "quiet").unwrap();
        }
        for laptop in &mut self.laptops {
            let process = laptop.process.as_mut().unwrap();
            loop {
                let left = patience.saturating_sub(began.elapsed());
                match process.said.recv_timeout(left) {
                    Ok(line) if line.ends_with("quiet") => break,
                    Ok(_) => {}
                    Err(error) => panic!("the queue of {} is stuck after {patience:?}: {error}", laptop.orders.name),
                }
            }
        }
        let drained = began.elapsed();
        for laptop in &mut self.laptops {
            laptop.process = None;
        }
        drained
    }

    /// Compares what was acknowledged with what is there, and every mirror with the server, row by row.
    pub fn judge(&mut self, company: &Company) -> Verdict {
        let mut verdict = Verdict::default();
        let mut registers: BTreeMap<String, i64> = BTreeMap::new();
        let mut inspections = Vec::new();
        for laptop in &self.laptops {
            for line in journal(&laptop.orders.journal) {
                match line {
                    Line::Inspection(id) => inspections.push(id),
                    Line::Set(register, number) => {
                        verdict.acknowledged += 1;
                        let known = registers.entry(register).or_default();
                        *known = (*known).max(number);
                    }
                    Line::Read(_) => verdict.readings += 1,
                    Line::Wrong(sentence) => verdict.wrong.push(format!("{}: {sentence}", laptop.orders.name)),
                }
            }
        }
        verdict.acknowledged += inspections.len() as u64;
        let there: std::collections::HashSet<uuid::Uuid> = company
            .office("SELECT id FROM inspection_records WHERE findings LIKE '{%'")
            .lines()
            .map(|line| line.parse().unwrap())
            .collect();
        for id in inspections.iter().filter(|id| !there.contains(id)) {
            verdict.wrong.push(format!("lost: inspection {id}"));
        }
        for twice in company
            .office(
                "SELECT findings::jsonb ->> 'by' || ' ' || (findings::jsonb ->> 'n') FROM inspection_records
                 WHERE findings LIKE '{%' GROUP BY 1, findings HAVING count(*) > 1",
            )
            .lines()
        {
            verdict.wrong.push(format!("twice: {twice}"));
        }
        for (register, number) in registers {
            let (place, laptop) = register.split_once('/').unwrap();
            let (name, items) = if place == PAIR { ("pair", vec![1, 2]) } else { ("of", vec![place.parse().unwrap()]) };
            for item in items {
                let kept = company.office(&format!(
                    "SELECT coalesce((components ->> '{name}_{laptop}')::bigint, 0) FROM equipment_inventory WHERE id = '{}'",
                    clara_tests::ids::item(item)
                ));
                if kept.parse::<i64>().unwrap() < number {
                    verdict.wrong.push(format!("lost: {register} is {kept} and was acknowledged at {number}"));
                }
            }
        }
        // Writes of one laptop to one row took effect in the order in which they were saved.
        let reversed = company.office(
            "SELECT count(*) FROM (SELECT applied_xid::text::bigint AS xid, lag(applied_xid::text::bigint) OVER
                 (PARTITION BY device_id, payload ->> 'row_id' ORDER BY seq) AS before FROM sync.op
                 WHERE applied_xid IS NOT NULL) o WHERE xid < before",
        );
        if reversed != "0" {
            verdict.wrong.push(format!("monotonic writes: {reversed} operations overtook an earlier one"));
        }
        let refused = company.office("SELECT count(*) FROM sync.op WHERE outcome NOT IN ('applied', 'merged')");
        if refused != "0" {
            verdict.wrong.push(format!("{refused} operations were neither applied nor merged"));
        }
        for laptop in &self.laptops {
            let mut mirror = laptop.orders.open();
            let mut central = PgCentral::new(laptop.orders.server(company.port()));
            let report = block_on(sync_once(&mut mirror, &mut central, Wish::default(), &mut Now));
            if let Some(error) = report.error {
                verdict.wrong.push(format!("{} does not sync: {error:?}", laptop.orders.name));
            }
            for table in TABLES {
                let mut here: Vec<Row> = mirror.read(|read| read.all(table.entity)).unwrap();
                here.sort_by_key(|row| row.id);
                let mut there: Vec<Row> = Vec::new();
                loop {
                    let page = block_on(central.page(table.entity, there.last().map(|row| row.id), 1_000)).unwrap();
                    there.extend(page.rows);
                    if page.last {
                        break;
                    }
                }
                there.sort_by_key(|row| row.id);
                let cells = |rows: &[Row]| -> Vec<_> {
                    rows.iter().map(|row| (row.id, row.row_ver, row.fields(table))).collect()
                };
                if cells(&here) != cells(&there) {
                    verdict.wrong.push(format!("{} and the server differ in {}", laptop.orders.name, table.name));
                }
            }
            block_on(central.close());
        }
        verdict
    }
}
