//! The app's process, with a home and a folder for temporary files of its own.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

/// A running app.
pub struct Person {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

/// Everything of a person's that the app can write to.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["home", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn profile(&self) -> PathBuf {
        self.path().join("home/profile")
    }

    /// Starts the app here. It may write core files, as far as it is concerned.
    pub fn start(&self) -> Person {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.path().join("home/log")).unwrap();
        let mut child = Command::new("bash")
            .args(["-c", "ulimit -c unlimited; exec \"$0\" \"$1\""])
            .arg(env!("CARGO_BIN_EXE_clara-tests-person"))
            .arg(self.profile())
            .current_dir(self.path().join("home"))
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path().join("home"))
            .env("TMPDIR", self.path().join("tmp"))
            .env("CLARA_KEYRING", "off")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Person { child, to, from }
    }
}

impl Person {
    /// Gives a command and waits for the answer.
    pub fn call(&mut self, command: &str, request: Value) -> Result<Value, Value> {
        self.tell(command, request);
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let mut answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{command} was answered: {line}"));
        match answer["ok"].take() {
            Value::Null => Err(answer["failed"].take()),
            done => Ok(done),
        }
    }

    /// The same; anything but success fails the story.
    pub fn done(&mut self, command: &str, request: Value) -> Value {
        self.call(command, request).unwrap_or_else(|failure| panic!("{command}: {failure}"))
    }

    fn tell(&mut self, command: &str, request: Value) {
        writeln!(self.to, "{}", json!({"command": command, "request": request})).unwrap();
        self.to.flush().unwrap();
    }

    /// Closes in order.
    pub fn leave(mut self) {
        drop(self.to);
        assert!(self.child.wait().unwrap().success());
    }

    /// Gives a command that ends in a crash; the signal.
    pub fn crash(mut self, command: &str, request: Value) -> Option<i32> {
        self.tell(command, request);
        self.child.wait().unwrap().signal()
    }
}
