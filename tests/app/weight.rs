//! Packs as large as a month in the field makes them, in bounded memory, and programs that are killed over them.

use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use clara_app::rescue::Identity;
use clara_app::vault::{Keyring, Vault};
use clara_contract::session::{StartState, Unlock};
use clara_domain::PhotoId;
use clara_domain::row::Fields;
use clara_local::table::photos::PhotoNew;
use clara_local::{DataKey, Mirror, MirrorError};
use clara_tests::{Company, ids};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::rescue::{figure, shown, with_a_safe};
use crate::{Laptop, open};

/// What a program may take for it beyond what it has anyway, whatever the pack's size.
const BOUND_KB: u64 = 20 * 1024;

/// Bytes that no two photos share and that nothing can compress.
fn picture(number: u64, length: usize) -> Vec<u8> {
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut bytes = vec![0; length];
    for piece in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        piece.copy_from_slice(&state.to_le_bytes()[..piece.len()]);
    }
    bytes
}

/// Photos of one item, straight into the mirror: how they are decoded is another story.
fn takes_photos(ana: &Laptop, sizes: impl Iterator<Item = usize>) -> u64 {
    ana.app.close();
    let profile = ana.folder.path();
    let key = Vault::at(&profile.join("keys"), Keyring::Off).open(Some("riser room three")).unwrap();
    let mirror = Mirror::open(&profile.join("mirror"), &DataKey::from_bytes(*key.bytes()), chrono::Utc::now());
    let mirror = mirror.unwrap().mirror;
    let sizes: Vec<usize> = sizes.collect();
    let mut bytes = 0;
    for (batch, sizes) in sizes.chunks(100).enumerate() {
        mirror
            .write(chrono::Utc::now(), |write| {
                for (n, size) in sizes.iter().enumerate() {
                    let content = picture((batch * 100 + n) as u64, *size);
                    bytes += content.len() as u64;
                    let mut fields = Fields::new();
                    for (column, value) in [
                        ("job_id", json!(ids::ANAS_JOB)),
                        ("equipment_id", json!(ids::item(1))),
                        ("mime", json!("image/jpeg")),
                        ("width", json!(1)),
                        ("height", json!(1)),
                    ] {
                        fields.insert(column.into(), value);
                    }
                    let id = PhotoId(Uuid::now_v7());
                    write.attach_photo(PhotoNew {
                        id,
                        root_id: id.uuid(),
                        fields,
                        bytes: &content,
                        thumbnail: b"small",
                    })?;
                }
                Ok::<_, MirrorError>(())
            })
            .unwrap();
    }
    bytes
}

fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("CLARA_KEYRING", "off").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// The laptop's program, with its work open.
fn laptop(profile: &Path) -> (Child, BufReader<std::process::ChildStdout>) {
    let mut child = program(env!("CARGO_BIN_EXE_clara-tests-person")).arg(profile).spawn().unwrap();
    let mut from = BufReader::new(child.stdout.take().unwrap());
    tell(&mut child, "unlock", json!({"passphrase": "riser room three"}));
    assert!(answer(&mut from)["ok"].is_object());
    (child, from)
}

fn tell(child: &mut Child, command: &str, request: Value) {
    writeln!(child.stdin.as_mut().unwrap(), "{}", json!({"command": command, "request": request})).unwrap();
}

fn answer(from: &mut impl std::io::BufRead) -> Value {
    let mut line = String::new();
    from.read_line(&mut line).unwrap();
    serde_json::from_str(&line).unwrap_or(Value::Null)
}

fn peak_kb(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// The office's program, with a pack under way.
fn office(company: &Company, pack: &Path, key: &Path) -> Child {
    let admin = company.admin();
    let mut child = program(env!("CARGO_BIN_EXE_clara-tests-office")).arg(pack).arg(key).spawn().unwrap();
    let at = json!({
        "host": admin.host, "port": admin.port, "database": admin.database, "ca_pem": admin.ca_pem,
        "role": admin.role, "password": admin.password.expose(),
    });
    child.stdin.take().unwrap().write_all(at.to_string().as_bytes()).unwrap();
    child
}

fn put_in(company: &Company, pack: &Path, key: &Path) -> Value {
    let done = office(company, pack, key).wait_with_output().unwrap();
    serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("the pack was not put in"))
}

fn safe(folder: &Path, identity: &Identity) -> PathBuf {
    let file = folder.join("recovery.key");
    std::fs::write(&file, identity.to_file("Small Company").as_bytes()).unwrap();
    file
}

#[test]
fn two_thousand_photos_go_into_a_pack_and_out_of_it_in_bounded_memory() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    // Most are small here so that the disk has time for other stories; the large ones would show a photo held whole.
    let bytes = takes_photos(&ana, (0..2000).map(|n| if n % 700 == 7 { 13 << 20 } else { 1_500 }));
    let (mut child, mut from) = laptop(ana.folder.path());
    // The passphrase took 64 MB: what is looked at begins here.
    std::fs::write(format!("/proc/{}/clear_refs", child.id()), "5").unwrap();
    let open = peak_kb(&child);
    tell(&mut child, "make_rescue", json!({}));
    let made = answer(&mut from)["ok"].clone();
    let making = peak_kb(&child);
    drop(child.stdin.take());
    child.wait().unwrap();
    assert_eq!((made["photos"].as_u64(), made["photos_lacking"].as_u64()), (Some(2000), Some(0)), "{made}");
    assert!(made["byte_count"].as_u64().unwrap() > bytes);

    let key = safe(ana.folder.path(), &identity);
    let pack = PathBuf::from(made["file"]["path"].as_str().unwrap());
    let report = put_in(&company, &pack, &key);
    assert_eq!((report["stored"].as_u64(), report["whole"].as_bool()), (Some(2000), Some(true)), "{report}");
    assert_eq!(company.office("SELECT count(*) FROM photos WHERE state = 'stored'"), "2000");
    let importing = report["peak_kb"].as_u64().unwrap();
    let megabytes = bytes >> 20;
    assert!(bytes / 1024 > 2 * BOUND_KB, "more than could be held");
    let began = report["began_kb"].as_u64().unwrap();
    println!(
        "{megabytes} MB of photos; memory before and at most: making {open} and {making} KB, importing {began} and {importing} KB"
    );
    let over = [making - open, importing - began].iter().filter(|growth| **growth > BOUND_KB).count();
    figure("a pack of 2,000 photos in bounded memory, MB", megabytes as usize, over);
}

#[test]
fn a_program_that_is_killed_while_it_makes_a_pack_leaves_the_old_one_whole_and_no_half_one_in_its_place() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    takes_photos(&ana, (0..40).map(|_| 40_000));
    let shelf = ana.folder.path().join("rescue");
    let old = {
        let (mut child, mut from) = laptop(ana.folder.path());
        tell(&mut child, "make_rescue", json!({}));
        let began = Instant::now();
        let made = answer(&mut from);
        drop(child.stdin.take());
        child.wait().unwrap();
        (PathBuf::from(made["ok"]["file"]["path"].as_str().unwrap()), began.elapsed())
    };
    let (old, takes) = old;
    let before = std::fs::read(&old).unwrap();

    let (mut midway, mut wrong) = (0, 0);
    let kills = 12;
    for n in 0..kills {
        let (mut child, _from) = laptop(ana.folder.path());
        tell(&mut child, "make_rescue", json!({}));
        // Not a wait for something: the moment of the kill is what varies.
        std::thread::sleep(takes.mul_f64((f64::from(n) + 0.5) / f64::from(kills)).max(Duration::from_millis(1)));
        child.kill().unwrap();
        child.wait().unwrap();
        let left: Vec<PathBuf> = std::fs::read_dir(&shelf).unwrap().map(|entry| entry.unwrap().path()).collect();
        midway += usize::from(left.iter().any(|path| path.extension().is_some_and(|end| end == "new")));
        let packs = left.iter().filter(|path| path.extension().is_some_and(|end| end == "clara-rescue"));
        wrong += packs.filter(|pack| !shown(pack, &identity).whole).count();
        wrong += usize::from(std::fs::read(&old).ok().as_deref() != Some(&before));
        for pack in left.iter().filter(|path| **path != old) {
            std::fs::remove_file(pack).unwrap();
        }
    }
    assert!(midway >= kills as usize / 3, "killed in the midst of it: {midway}");
    figure("kill -9 while a rescue pack is made", kills as usize, wrong);
    let app = open(ana.folder.path());
    assert_eq!(app.start(clara_contract::Empty {}).unwrap().state, StartState::Locked);
    app.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
    app.make_rescue(clara_contract::Empty {}).unwrap();
}

#[test]
fn an_office_that_is_killed_while_it_puts_a_pack_in_goes_on_where_it_was_with_the_same_result() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    takes_photos(&ana, (0..120).map(|_| 20_000));
    ana.app.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
    let pack = PathBuf::from(ana.app.make_rescue(clara_contract::Empty {}).unwrap().file.path);
    ana.app.close();
    let key = safe(ana.folder.path(), &identity);

    // Killed as soon as the server has a few more of its photos than the last time.
    let stored = || company.office("SELECT count(*) FROM photos WHERE state = 'stored'").parse::<usize>().unwrap();
    let (mut kills, mut seen) = (0, 0);
    while kills < 8 && seen + 12 < 120 {
        let mut child = office(&company, &pack, &key);
        while stored() < seen + 5 && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        if child.try_wait().unwrap().is_some() {
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        seen = stored();
    }
    let report = put_in(&company, &pack, &key);
    assert_eq!((report["whole"].as_bool(), report["new"].as_u64()), (Some(true), Some(0)), "{report}");
    let twice: usize = company.office("SELECT count(*) - count(DISTINCT op_id) FROM sync.op").parse().unwrap();
    let lost = 120 - stored();
    let again = put_in(&company, &pack, &key);
    assert_eq!((again["there"].as_u64(), again["new"].as_u64()), (Some(120), Some(0)), "{again}");
    figure("kill -9 while a rescue pack is put in", kills, twice + lost);
}
