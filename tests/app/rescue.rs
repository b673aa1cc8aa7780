//! Rescue packs: made on a laptop, carried by anybody, put in by the office, once however often.

use std::path::{Path, PathBuf};

use clara_app::File;
use clara_app::rescue::{
    Identity, Imported, ImportedOperation, Report, RescueError, Shown, import, look, make_from_folder, show,
};
use clara_central::rescue::set_recovery_recipient;
use clara_contract::inspection::{DraftBody, OpenInspection, SaveInspection};
use clara_contract::jobs::OpenJob;
use clara_contract::photos::PhotoTarget;
use clara_contract::session::{StartState, Unlock};
use clara_contract::{Code, Empty};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome};
use clara_domain::{EquipmentId, JobId};
use clara_sync::CentralError;
use clara_tests::{Company, Device, block_on, ids};

use crate::{Laptop, open};

pub(crate) const WORDS: &str = "CANARY packing weeps at the lantern ring";

/// A company with a recovery key in its safe.
pub(crate) fn with_a_safe() -> (Company, Identity) {
    let (company, identity) = (Company::found(), Identity::generate());
    block_on(set_recovery_recipient(&company.admin(), &identity.recipient().to_string())).unwrap();
    (company, identity)
}

pub(crate) fn figure(name: &str, count: usize, failures: usize) {
    println!("figure: {name} | {count} | {failures}");
    assert!(count > 0 && failures == 0, "{name}");
}

/// Work that never reached the server: a job begun, a plate read, three photos, a draft with a photo of its own.
pub(crate) fn works_in_the_basement(ana: &Laptop) {
    ana.app.start_job(OpenJob { job_id: JobId(ids::ANAS_JOB) }).unwrap();
    let capture = |value: &str| serde_json::json!({"equipment_id": ids::item(1), "field_key": "location_detail", "value": value, "source": "typed"});
    ana.app.call("capture_field", capture(WORDS)).unwrap();
    let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
    let mut pictures = clara_demo::pictures(today).into_iter().enumerate();
    let mut take = |count: usize, inspection_id: Option<clara_domain::InspectionId>| {
        let files = pictures.by_ref().take(count);
        let files = files.map(|(n, picture)| File { name: format!("plate-{n}.png"), bytes: picture.bytes }).collect();
        let (item, job) = if inspection_id.is_some() { (4, ids::SCHOOL_JOB) } else { (1, ids::ANAS_JOB) };
        let target = PhotoTarget {
            equipment_id: Some(EquipmentId(ids::item(item))),
            job_id: Some(JobId(job)),
            inspection_id,
            field_key: Some("photo".into()),
            caption: None,
        };
        assert_eq!(ana.app.take_photos(&target, files).unwrap().kept.len(), count);
    };
    take(3, None);
    let sheet = ana.app.open_inspection(OpenInspection {
        job_id: JobId(ids::SCHOOL_JOB),
        equipment_id: EquipmentId(ids::item(4)),
        template_id: None,
        amends: None,
    });
    let id = sheet.unwrap().inspection_id;
    let body = DraftBody { findings: WORDS.into(), ..DraftBody::default() };
    ana.app.save_inspection(SaveInspection { inspection_id: id, body }).unwrap();
    take(1, Some(id));
}

/// Work, but for the timings that the app writes along with it whenever it likes.
fn work(operations: impl IntoIterator<Item = Operation>) -> Vec<Operation> {
    operations.into_iter().filter(|operation| operation.entity != Entity::PerformanceMetrics).collect()
}

pub(crate) fn unsent(ana: &Laptop) -> Vec<Operation> {
    work(ana.app.unsent_operations().unwrap())
}

pub(crate) fn packed(shown: &Shown) -> Vec<Operation> {
    work(shown.operations.iter().map(|one| one.operation.clone()))
}

/// Operations that are work and came to this.
pub(crate) fn came_to(report: &Report, outcome: Outcome) -> usize {
    let of = |one: &&ImportedOperation| one.receipt.as_ref().is_some_and(|receipt| receipt.outcome == outcome);
    work(report.operations.iter().filter(of).map(|one| one.operation.clone())).len()
}

pub(crate) fn made(ana: &Laptop) -> PathBuf {
    ana.app.make_rescue(Empty {}).expect("the pack is made").file.path.into()
}

pub(crate) fn shown(pack: &Path, identity: &Identity) -> Shown {
    show(pack, identity, |_, _| Ok(())).expect("the pack opens")
}

pub(crate) fn put_in(company: &Company, pack: &Path, identity: &Identity) -> Report {
    block_on(import(&company.admin(), pack, identity)).expect("the pack is put in")
}

/// All that the work of one laptop has left on the server, and nothing of when it was asked.
pub(crate) fn on_the_server(company: &Company) -> String {
    company.office(
        "SELECT jsonb_build_array(
            (SELECT jsonb_agg(to_jsonb(o) ORDER BY o.op_id) FROM sync.op o),
            (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.id) FROM photos p),
            (SELECT jsonb_agg(jsonb_build_array(c.photo_id, c.number, md5(c.bytes)) ORDER BY c.photo_id, c.number) FROM sync.photo_chunk c),
            (SELECT jsonb_agg(to_jsonb(p) ORDER BY p.id) FROM sync.parked p),
            (SELECT jsonb_agg(to_jsonb(j) ORDER BY j.id) FROM jobs j),
            (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.id) FROM equipment_inventory e))",
    )
}

#[test]
fn a_pack_of_a_destroyed_laptop_goes_in_once_and_the_laptop_that_turns_up_again_has_nothing_left_to_send() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let unsent = unsent(&ana);
    let pack = made(&ana);
    let inside = shown(&pack, &identity);
    assert!(inside.whole && inside.photos.len() == 4 && inside.drafts.len() == 1, "{:?}", inside.header);
    assert_eq!(packed(&inside), unsent, "exactly as in the outbox");
    // The laptop is gone; only the file is left.
    ana.app.close();

    let report = put_in(&company, &pack, &identity);
    assert!(report.whole && report.drafts == 1);
    let held = report.operations.iter().filter(|one| one.receipt.is_none()).count();
    assert_eq!(held, 1, "the photo of the draft waits for its author");
    let applied = came_to(&report, Outcome::Applied);
    let stored = report.photos.iter().filter(|photo| photo.outcome == Imported::Stored).count();
    assert_eq!((applied, stored), (unsent.len() - 1, 3), "{:?}", report.operations);
    let ledger = company.office(&format!(
        "SELECT count(*) FROM sync.op WHERE author = '{}' AND payload ->> 'entity' <> 'performance_metrics' AND rescued_by IS NOT NULL
            AND device_id = (SELECT id FROM sync.device WHERE user_id = '{}')",
        ids::ANA,
        ids::ANA
    ));
    assert_eq!(ledger, applied.to_string(), "in Ana's name, and it says who put them in");
    let field = format!("SELECT location_detail FROM equipment_inventory WHERE id = '{}'", ids::item(1));
    assert_eq!(company.office(&field), WORDS);
    let photos = "SELECT count(*) FROM photos p WHERE p.state = 'stored' AND p.created_by = (SELECT id FROM users WHERE id = '{}')";
    assert_eq!(company.office(&photos.replace("{}", &ids::ANA.to_string())), "3");

    let before = on_the_server(&company);
    let mut changed = 0;
    for _ in 0..3 {
        let again = put_in(&company, &pack, &identity);
        assert_eq!(again.new_operations(), 0);
        changed += usize::from(on_the_server(&company) != before);
    }
    figure("a rescue pack is imported again", 3, changed);

    // It was under the seat of the van. It went on working before anybody told it.
    let ana = Laptop { app: open(ana.folder.path()), folder: ana.folder };
    ana.app.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
    let capture = serde_json::json!({"equipment_id": ids::item(1), "field_key": "location_detail", "value": "behind the boiler", "source": "typed"});
    ana.app.call("capture_field", capture).unwrap();
    ana.app.sync_now(Empty {}).unwrap();
    assert_eq!(company.office(&field), "behind the boiler", "what was changed after the pack follows it");
    let twice = company.office("SELECT count(*) - count(DISTINCT op_id) FROM sync.op");
    let rejected = company.office("SELECT count(*) FROM sync.op WHERE outcome = 'rejected'");
    assert_eq!((twice.as_str(), rejected.as_str()), ("0", "0"));
    let left = self::unsent(&ana);
    assert_eq!(left.len(), 1, "the photo of the draft, which waits for it: {left:?}");
    figure("a laptop comes back after its pack was imported", applied, twice.parse().unwrap());
}

#[test]
fn a_pack_is_made_of_a_ruined_store_with_the_recovery_key_alone_and_the_folder_is_left_as_it_was() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let unsent = unsent(&ana);
    ana.app.close();
    // Neither a keyring nor the passphrase is at hand, and the database is not worth anything any more.
    let store = ana.folder.path().join("mirror/mirror.db");
    let length = std::fs::metadata(&store).unwrap().len() as usize;
    std::fs::write(&store, vec![0xA5; length]).unwrap();

    let out = tempfile::tempdir().unwrap();
    assert!(make_from_folder(ana.folder.path(), &Identity::generate(), out.path()).is_err());
    let pack = make_from_folder(ana.folder.path(), &identity, out.path()).unwrap();
    assert_eq!(std::fs::read(&store).unwrap(), vec![0xA5; length], "left as found");
    let inside = shown(&pack.path, &identity);
    assert_eq!(packed(&inside), unsent);
    assert_eq!((inside.photos.len(), inside.drafts.len(), inside.whole), (4, 1, true));
    let report = put_in(&company, &pack.path, &identity);
    let lost = unsent.len() - 1 - came_to(&report, Outcome::Applied);
    figure("a pack is made from a ruined store", unsent.len(), lost);
}

#[test]
fn a_pack_that_is_cut_off_gives_everything_before_the_cut_and_says_so() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let pack = made(&ana);
    let whole = std::fs::read(&pack).unwrap();
    let (operations, typed) = (shown(&pack, &identity).operations.len(), packed(&shown(&pack, &identity)).len());
    let cut = pack.with_file_name("cut.clara-rescue");
    let mut wrong = 0;
    let lengths: Vec<usize> = (1..40).map(|part| whole.len() * part / 40).chain([whole.len() - 1]).collect();
    for length in &lengths {
        std::fs::write(&cut, &whole[..*length]).unwrap();
        match show(&cut, &identity, |_, _| Ok(())) {
            Ok(part) => {
                // A pack whose photos are cut off still has all that was typed.
                let all_typed = part.operations.len() == operations && part.header.is_some();
                wrong += usize::from(part.whole || (*length > 100_000 && !all_typed));
            }
            Err(RescueError::Damaged | RescueError::NotAPack) => wrong += usize::from(*length > 100_000),
            Err(other) => panic!("{other:?} at {length}"),
        }
    }
    figure("a rescue pack is cut off", lengths.len(), wrong);

    std::fs::write(&cut, &whole[..whole.len() - 1000]).unwrap();
    let report = put_in(&company, &cut, &identity);
    assert!(!report.whole && came_to(&report, Outcome::Applied) == typed - 1, "{:?}", report.operations);
    let rest = put_in(&company, &pack, &identity);
    assert!(rest.whole && rest.new_operations() == 0, "the whole one goes on where the other ended");
    assert_eq!(company.office("SELECT count(*) FROM photos WHERE state = 'stored'"), "3");

    let mut bent = whole.clone();
    let at = whole.len() / 2;
    bent[at] ^= 1;
    std::fs::write(&cut, &bent).unwrap();
    assert!(!shown(&cut, &identity).whole, "a changed byte is found");
}

#[test]
fn a_pack_opens_with_its_companys_key_alone_and_holds_no_plain_text() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let pack = made(&ana);
    let bytes = std::fs::read(&pack).unwrap();
    let canaries =
        [WORDS.as_bytes(), b"CANARY", b"location_detail", b"op_id", b"Van 4", &ids::ANA.to_string().into_bytes()];
    let found = canaries.iter().filter(|canary| bytes.windows(canary.len()).any(|window| window == **canary)).count();
    figure("plain text in a rescue pack", canaries.len(), found);

    let outside = look(&pack).unwrap();
    assert_eq!(outside.recipient, identity.recipient().fingerprint());
    match show(&pack, &Identity::generate(), |_, _| Ok(())) {
        Err(RescueError::OtherKey(wanted)) => assert_eq!(wanted, outside.recipient),
        other => panic!("{other:?}"),
    }
    let letter = pack.with_file_name("letter.clara-rescue");
    for text in ["", "clara-rescue", "clara-rescue x\n", "Dear office,\nhere is my work.\n"] {
        std::fs::write(&letter, text).unwrap();
        assert!(matches!(look(&letter), Err(RescueError::NotAPack)), "{text:?}");
    }
    std::fs::write(&letter, "clara-rescue 2 abc\n").unwrap();
    assert!(matches!(look(&letter), Err(RescueError::Newer(2))));

    // Another company's server does not take it.
    let elsewhere = Company::found();
    match block_on(import(&elsewhere.admin(), &pack, &identity)) {
        Err(RescueError::Central(CentralError::DeviceRefused(code))) => assert_eq!(code, "device_unknown"),
        other => panic!("{other:?}"),
    }
    // Nor does this one from somebody who is not the office.
    for person in [ids::BEN, ids::MO] {
        let operations: Vec<_> = shown(&pack, &identity).operations.into_iter().map(|one| one.operation).collect();
        let mut other = Device::enroll(&company, person);
        let device = shown(&pack, &identity).header.unwrap().device_id;
        match block_on(other.central().rescue(device, &operations)) {
            Err(CentralError::DeviceRefused(code)) => assert_eq!((code.as_str(), person), ("not_allowed", ids::MO)),
            Err(CentralError::Refused { code, .. }) => assert_eq!((code.as_str(), person), ("42501", ids::BEN)),
            answer => panic!("{answer:?}"),
        }
    }
    assert_eq!(company.office("SELECT count(*) FROM sync.op WHERE rescued_by IS NOT NULL"), "0");
}

#[test]
fn a_revoked_laptop_seals_its_work_by_itself_and_what_is_put_in_waits_for_a_decision() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let unsent = unsent(&ana).len();
    assert_eq!(ana.app.rescue_state(Empty {}).unwrap().last, None);
    let sealed = crate::revoked::loses_access(&company, &ana).pack.expect("sealed at the next contact");
    let shelf = std::fs::read_dir(ana.folder.path().join("rescue")).unwrap();
    assert_eq!(shelf.count(), 1, "once, not at every try");

    let report = put_in(&company, Path::new(&sealed.file.path), &identity);
    assert_eq!(came_to(&report, Outcome::Parked), unsent - 1, "{:?}", report.operations);
    assert!(report.photos.iter().all(|photo| photo.outcome == Imported::NoRow), "bytes wait for their rows");
    let parked = company.office(&format!(
        "SELECT count(*) FROM sync.parked WHERE author_id = '{}' AND decision IS NULL AND location_id = '{}'",
        ids::ANA,
        ids::TOWER
    ));
    assert_eq!(parked, (unsent - 1).to_string(), "at its site, in Ana's name");

    // The manager takes it in from his own laptop; then the bytes find their rows.
    let mo = Laptop::of(&company, ids::MO);
    for card in mo.app.list_parked(Empty {}).unwrap() {
        mo.app.call("decide_parked", serde_json::json!({"id": card.id, "accept": true, "note": null})).unwrap();
    }
    mo.app.sync_now(Empty {}).unwrap();
    let again = put_in(&company, Path::new(&sealed.file.path), &identity);
    let stored = again.photos.iter().filter(|photo| photo.outcome == Imported::Stored).count();
    assert_eq!((again.new_operations(), stored), (0, 3));
    let field = format!("SELECT location_detail FROM equipment_inventory WHERE id = '{}'", ids::item(1));
    assert_eq!(company.office(&field), WORDS);
    let lost = unsent
        - 1
        - company.office("SELECT count(*) FROM sync.parked WHERE decision = 'accepted'").parse::<usize>().unwrap();
    figure("work of a revoked laptop is put in and decided", unsent - 1, lost);
}

#[test]
fn a_laptop_of_before_the_recovery_key_learns_it_with_a_sync_and_follows_a_new_one() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    assert!(!ana.app.rescue_state(Empty {}).unwrap().ready);
    assert_eq!(ana.app.make_rescue(Empty {}).unwrap_err().code, Code::NotAllowed);

    let mut laptop = ana;
    let mut forgotten = 0;
    for _ in 0..2 {
        let identity = Identity::generate();
        block_on(set_recovery_recipient(&company.admin(), &identity.recipient().to_string())).unwrap();
        // A laptop asks once a run.
        laptop.app.close();
        laptop = Laptop { app: open(laptop.folder.path()), folder: laptop.folder };
        assert_eq!(laptop.app.start(Empty {}).unwrap().state, StartState::Locked);
        laptop.app.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
        laptop.app.sync_now(Empty {}).unwrap();
        let pack = made(&laptop);
        forgotten += usize::from(!shown(&pack, &identity).whole);
        // And the passphrase may now be forgotten.
        let out = tempfile::tempdir().unwrap();
        forgotten += usize::from(make_from_folder(laptop.folder.path(), &identity, out.path()).is_err());
    }
    figure("a laptop learns a new recovery key", 2, forgotten);
}
