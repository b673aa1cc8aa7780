//! Where the programs are.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;

use crate::access::Access;
use crate::error::{Error, Result};

const DEBIAN: &str = "/usr/lib/postgresql";

/// The programs of one PostgreSQL release.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    /// Their folder.
    pub(crate) folder: PathBuf,
}

impl Binaries {
    /// The newest release installed, or the one asked for.
    pub(crate) fn find(major: Option<&str>) -> Option<Binaries> {
        let mut releases: Vec<(u32, PathBuf)> = fs::read_dir(DEBIAN)
            .into_iter()
            .flatten()
            .filter_map(|entry| {
                let entry = entry.ok()?;
                Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
            })
            .filter(|(_, folder)| folder.join("initdb").is_file() && folder.join("postgres").is_file())
            .collect();
        releases.sort();
        let on_path = search_path().into_iter().find(|f| f.join("initdb").is_file() && f.join("postgres").is_file());
        let wanted = |folder: &Path| match major {
            None => true,
            Some(major) => release(folder).as_deref() == Some(major),
        };
        releases
            .into_iter()
            .rev()
            .map(|(_, folder)| folder)
            .chain(on_path)
            .find(|folder| wanted(folder))
            .map(|folder| Binaries { folder })
    }

    pub(crate) fn newest() -> Result<Binaries> {
        Self::find(None).ok_or_else(|| Error::NoServer { looked_in: format!("{DEBIAN}/*/bin and PATH") })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The major release of the programs in a folder.
fn release(folder: &Path) -> Option<String> {
    let said = Command::new(folder.join("postgres")).arg("--version").env_clear().output().ok()?;
    let said = String::from_utf8(said.stdout).ok()?;
    let number = said.split_whitespace().nth(2)?;
    Some(number.split(|c: char| !c.is_ascii_digit()).next()?.to_owned())
}

pub(crate) fn pgbouncer() -> Result<PathBuf> {
    search_path()
        .into_iter()
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join("pgbouncer"))
        .find(|program| program.is_file())
        .ok_or(Error::NoPooler)
}

fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect()).unwrap_or_default()
}

pub(crate) fn psql(access: &Access, role: &str, password: &str, database: &str, sql: &str) -> Result<String> {
    let mut program = access.programs.join("psql");
    if !program.is_file() {
        program = PathBuf::from("psql");
    }
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8")
        .env("PGHOST", &access.host)
        .env("PGPORT", access.port.to_string())
        .env("PGSSLMODE", "verify-full")
        .env("PGSSLROOTCERT", &access.ca_file)
        .env("PGUSER", role)
        .env("PGPASSWORD", password)
        .env("PGDATABASE", database)
        .env("PGCONNECT_TIMEOUT", "20")
        .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set=ON_ERROR_STOP=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let cannot = "cannot run psql";
    let mut child = command.spawn().map_err(Error::system(cannot))?;
    let pipe = child.stdin.take();
    // By pipe, as everybody on the machine can read a program's arguments, and SQL may hold a password. From another
    // thread, as psql answers while it reads.
    let output = thread::scope(|scope| {
        scope.spawn(move || pipe.map(|mut pipe| pipe.write_all(sql.as_bytes())));
        child.wait_with_output()
    });
    let output = judge("psql", output.map_err(Error::system(cannot))?)?;
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

/// Runs a program to its end; anything but success is an error with what it said.
pub(crate) fn finish(name: &str, command: &mut Command) -> Result<Output> {
    judge(name, command.output().map_err(Error::system("cannot run a program of PostgreSQL"))?)
}

fn judge(name: &str, output: Output) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let mut said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.is_empty() {
        said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    }
    Err(Error::Program { program: name.to_owned(), status: output.status.to_string(), said: ending(&said) })
}

/// The last lines of a long text.
pub(crate) fn ending(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}

pub(crate) fn ending_of_file(file: &Path) -> String {
    fs::read(file).map(|bytes| ending(&String::from_utf8_lossy(&bytes))).unwrap_or_default()
}
