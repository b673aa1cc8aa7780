//! The office ends a laptop's access: at the next contact it seals what is unsent and locks the work, for everybody at this
//! laptop. A new enrolment of the same person opens it again.

use std::path::Path;
use std::sync::{Arc, Mutex};

use clara_app::rescue::make_from_folder;
use clara_app::vault::{Keyring, Vault};
use clara_central::enroll::Person;
use clara_central::revoke::{Revoke, revoke};
use clara_contract::session::{Enroll, LockedAway, StartState, Unlock};
use clara_contract::sync::ListWork;
use clara_contract::{Code, Empty, Event, Failure};
use clara_domain::UserId;
use clara_tests::{Company, block_on, ids};
use serde_json::{Value, json};

use crate::rescue::{WORDS, figure, packed, put_in, shown, unsent, with_a_safe, works_in_the_basement};
use crate::{Laptop, open};

const PASSPHRASE: &str = "riser room three";

fn unlock(ana: &Laptop, passphrase: &str) -> Result<(), Failure> {
    ana.app.unlock(Unlock { passphrase: passphrase.into() }).map(drop)
}

/// The office ends Ana's access, and her laptop hears of it.
pub(crate) fn loses_access(company: &Company, ana: &Laptop) -> LockedAway {
    block_on(revoke(&company.admin(), &Revoke::Person(Person::Id(UserId(ids::ANA))))).unwrap();
    hears_of_it(ana);
    let start = ana.app.start(Empty {}).unwrap();
    assert_eq!((start.state, start.session), (StartState::Revoked, None));
    start.revoked.expect("it says what became of the work")
}

/// The first try finds its session cut, the next one its login ended.
fn hears_of_it(ana: &Laptop) {
    for _ in 0..3 {
        if let Err(failure) = ana.app.sync_now(Empty {}) {
            assert_eq!(failure.code, Code::Locked, "{failure:?}");
            return;
        }
    }
    panic!("it was never told");
}

/// Nothing at this laptop opens its work.
fn is_locked(folder: &Path) -> bool {
    let app = open(folder);
    let asked = [PASSPHRASE, "", "riser room four"].map(|words| app.unlock(Unlock { passphrase: words.into() }));
    let card = std::fs::read_to_string(folder.join("keys/data-key.json")).unwrap();
    asked.iter().all(|answer| answer.as_ref().is_err_and(|failure| failure.code == Code::Locked))
        && app.start(Empty {}).unwrap().state == StartState::Revoked
        && Vault::at(&folder.join("keys"), Keyring::Off).open(Some(PASSPHRASE)).is_err()
        && !card.contains("salt")
}

fn enrolls_again(company: &Company, laptop: &Laptop) -> Result<(), Failure> {
    let enrolment = company.enrolment(ids::ANA, company.port()).to_file();
    let passphrase = Some("a new one, eight or more".to_owned());
    laptop.app.enroll(Enroll { enrolment, device_name: "Van 4".into(), passphrase }).map(drop)
}

#[test]
fn a_laptop_whose_access_ended_locks_its_work_and_a_new_enrolment_brings_it_back_as_it_was() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let (work, operations) = (ana.app.list_work(ListWork::default()).unwrap().items, unsent(&ana));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    ana.app.listen(move |event| {
        if matches!(event, Event::Revoked {}) {
            ears.lock().unwrap().push(());
        }
    });

    let said = loses_access(&company, &ana);
    assert!(said.comes_back && said.full_name.starts_with("Ana"), "{said:?}");
    for command in ["today", "list_work", "sync_now", "list_backups", "sync_status", "rescue_state", "make_rescue"] {
        assert_eq!(ana.app.call(command, json!({})).unwrap_err().code, Code::Locked, "{command}");
    }
    assert_eq!(unlock(&ana, PASSPHRASE).unwrap_err().code, Code::Locked);
    // The app is closed by itself; its files are free and its window was told once.
    while heard.lock().unwrap().is_empty() {
        std::thread::yield_now();
    }
    assert!(is_locked(ana.folder.path()), "for any program at this laptop");

    let pack = shown(Path::new(&said.pack.unwrap().file.path), &identity);
    assert!(pack.whole && packed(&pack) == operations, "nothing is lost with it: the office has all");
    let out = tempfile::tempdir().unwrap();
    let opened = make_from_folder(ana.folder.path(), &identity, out.path()).unwrap();
    assert_eq!(packed(&shown(&opened.path, &identity)), operations, "the company's recovery key opens the folder");

    let ben = company.enrolment(ids::BEN, company.port()).to_file();
    let other = Enroll { enrolment: ben, device_name: "Van 4".into(), passphrase: Some(PASSPHRASE.into()) };
    assert_eq!(ana.app.enroll(other).unwrap_err().code, Code::NotAllowed, "another person does not get it");

    enrolls_again(&company, &ana).unwrap();
    let back = ana.app.list_work(ListWork::default()).unwrap().items;
    let lost = work.iter().filter(|one| !back.iter().any(|other| (other.id, &other.title) == (one.id, &one.title)));
    figure("a locked laptop is enrolled again", work.len(), lost.count());
    ana.app.sync_now(Empty {}).unwrap();
    assert_eq!(unsent(&ana).len(), 1, "only the photo of the draft waits");
    let field = format!("SELECT location_detail FROM equipment_inventory WHERE id = '{}'", ids::item(1));
    assert_eq!(company.office(&field), WORDS);
    ana.app.close();
    let again = Laptop { app: open(ana.folder.path()), folder: ana.folder };
    assert_eq!(again.app.start(Empty {}).unwrap().state, StartState::Locked);
    assert_eq!(
        unlock(&again, PASSPHRASE).unwrap_err().code,
        Code::Locked,
        "the old passphrase is gone with the old card"
    );
    unlock(&again, "a new one, eight or more").unwrap();
    // And it can be lost again.
    let said = loses_access(&company, &again);
    assert!(said.comes_back);
    assert!(is_locked(again.folder.path()));
}

#[test]
fn where_the_server_kept_no_lock_key_the_work_begins_anew_and_the_old_one_is_set_aside_for_the_office() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let operations = unsent(&ana);
    loses_access(&company, &ana);
    // As after a restore to before this laptop's first sync.
    company.office("DELETE FROM sync.lock_key");
    enrolls_again(&company, &ana).unwrap();
    ana.app.sync_now(Empty {}).unwrap();
    assert_eq!(unsent(&ana).len(), 0, "nothing of before is here");
    assert!(
        ana.app
            .list_jobs(serde_json::from_str("{\"status\":null,\"mine\":true,\"text\":null}").unwrap())
            .unwrap()
            .len()
            > 1
    );

    let aside = std::fs::read_dir(ana.folder.path().join("locked")).unwrap().next().unwrap().unwrap().path();
    assert!(is_locked(&aside));
    let out = tempfile::tempdir().unwrap();
    let opened = make_from_folder(&aside, &identity, out.path()).unwrap();
    let inside = shown(&opened.path, &identity);
    let lost = operations.iter().filter(|operation| !packed(&inside).contains(operation)).count();
    figure("locked work that does not come back is opened by the recovery key", operations.len(), lost);
    let report = put_in(&company, &opened.path, &identity);
    assert!(report.whole && report.new_operations() > 0);
}

#[test]
fn a_login_that_is_refused_for_any_other_reason_locks_nobody_out_of_unsent_work() {
    let reasons = ["VALID UNTIL '2020-01-01'", "NOLOGIN", "PASSWORD NULL", "PASSWORD 'of another program'"];
    let mut locked = 0;
    for reason in reasons {
        let (company, identity) = with_a_safe();
        let ana = Laptop::of(&company, ids::ANA);
        works_in_the_basement(&ana);
        let operations = unsent(&ana);
        company.office(&format!(
            "DO $$ DECLARE r name; BEGIN FOR r IN SELECT role_name FROM app.login WHERE user_id = '{}' LOOP
             EXECUTE format($x$ALTER ROLE %I {reason}$x$, r);
             PERFORM pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = r; END LOOP; END $$",
            ids::ANA
        ));
        let mut status = ana.app.sync_now(Empty {}).unwrap();
        for _ in 0..2 {
            status = ana.app.sync_now(Empty {}).unwrap();
        }
        assert_eq!(status.last_problem.unwrap().code, Code::LoginRefused, "{reason}");
        locked += usize::from(unsent(&ana) != operations);
        let pack = ana.app.rescue_state(Empty {}).unwrap().last.expect("sealed all the same");
        assert!(shown(Path::new(&pack.file.path), &identity).whole);
        ana.app.close();
        let again = open(ana.folder.path());
        locked += usize::from(again.unlock(Unlock { passphrase: PASSPHRASE.into() }).is_err());
    }
    figure("refused logins that are no end of access", reasons.len(), locked);
}

#[test]
fn a_laptop_that_knows_no_recovery_key_is_not_locked_since_nobody_could_ever_open_it() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let operations = unsent(&ana);
    block_on(revoke(&company.admin(), &Revoke::Person(Person::Id(UserId(ids::ANA))))).unwrap();
    let mut status = ana.app.sync_now(Empty {}).unwrap();
    for _ in 0..2 {
        status = ana.app.sync_now(Empty {}).unwrap();
    }
    assert_eq!(status.last_problem.unwrap().code, Code::LoginRefused);
    assert_eq!(unsent(&ana), operations);
}

/// The app in a process of its own, killed at every name that it changes among its keys and packs while it locks.
#[test]
fn a_laptop_that_is_killed_while_it_locks_is_locked_at_the_next_contact_and_its_work_is_whole() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let operations = unsent(&ana);
    ana.app.close();
    block_on(revoke(&company.admin(), &Revoke::Person(Person::Id(UserId(ids::ANA))))).unwrap();

    let (mut killed, mut between, mut wrong) = (0, 0, Vec::new());
    for call in ["rename", "openat", "fsync", "unlink"] {
        for nth in steps(ana.folder.path(), call, &knocks()) {
            let copy = copy_of(ana.folder.path());
            if !contact(copy.path(), &knocks(), Some((call, nth)), None) {
                continue;
            }
            killed += 1;
            let has = |name: &str| copy.path().join(name).exists();
            let card = std::fs::read_to_string(copy.path().join("keys/data-key.json")).unwrap();
            between += usize::from(has("rescue") != (has("keys/revoked.json") && !card.contains("salt")));

            let again = Laptop { app: open(copy.path()), folder: copy };
            if again.app.start(Empty {}).unwrap().state != StartState::Revoked {
                unlock(&again, PASSPHRASE).unwrap();
                hears_of_it(&again);
            }
            let said = again.app.start(Empty {}).unwrap().revoked.expect("locked");
            let pack = shown(Path::new(&said.pack.unwrap().file.path), &identity);
            let out = tempfile::tempdir().unwrap();
            let opened = make_from_folder(again.folder.path(), &identity, out.path());
            if !(is_locked(again.folder.path()) && pack.whole && packed(&pack) == operations && opened.is_ok()) {
                wrong.push(format!("{call} {nth}"));
            }
        }
    }
    println!("{killed} kills, {between} of them between the pack and the end of the locking; {wrong:?}");
    assert!(killed >= 8 && between >= 2, "it was killed in the midst of it: {killed}, {between}");
    figure("a laptop is killed while it locks", killed, wrong.len());
}

#[test]
fn a_laptop_that_is_killed_while_it_is_enrolled_again_takes_the_same_file_once_more() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let operations = unsent(&ana);
    loses_access(&company, &ana);
    let passphrase = "a new one, eight or more";
    let request = || {
        let enrolment = company.enrolment(ids::ANA, company.port()).to_file();
        json!({"enrolment": enrolment, "device_name": "Van 4", "passphrase": passphrase})
    };
    let (mut killed, mut wrong) = (0, Vec::new());
    for call in ["rename", "unlink"] {
        for nth in steps(ana.folder.path(), call, &[("enroll", request())]) {
            let (copy, request) = (copy_of(ana.folder.path()), request());
            if !contact(copy.path(), &[("enroll", request.clone())], Some((call, nth)), None) {
                continue;
            }
            killed += 1;
            let again = Laptop { app: open(copy.path()), folder: copy };
            let back = match again.app.start(Empty {}).unwrap().state {
                StartState::Revoked => again.app.call("enroll", request).map(drop),
                _ => unlock(&again, passphrase),
            };
            if back.is_err() || unsent(&again) != operations {
                wrong.push(format!("{call} {nth}: {back:?}"));
                let out = tempfile::tempdir().unwrap();
                assert!(
                    make_from_folder(again.folder.path(), &identity, out.path()).is_ok(),
                    "not even for the office"
                );
            }
        }
    }
    println!("{killed} kills; {wrong:?}");
    assert!(killed >= 4, "{killed}");
    figure("a locked laptop is killed while it is enrolled again", killed, wrong.len());
}

/// The calls of a kind, by number in their thread, with which an undisturbed run touches keys and packs.
fn steps(profile: &Path, call: &str, commands: &[(&str, Value)]) -> Vec<usize> {
    let (copy, log) = (copy_of(profile), tempfile::NamedTempFile::new().unwrap());
    assert!(!contact(copy.path(), commands, None, Some((call, log.path()))));
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let log = std::fs::read_to_string(log.path()).unwrap();
    let lines = log.lines().filter_map(|line| line.split_once(' ').map(|(thread, rest)| (thread, rest.trim_start())));
    let mut found = Vec::new();
    for (thread, line) in lines.filter(|(_, line)| line.starts_with(call)) {
        let count = counts.entry(thread.to_owned()).or_default();
        *count += 1;
        if line.contains("/rescue") || line.contains("/keys") {
            found.push(*count);
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Opens the work and syncs until it is told.
fn knocks() -> Vec<(&'static str, Value)> {
    vec![("unlock", json!({"passphrase": PASSPHRASE})), ("sync_now", json!({})), ("sync_now", json!({}))]
}

/// The app in a process of its own is given some commands; whether it was killed on the way.
fn contact(
    profile: &Path,
    commands: &[(&str, Value)],
    kill: Option<(&str, usize)>,
    log: Option<(&str, &Path)>,
) -> bool {
    use std::io::Write as _;
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-y", "-s", "300"]);
    match (kill, log) {
        (Some((call, nth)), _) => strace
            .args(["-o", "/dev/null", "-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal=KILL:when={nth}")]),
        (_, Some((call, path))) => strace.args(["-e", &format!("trace={call}"), "-o"]).arg(path),
        _ => &mut strace,
    };
    let said = tempfile::NamedTempFile::new().unwrap();
    let mut child = strace
        .arg(env!("CARGO_BIN_EXE_clara-tests-person"))
        .arg(profile)
        .env("CLARA_KEYRING", "off")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(said.reopen().unwrap())
        .spawn()
        .expect("strace is installed");
    let mut to = child.stdin.take().unwrap();
    for (command, request) in commands {
        // Killed meanwhile: nobody reads.
        let _ = writeln!(to, "{}", json!({"command": command, "request": request}));
    }
    drop(to);
    let status = child.wait().unwrap();
    if kill.is_none() && !status.success() {
        // Nobody meant it to end like this.
        let said = std::fs::read_to_string(said.path()).unwrap();
        println!("{status}: {}", said.lines().rev().take(12).collect::<Vec<_>>().join("\n"));
    }
    !status.success()
}

/// A profile as it lies there, without the space that it keeps in hand.
pub(crate) fn copy_of(profile: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    let mut folders = vec![std::path::PathBuf::new()];
    while let Some(inside) = folders.pop() {
        std::fs::create_dir_all(copy.path().join(&inside)).unwrap();
        for entry in std::fs::read_dir(profile.join(&inside)).unwrap().map(Result::unwrap) {
            let path = inside.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push(path);
            } else if entry.file_name() != "ballast" {
                std::fs::copy(entry.path(), copy.path().join(path)).unwrap();
            }
        }
    }
    copy
}
