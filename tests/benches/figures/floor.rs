//! What the same bytes cost with nothing around them.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use clara_central::{Connection, Mode, connect::sql};
use clara_tests::{Company, block_on};
use uuid::Uuid;

/// An open connection of the same driver over the same TLS, as an administrator: no row security.
pub struct Bare(Connection);

/// The columns of an item that a laptop holds.
const ITEMS: &str = "SELECT t.id, t.row_ver, t.location_id, t.equipment_model_id, t.equipment_category::text,
    t.manual_manufacturer, t.manual_model_number, t.serial_number, t.installation_date, t.status::text, t.location_detail,
    t.replacement_of_equipment_id, t.replaced_by_equipment_id, t.components, t.notes, t.metadata, t.created_at,
    t.updated_at, t.deleted_at FROM equipment_inventory t WHERE t.id = ANY($1)";

impl Bare {
    pub fn connect(company: &Company) -> Self {
        Self(block_on(company.admin().connect()).unwrap())
    }

    /// One round trip with nothing in it.
    pub fn round_trip(&mut self, times: &mut crate::measure::Times) {
        let tx = times.run(|| block_on(self.0.begin(Mode::Snapshot)).unwrap());
        block_on(tx.rollback()).unwrap();
    }

    /// Items by id; only the SELECT is timed.
    pub fn items(&mut self, ids: &[Uuid], times: &mut crate::measure::Times) -> usize {
        let mut tx = block_on(self.0.begin(Mode::Snapshot)).unwrap();
        let rows = times.run(|| block_on(tx.fetch_all(sql(ITEMS).bind(ids.to_vec()))).unwrap());
        block_on(tx.commit()).unwrap();
        rows.len()
    }

    /// Rows of one JSON document into a bare table, in one statement and one transaction.
    pub fn insert_records(&mut self, document: &str) -> u64 {
        block_on(async {
            let mut tx = self.0.begin(Mode::Write).await.unwrap();
            let statement = sql("INSERT INTO floor_record (op_id, seq, root_id, entity, row_id, kind, new)
                SELECT op_id, seq, root_id, entity, row_id, kind, new FROM jsonb_to_recordset($1::text::jsonb)
                AS t(op_id uuid, seq bigint, root_id uuid, entity text, row_id uuid, kind text, new jsonb)");
            let done = tx.execute(statement.bind(document)).await.unwrap();
            tx.commit().await.unwrap();
            done
        })
    }

    /// One blob into a bare table, in a transaction of its own.
    pub fn insert_blob(&mut self, bytes: &[u8]) {
        block_on(async {
            let mut tx = self.0.begin(Mode::Write).await.unwrap();
            tx.execute(sql("INSERT INTO floor_blob (bytes) VALUES ($1)").bind(bytes)).await.unwrap();
            tx.commit().await.unwrap();
        });
    }
}

/// `psql COPY … | sqlite3 .import`: the catalogue over the same TLS into plain SQLite, durable. False where there is no
/// sqlite3 on this machine.
pub fn copy_models(company: &Company, folder: &Path) -> bool {
    let file = folder.join("bare.db");
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", file.display()));
    }
    let cluster = company.cluster();
    let mut psql = Command::new("psql")
        .args(["--host", cluster.host(), "--port", &cluster.port().to_string(), "--username", cluster.admin_user()])
        .args(["--quiet", "--no-psqlrc", "--command"])
        .arg("COPY (SELECT id, row_ver, manufacturer_id, model_number, product_name, equipment_category, electrical_specs,
            pressure_specs, temperature_specs, flow_specs, physical_specs, year_introduced, year_discontinued,
            replacement_model_id, maintenance_notes, data_source, confidence_score, created_at, updated_at, deleted_at
            FROM equipment_models) TO STDOUT (FORMAT csv)")
        .env("PGPASSWORD", cluster.admin_password())
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", cluster.ca_file())
        .env("PGDATABASE", company.database())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let import = Command::new("sqlite3")
        .arg(&file)
        .args(["-cmd", "PRAGMA journal_mode = WAL", "-cmd", "PRAGMA synchronous = FULL"])
        .args(["-cmd", "CREATE TABLE model (id TEXT PRIMARY KEY, row_ver, maker, number, name, category, electrical, pressure,
            temperature, flow, physical, introduced, discontinued, replacement, notes, source, confidence, created, updated,
            deleted)"])
        .arg(".import --csv /dev/stdin model")
        .stdin(psql.stdout.take().unwrap())
        .stdout(Stdio::null())
        .status();
    let copied = psql.wait();
    import.is_ok_and(|status| status.success()) && copied.is_ok_and(|status| status.success())
}

/// A plain SQLite that stays open: the `sqlite3` program, spoken to over pipes.
pub struct Sqlite {
    program: Child,
    say: ChildStdin,
    hear: BufReader<ChildStdout>,
}

impl Sqlite {
    /// None where there is no sqlite3 on this machine.
    pub fn open(folder: &Path) -> Option<Self> {
        let mut program = Command::new("sqlite3")
            .arg(folder.join("open.db"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let (say, hear) = (program.stdin.take()?, BufReader::new(program.stdout.take()?));
        let mut sqlite = Self { program, say, hear };
        sqlite.run(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE item (id TEXT PRIMARY KEY, body TEXT);",
        );
        Some(sqlite)
    }

    /// So many rows of this size in one durable transaction.
    pub fn upsert(&mut self, ids: &[Uuid], body: &str) {
        let mut text = String::from("BEGIN;\n");
        for id in ids {
            text.push_str(&format!("INSERT OR REPLACE INTO item VALUES ('{id}', '{body}');\n"));
        }
        text.push_str("COMMIT;");
        self.run(&text);
    }

    fn run(&mut self, sql: &str) {
        writeln!(self.say, "{sql}\n.print done").unwrap();
        self.say.flush().unwrap();
        let mut line = String::new();
        while line != "done\n" {
            line.clear();
            assert!(self.hear.read_line(&mut line).unwrap() > 0, "sqlite3 answers");
        }
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
