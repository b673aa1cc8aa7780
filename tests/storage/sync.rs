//! The laptop is killed while it saves, sends, receives and uploads, at any call by which it touches a file or the
//! network. PostgreSQL is real.

use std::collections::BTreeSet;
use std::sync::Mutex;

use clara_domain::mirror::Entity::{InspectionRecords, Photos};
use clara_tests::errand::Errand;
use clara_tests::shift::Chance;
use clara_tests::{Company, Device, assert_same, ids};
use serde_json::json;
use uuid::Uuid;

use crate::figure::{Patience, figure, first_seed};
use crate::kill::{run_until, steps};
use crate::trace::scratch;

const CALLS: &str = "openat,write,pwrite64,ftruncate,fsync,fdatasync,rename,unlink,mkdir,sendto,recvfrom,writev";

fn errand(device: &mut Device, person: Uuid, job: Uuid, item: Uuid, seed: u64) -> Errand {
    let server = device.central().server().clone();
    Errand {
        key: *device.key().expose(),
        host: server.host,
        port: server.port,
        database: server.database,
        ca_pem: server.ca_pem,
        role: server.role,
        password: server.password,
        job,
        item,
        person,
        seed,
        saves: 1,
    }
}

#[derive(Default)]
struct Tally {
    kills: usize,
    places: BTreeSet<String>,
    acknowledged: usize,
}

/// One laptop's days: killed, opened again, synced, killed.
fn days(
    company: &Company,
    person: Uuid,
    job: Uuid,
    item: Uuid,
    patience: &Patience,
    most: usize,
    tally: &Mutex<Tally>,
) {
    let mut device = Device::enroll(company, person);
    device.sync();
    let place = scratch();
    let paper = place.path().join("errand.json");
    let folder = device.folder().to_owned();
    let (mut saved, mut photos): (Vec<Uuid>, Vec<Uuid>) = (Vec::new(), Vec::new());
    let mut chance = Chance::of(first_seed(), person.as_u128() as u64);
    let mut known = Vec::new();
    for number in 0.. {
        let enough = tally.lock().unwrap().kills >= most && !Patience::is_soaking();
        if !patience.is_left() || enough {
            break;
        }
        let errand = errand(&mut device, person, job, item, (number << 8) + 1);
        std::fs::write(&paper, serde_json::to_vec(&errand).unwrap()).unwrap();
        device.close();
        let arguments = ["sync", folder.to_str().unwrap(), paper.to_str().unwrap()];
        let said = if number % 50 == 0 {
            // Undisturbed, to learn by which calls it gets to its end.
            let (said, all) = steps(&folder, CALLS, &arguments);
            known = all;
            said
        } else {
            let step = &known[chance.below(known.len())];
            let Some(said) = run_until(step, &arguments) else {
                device.open();
                continue;
            };
            let mut tally = tally.lock().unwrap();
            tally.kills += 1;
            tally.places.insert(format!("{} {}", step.call, step.about));
            said
        };
        let whole = said.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let acknowledged: Vec<Uuid> =
            whole.lines().filter_map(|line| line.strip_prefix("ack ")?.parse().ok()).collect();
        device.open();
        for pair in acknowledged.chunks(2) {
            assert!(device.see(InspectionRecords, pair[0]).is_some(), "inspection {} of errand {number}", pair[0]);
            assert!(pair.get(1).is_none_or(|photo| device.see(Photos, *photo).is_some()), "photo of errand {number}");
        }
        saved.extend(&acknowledged);
        // By errand: one that was killed after its inspection and before its photo has an odd number.
        photos.extend(acknowledged.chunks(2).filter_map(|pair| pair.get(1)));
        device.sync();
        assert_eq!(device.pending(), 0, "after errand {number} nothing waits for ever");
    }
    device.sync();
    assert_same(&mut device);
    for photo in photos {
        assert_eq!(device.value(Photos, photo, "state"), json!("stored"), "photo {photo}");
    }
    let ids: Vec<String> = saved.iter().map(|id| format!("'{id}'")).collect();
    let twice = company.office(&format!(
        "SELECT count(*) FROM unnest(ARRAY[{}]::uuid[]) AS acknowledged(id)
         WHERE (SELECT count(*) FROM sync.op WHERE payload->>'row_id' = acknowledged.id::text
                AND payload->>'kind' = 'insert') <> 1",
        ids.join(",")
    ));
    assert_eq!(twice, "0", "each acknowledged save took effect once");
    tally.lock().unwrap().acknowledged += saved.len();
}

#[test]
fn killed_while_it_saves_pushes_pulls_and_uploads_nothing_acknowledged_is_lost_or_sent_twice() {
    let (patience, most) = (Patience::of_seconds(120), 600);
    let company = Company::found();
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        scope.spawn(|| days(&company, ids::ANA, ids::SCHOOL_JOB, ids::item(4), &patience, most, &tally));
        scope.spawn(|| days(&company, ids::BEN, ids::BENS_JOB, ids::item(1), &patience, most, &tally));
    });
    // Every photo that the server calls stored has the bytes that its row says.
    let wrong = company.office(
        "SELECT count(*) FROM photos p WHERE p.state = 'stored' AND p.sha256 IS DISTINCT FROM (
             SELECT encode(sha256(string_agg(c.bytes, ''::bytea ORDER BY c.number)), 'hex')
             FROM sync.photo_chunk c WHERE c.photo_id = p.id)",
    );
    assert_eq!(wrong, "0", "photos are whole on the server");
    let tally = tally.into_inner().unwrap();
    println!("{} places: {}", tally.places.len(), tally.places.iter().cloned().collect::<Vec<_>>().join(", "));
    println!("{} acknowledged saves", tally.acknowledged);
    figure("kill -9 while saving, pushing, pulling, uploading: kills", tally.kills, 0);
    assert!(tally.kills > 30 && tally.acknowledged > 30, "{} kills are no proof", tally.kills);
    assert!(tally.places.iter().any(|place| place.contains("socket")), "it was killed at the network too");
}
