//! Somebody in the office with a session of their own, who may leave a transaction open.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use clara_tests::Company;

/// See the module. It ends with its session.
pub struct Office {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Office {
    /// A session in the company's database.
    pub fn of(company: &Company) -> Self {
        Self::in_database(company, company.database())
    }

    /// A session in another database of the same server.
    pub fn in_database(company: &Company, database: &str) -> Self {
        let access = company.cluster().access();
        let mut child = Command::new(access.programs.join("psql"))
            .env_clear()
            .env("PGHOST", &access.host)
            .env("PGPORT", access.port.to_string())
            .env("PGUSER", &access.admin_user)
            .env("PGPASSWORD", &access.admin_password)
            .env("PGDATABASE", database)
            .env("PGSSLMODE", "verify-full")
            .env("PGSSLROOTCERT", &access.ca_file)
            .arg("-XAtq")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, input, output }
    }

    /// Begins something and does not wait for its end.
    pub fn start(&mut self, sql: &str) {
        writeln!(self.input, "{sql};\n\\echo done :SQLSTATE").unwrap();
        self.input.flush().unwrap();
    }

    /// Waits for the end of it: what it printed, and the SQLSTATE of its last statement.
    pub fn end(&mut self) -> (Vec<String>, String) {
        let mut rows = Vec::new();
        loop {
            let mut line = String::new();
            assert!(self.output.read_line(&mut line).unwrap() > 0, "the office's session ended");
            let line = line.trim_end();
            match line.strip_prefix("done ") {
                Some(state) => return (rows, state.to_owned()),
                None => rows.push(line.to_owned()),
            }
        }
    }

    /// Does something, which must succeed.
    pub fn run(&mut self, sql: &str) -> Vec<String> {
        self.start(sql);
        let (rows, state) = self.end();
        assert_eq!(state, "00000", "{sql}");
        rows
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

/// Asks until the answer is the one that is waited for.
#[track_caller]
pub fn wait_until(what: &str, patience: Duration, mut holds: impl FnMut() -> bool) -> Duration {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < patience, "{what}: not within {patience:?}");
        std::thread::yield_now();
    }
    began.elapsed()
}

/// Whether some session of this company's laptops waits for a lock.
pub fn a_laptop_waits_for_a_lock(company: &Company) -> bool {
    company.office(
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
             AND application_name LIKE 'clara-field%')",
    ) == "t"
}
