//! The keyring of the desktop, a real one on a bus of its own: absent, locked, reset, holding somebody else's key. Whatever it
//! does, nothing is deleted, and the passphrase and the company's recovery key open the work.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use clara_app::rescue::{Identity, make_from_folder};
use clara_app::vault::{Keyring, Vault};
use clara_central::enroll::Person;
use clara_central::revoke::{Revoke, revoke};
use clara_domain::UserId;
use clara_tests::{Company, block_on, ids};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::rescue::{figure, shown, with_a_safe};

const PASSPHRASE: &str = "riser room three";
/// Starts the keyring and opens it, as a login at the desktop does.
const OPEN: &str = "printf secret | gnome-keyring-daemon --unlock --components=secrets --daemonize >/dev/null";
/// What a screen saver does.
const LOCK: &str = "dbus-send --session --print-reply --dest=org.freedesktop.secrets /org/freedesktop/secrets \
    org.freedesktop.Secret.Service.Lock array:objpath:/org/freedesktop/secrets/collection/login >/dev/null";
/// A new login password, a new machine, a tidy-up.
const RESET: &str = "rm -rf \"$HOME/.local/share/keyrings\"";

/// A person's desktop: a home with a keyring in it.
struct Desktop {
    home: tempfile::TempDir,
}

/// The app on that desktop.
struct App {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Desktop {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("run")).unwrap();
        Self { home }
    }

    fn profile(&self) -> PathBuf {
        self.home.path().join("clara")
    }

    fn with_bus(&self, before: &[&str]) -> App {
        self.with_bus_at(before, &self.profile())
    }

    fn with_bus_at(&self, before: &[&str], profile: &Path) -> App {
        let script = format!("{}; exec \"$0\" \"$1\"", before.join(" && "));
        self.run(Command::new("dbus-run-session").args(["--", "bash", "-c", &script]), profile)
    }

    fn without_bus(&self) -> App {
        self.run(Command::new("bash").args(["-c", "exec \"$0\" \"$1\""]), &self.profile())
    }

    fn run(&self, command: &mut Command, profile: &Path) -> App {
        let mut child = command
            .arg(env!("CARGO_BIN_EXE_clara-tests-person"))
            .arg(profile)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path().join("run"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus and gnome-keyring are installed");
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        App { child, to, from }
    }

    /// Enrolled with the keyring at hand, and closed again.
    fn enrolled(company: &Company, passphrase: Option<&str>) -> Desktop {
        let desktop = Desktop::new();
        desktop.enroll(company, &desktop.profile(), ids::ANA, passphrase);
        assert!(desktop.card()["keyring_entry"].is_string(), "the key went into the keyring");
        assert_eq!(desktop.card()["sealed"].is_null(), passphrase.is_none());
        desktop
    }

    fn enroll(&self, company: &Company, profile: &Path, person: Uuid, passphrase: Option<&str>) {
        let mut app = self.with_bus_at(&[OPEN], profile);
        let enrolment = company.enrolment(person, company.port()).to_file();
        app.done("enroll", json!({"enrolment": enrolment, "device_name": "Van 4", "passphrase": passphrase}));
        app.done("sync_now", json!({}));
        let job = if person == ids::ANA { ids::ANAS_JOB } else { ids::BENS_JOB };
        app.done("start_job", json!({"job_id": job}));
        app.leave();
    }

    fn card(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.profile().join("keys/data-key.json")).unwrap()).unwrap()
    }

    fn vault(&self) -> Vault {
        Vault::at(&self.profile().join("keys"), Keyring::Off)
    }

    /// Keys, spool and photos as they lie there. The database may be read meanwhile, which moves its log about.
    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let (mut files, mut folders) = (BTreeMap::new(), vec![self.profile()]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
                if entry.file_type().unwrap().is_dir() {
                    folders.push(path);
                } else if name != "ballast" && !name.starts_with("mirror.db-") {
                    files.insert(path.clone(), std::fs::read(path).unwrap());
                }
            }
        }
        files
    }
}

impl App {
    fn call(&mut self, command: &str, request: Value) -> Result<Value, Value> {
        writeln!(self.to, "{}", json!({"command": command, "request": request})).unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let mut answer: Value =
            serde_json::from_str(&line).unwrap_or_else(|_| panic!("{command} was answered: {line:?}"));
        match answer["ok"].take() {
            Value::Null => Err(answer["failed"].take()),
            done => Ok(done),
        }
    }

    fn done(&mut self, command: &str, request: Value) -> Value {
        self.call(command, request).unwrap_or_else(|failure| panic!("{command}: {failure}"))
    }

    /// What the first screen is, or why there is none.
    fn starts(&mut self) -> String {
        match self.call("start", json!({})) {
            Ok(start) => start["state"].as_str().unwrap().to_owned(),
            Err(failure) => failure["code"].as_str().unwrap().to_owned() + ": " + failure["message"].as_str().unwrap(),
        }
    }

    fn opens_with(&mut self, passphrase: &str) -> bool {
        let opened = self.call("unlock", json!({"passphrase": passphrase})).is_ok();
        opened && !self.done("list_work", json!({}))["items"].as_array().unwrap().is_empty()
    }

    fn leave(self) {
        let App { mut child, to, from } = self;
        drop((to, from));
        child.wait().unwrap();
    }
}

fn opens_for_the_office(profile: &Path, identity: &Identity) -> bool {
    let out = tempfile::tempdir().unwrap();
    make_from_folder(profile, identity, out.path()).is_ok_and(|made| {
        let inside = shown(&made.path, identity);
        inside.whole && !inside.operations.is_empty()
    })
}

#[test]
fn a_keyring_that_answers_opens_the_work_without_a_word() {
    let (company, _) = with_a_safe();
    let desktop = Desktop::enrolled(&company, None);
    let mut app = desktop.with_bus(&[OPEN]);
    assert_eq!(app.starts(), "open");
    app.leave();
}

#[test]
fn a_keyring_that_is_absent_or_locked_leaves_the_passphrase_and_the_recovery_key() {
    let (company, identity) = with_a_safe();
    let mut wrong = Vec::new();
    for absent in [true, false] {
        for passphrase in [Some(PASSPHRASE), None] {
            let desktop = Desktop::enrolled(&company, passphrase);
            let before = desktop.files();
            let mut app = if absent { desktop.without_bus() } else { desktop.with_bus(&[OPEN, LOCK]) };
            let first = app.starts();
            match passphrase {
                Some(words) => {
                    assert_eq!(first, "locked", "absent: {absent}");
                    assert!(!app.opens_with("riser room four"));
                    if desktop.files() != before {
                        wrong.push(format!("absent {absent}: something was changed"));
                    }
                    if !app.opens_with(words) {
                        wrong.push(format!("absent {absent}: the passphrase"));
                    }
                }
                None => {
                    assert!(first.starts_with("locked: "), "{first}");
                    assert!(app.call("unlock", json!({"passphrase": ""})).is_err());
                    if desktop.files() != before {
                        wrong.push(format!("absent {absent}, no passphrase: something was changed"));
                    }
                }
            }
            app.leave();
            if !opens_for_the_office(&desktop.profile(), &identity) {
                wrong.push(format!("absent {absent}: the recovery key"));
            }
            // It was only away.
            let mut app = desktop.with_bus(&[OPEN]);
            if app.starts() != "open" {
                wrong.push(format!("absent {absent}: it does not open when the keyring is back"));
            }
            app.leave();
        }
    }
    println!("{wrong:?}");
    figure("a keyring that is absent or locked", 4, wrong.len());
}

#[test]
fn a_keyring_that_was_reset_leaves_the_passphrase_which_puts_the_key_back_or_else_the_recovery_key() {
    let (company, identity) = with_a_safe();
    let desktop = Desktop::enrolled(&company, Some(PASSPHRASE));
    let mut app = desktop.with_bus(&[RESET, OPEN]);
    assert_eq!(app.starts(), "locked");
    let mut failures = usize::from(!app.opens_with(PASSPHRASE));
    app.leave();
    let mut app = desktop.with_bus(&[OPEN]);
    failures += usize::from(app.starts() != "open");
    app.leave();

    let desktop = Desktop::enrolled(&company, None);
    let before = desktop.files();
    let mut app = desktop.with_bus(&[RESET, OPEN]);
    let first = app.starts();
    assert!(first.starts_with("locked: ") && first.contains("keyring"), "{first}");
    app.leave();
    failures += usize::from(desktop.files() != before);
    failures += usize::from(!opens_for_the_office(&desktop.profile(), &identity));
    figure("a keyring that was reset", 2, failures);
}

#[test]
fn somebody_elses_key_in_the_keyring_opens_nothing_and_is_set_aside_and_never_deleted() {
    let (company, identity) = with_a_safe();
    let desktop = Desktop::enrolled(&company, Some(PASSPHRASE));
    // Another profile on the same desktop, with a key of its own in the same keyring.
    let theirs = desktop.home.path().join("clara-of-ben");
    desktop.enroll(&company, &theirs, ids::BEN, Some(PASSPHRASE));
    let entry = |profile: &Path| -> String {
        let card: Value = serde_json::from_slice(&std::fs::read(profile.join("keys/data-key.json")).unwrap()).unwrap();
        card["keyring_entry"].as_str().unwrap().to_owned()
    };
    let (mine, foreign) = (entry(&desktop.profile()), entry(&theirs));
    assert_ne!(mine, foreign);
    let foreign_key = Vault::at(&theirs.join("keys"), Keyring::Off).open(Some(PASSPHRASE)).unwrap();

    // What is under our name is theirs.
    let rename = |profile: &Path, entry: &str| {
        let file = profile.join("keys/data-key.json");
        let mut card: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        card["keyring_entry"] = entry.into();
        std::fs::write(file, card.to_string()).unwrap();
    };
    rename(&desktop.profile(), &foreign);
    let before = desktop.files();
    let mut app = desktop.with_bus(&[OPEN]);
    assert_eq!(app.starts(), "locked", "it is no key of this work");
    let mut failures = usize::from(desktop.files() != before);
    failures += usize::from(!app.opens_with(PASSPHRASE));
    app.leave();
    failures += usize::from(!opens_for_the_office(&desktop.profile(), &identity));

    // Their key has another name now, and is still there.
    let digest: String = Sha256::digest(foreign_key.bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    rename(&theirs, &format!("{foreign}-aside-{digest}"));
    let mut app = desktop.with_bus_at(&[OPEN], &theirs);
    failures += usize::from(app.starts() != "open");
    app.leave();
    assert!(desktop.vault().has_passphrase().unwrap());
    figure("somebody else's key in the keyring", 4, failures);
}

#[test]
fn a_laptop_whose_access_ended_takes_its_key_out_of_the_keyring_too() {
    let (company, identity) = with_a_safe();
    let desktop = Desktop::enrolled(&company, None);
    let card = std::fs::read(desktop.profile().join("keys/data-key.json")).unwrap();
    block_on(revoke(&company.admin(), &Revoke::Person(Person::Id(UserId(ids::ANA))))).unwrap();
    let mut app = desktop.with_bus(&[OPEN]);
    assert_eq!(app.starts(), "open");
    let told = (0..3).find_map(|_| app.call("sync_now", json!({})).err()).expect("it hears of it");
    assert_eq!(told["code"], "locked", "{told}");
    app.leave();

    // Somebody puts the cards back as they were: the key they name is gone.
    std::fs::write(desktop.profile().join("keys/data-key.json"), card).unwrap();
    std::fs::remove_file(desktop.profile().join("keys/revoked.json")).unwrap();
    let mut app = desktop.with_bus(&[OPEN]);
    let first = app.starts();
    app.leave();
    let failures =
        usize::from(!first.starts_with("locked: ")) + usize::from(!opens_for_the_office(&desktop.profile(), &identity));
    figure("a locked laptop's key in the keyring", 1, failures);
}
