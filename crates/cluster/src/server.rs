//! The server: make, start, stop, crash, copy, put back.

use std::fs::{self, File, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::access::Access;
use crate::account::Account;
use crate::binaries::{self, Binaries};
use crate::error::{Error, Result};
use crate::folder::{self, remove_folder};
use crate::leash::Leash;
use crate::{create, port, settings};

/// The data folder, within the cluster's folder.
pub(crate) const DATA: &str = "pgdata";
/// The file whose lock says that a process runs this cluster.
const LOCK: &str = "lock";
/// Crash recovery is part of a start.
const PATIENCE: Duration = Duration::from_secs(90);

/// What kind of cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Where it lives; a temporary folder if none. A cluster that is there already is opened again, with the same
    /// authority and password.
    pub folder: Option<PathBuf>,
    /// Its port; a free one if none, the one it had before if that is free.
    pub port: Option<u16>,
    /// Whether it outlives the process. A kept cluster is durable (`fsync`), any other is removed when dropped.
    pub keep: bool,
    /// More lines for postgresql.conf: name and value, unquoted.
    pub settings: Vec<(String, String)>,
}

/// A private PostgreSQL cluster. Dropping it stops the server; the death of the process stops it too.
pub struct Cluster {
    access: Access,
    account: Account,
    binaries: Binaries,
    folder: PathBuf,
    notes: Vec<String>,
    options: ClusterOptions,
    made_here: bool,
    server: Mutex<Option<Child>>,
    leash: Option<Leash>,
    temporary: Option<tempfile::TempDir>,
    // Held for as long as the cluster is: two servers on one data folder destroy it.
    _lock: File,
}

/// How a server is told to stop.
#[derive(Clone, Copy)]
enum Stop {
    /// Breaks off connections, writes a checkpoint.
    Fast,
    /// As in a crash: no checkpoint, recovery at the next start.
    Immediate,
}

impl Cluster {
    /// Makes the cluster, or opens the one that is in the folder, and starts it.
    pub fn start(options: ClusterOptions) -> Result<Cluster> {
        let account = Account::choose()?;
        let mut notes = Vec::new();
        let mut temporary = None;
        let mut made_here = true;
        let folder = match &options.folder {
            Some(asked) => {
                let place = folder::resolve(asked)?;
                notes.extend(place.note);
                made_here = folder::make(&place.path)?;
                place.path
            }
            None => {
                let made = folder::for_a_while(account)?;
                temporary.insert(made).path().to_owned()
            }
        };
        let lock = lock(&folder)?;
        let version = folder.join(DATA).join("PG_VERSION");
        let exists = version.is_file();
        let binaries = if exists { create::release_of(&folder, &version)? } else { Binaries::newest()? };
        // Before anything is made: who is killed while making it leaves nothing behind either.
        let leash = tie(&binaries, account, &folder, options.keep, temporary.is_some())?;
        let access = if exists {
            create::reopen(&folder, &options, account, &binaries, &mut notes)?
        } else {
            create::create(&folder, &options, account, &binaries)?
        };
        let mut cluster = Cluster {
            access,
            account,
            binaries,
            folder,
            notes,
            options,
            made_here,
            server: Mutex::new(None),
            leash: Some(leash),
            temporary,
            _lock: lock,
        };
        cluster.launch_on_a_free_port()?;
        cluster.access.write(&cluster.folder)?;
        for note in &cluster.notes {
            tracing::warn!("{note}");
        }
        Ok(cluster)
    }

    /// A temporary cluster on a free port.
    pub fn temporary() -> Result<Cluster> {
        Cluster::start(ClusterOptions::default())
    }

    /// The name to connect to: the one in the certificate.
    pub fn host(&self) -> &str {
        &self.access.host
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.access.port
    }

    /// The authority that signed the server's certificate, as PEM.
    pub fn ca_pem(&self) -> &str {
        &self.access.ca_pem
    }

    /// The same in a file.
    pub fn ca_file(&self) -> &Path {
        &self.access.ca_file
    }

    /// A superuser.
    pub fn admin_user(&self) -> &str {
        &self.access.admin_user
    }

    /// That user's password.
    pub fn admin_password(&self) -> &str {
        &self.access.admin_password
    }

    /// All of these together; cloneable, and readable from the folder by another process.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Where the cluster lives.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The server's log.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// What the person who started it should be told: that it lives elsewhere, that its port has changed.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Runs SQL as the administrator through psql, over verified TLS.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        self.access.psql(database, sql)
    }

    /// Stops in order and starts again, on the same port.
    pub fn restart(&self) -> Result<()> {
        let mut server = self.server();
        self.halt(&mut server, Stop::Fast)?;
        self.launch(&mut server)
    }

    /// Crashes the server: no checkpoint, every connection lost.
    pub fn stop_immediate(&self) -> Result<()> {
        self.halt(&mut self.server(), Stop::Immediate)
    }

    /// Starts a stopped server on the same port; recovers it first if it crashed. Nothing happens to a running one.
    pub fn start_again(&self) -> Result<()> {
        let mut server = self.server();
        if server.is_some() { Ok(()) } else { self.launch(&mut server) }
    }

    /// Stops the server in order, copies its data to the folder `to`, which must be new, and starts it again.
    pub fn cold_copy(&self, to: &Path) -> Result<()> {
        let mut server = self.server();
        self.halt(&mut server, Stop::Fast)?;
        let copied = fs::create_dir(to)
            .map_err(Error::file("cannot make", to))
            .and_then(|()| copy(&self.data(), &to.join(DATA)));
        // Started again even if the copy failed: a full disk must not end the demo.
        self.launch(&mut server)?;
        copied
    }

    /// Puts the data back as a cold copy has them, as a restore from a backup would, and starts the server.
    pub fn put_back(&self, from: &Path) -> Result<()> {
        let from = from.join(DATA);
        if !from.join("PG_VERSION").is_file() {
            return Err(Error::NoCluster(from));
        }
        let mut server = self.server();
        self.halt(&mut server, Stop::Immediate)?;
        let (new, gone) = (self.folder.join("pgdata.new"), self.folder.join("pgdata.gone"));
        remove_folder(&new)?;
        remove_folder(&gone)?;
        copy(&from, &new)?;
        fs::rename(self.data(), &gone).map_err(Error::file("cannot move", &self.data()))?;
        fs::rename(&new, self.data()).map_err(Error::file("cannot move", &new))?;
        remove_folder(&gone)?;
        self.launch(&mut server)
    }

    pub(crate) fn account(&self) -> Account {
        self.account
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join(DATA)
    }

    fn server(&self) -> MutexGuard<'_, Option<Child>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn launch_on_a_free_port(&mut self) -> Result<()> {
        for _ in 0..5 {
            let launched = self.launch(&mut self.server());
            match launched {
                Err(_) if self.options.port.is_none() && !port::is_free(self.access.port) => {
                    self.access.port = port::free()?;
                }
                other => return other,
            }
        }
        Err(Error::NoPort)
    }

    fn launch(&self, server: &mut Option<Child>) -> Result<()> {
        let data = self.data();
        let text = settings::postgresql_conf(self.access.port, self.options.keep, &self.options.settings);
        folder::give(self.account, &data.join("postgresql.conf"), &text)?;
        folder::give(self.account, &data.join("pg_hba.conf"), settings::HBA)?;
        let log_file = self.log_file();
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log_file)
            .map_err(Error::file("cannot write", &log_file))?;
        let again = log.try_clone().map_err(Error::file("cannot write", &log_file))?;
        let mut child = self
            .account
            .command(&self.binaries.program("postgres"), &data)
            .arg("-D")
            .arg(&data)
            // Ctrl-C at the terminal is for this process, which stops the server in order.
            .process_group(0)
            .stdout(log)
            .stderr(again)
            .spawn()
            .map_err(Error::system("cannot start PostgreSQL"))?;
        let ready = self.wait_until_ready(&mut child);
        if ready.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        } else {
            *server = Some(child);
        }
        ready
    }

    /// The server writes its state into postmaster.pid: its process id first, `ready` on the eighth line.
    fn wait_until_ready(&self, child: &mut Child) -> Result<()> {
        let pid_file = self.data().join("postmaster.pid");
        let pid = child.id().to_string();
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = child.try_wait().map_err(Error::system("cannot watch PostgreSQL"))? {
                let said = binaries::ending_of_file(&self.log_file());
                return Err(Error::Program { program: "postgres".into(), status: status.to_string(), said });
            }
            let text = fs::read_to_string(&pid_file).unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            if lines.next() == Some(&pid) && lines.nth(6) == Some("ready") {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(self.late("start"))
    }

    fn halt(&self, server: &mut Option<Child>, how: Stop) -> Result<()> {
        let Some(mut child) = server.take() else { return Ok(()) };
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
        };
        // The child is not yet waited for, so its number cannot have gone to another process.
        let told = binaries::finish(
            "pg_ctl",
            self.account.command(&self.binaries.program("pg_ctl"), &self.folder).args([
                "kill",
                signal,
                &child.id().to_string(),
            ]),
        );
        let end = Instant::now() + PATIENCE;
        loop {
            if child.try_wait().map_err(Error::system("cannot watch PostgreSQL"))?.is_some() {
                return Ok(());
            }
            if told.is_err() || Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                return told.and_then(|_| Err(self.late("stop")));
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn late(&self, what: &'static str) -> Error {
        let said = binaries::ending_of_file(&self.log_file());
        Error::Late { program: "PostgreSQL".into(), what, seconds: PATIENCE.as_secs(), said }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let how = if self.options.keep { Stop::Fast } else { Stop::Immediate };
        let stopped = self.halt(&mut self.server(), how);
        if let Err(e) = stopped {
            tracing::warn!("the private cluster was ended by force: {e}");
        }
        self.leash.take();
        if let Some(folder) = self.temporary.take() {
            let _ = folder.close();
        } else if !self.options.keep && self.made_here {
            let _ = remove_folder(&self.folder);
        }
    }
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").field("access", &self.access).field("folder", &self.folder).finish_non_exhaustive()
    }
}

fn lock(folder: &Path) -> Result<File> {
    let file = folder.join(LOCK);
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&file)
        .map_err(Error::file("cannot write", &file))?;
    // More than once, because the leash of a process that was just killed holds it for a moment.
    for _ in 0..20 {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(fs::TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(25)),
            Err(fs::TryLockError::Error(e)) => return Err(Error::file("cannot lock", &file)(e)),
        }
    }
    Err(Error::InUse(folder.to_owned()))
}

fn tie(binaries: &Binaries, account: Account, folder: &Path, keep: bool, temporary: bool) -> Result<Leash> {
    let pg_ctl = format!("{}\"$1\" stop -D \"$2\" -m \"$4\" -w", account.in_shell());
    let script = if temporary {
        // More than once: an initdb or a copy that was under way may write for another moment.
        format!("{pg_ctl}; for again in 1 2 3 4 5; do rm -rf -- \"$3\"; sleep 1; done")
    } else {
        // Exit code 1 says that the lock is taken: another process has opened the cluster, and the server is its own. A
        // moment's patience, as the kernel may close the pipe before it lets go of the dead process's lock.
        format!("flock --wait 3 \"$5\" true; [ $? -eq 1 ] || {pg_ctl}")
    };
    let mode = if keep { "fast" } else { "immediate" };
    let (program, data, lock) = (binaries.program("pg_ctl"), folder.join(DATA), folder.join(LOCK));
    let args = [program.as_os_str(), data.as_os_str(), folder.as_os_str(), mode.as_ref(), lock.as_os_str()];
    Leash::tie(&script, args)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    binaries::finish("cp", Command::new("cp").args(["-a", "--"]).arg(from).arg(to)).map(drop)
}
