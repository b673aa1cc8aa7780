//! A copy of the mirror brought back by a person, with nothing lost by it.

use clara_contract::backups::{Backup, BackupReason, RestoreBackup};
use clara_contract::inspection::{DraftBody, OpenInspection, SaveInspection};
use clara_contract::jobs::OpenJob;
use clara_contract::{Code, Empty};
use clara_domain::mirror::Entity;
use clara_domain::{EquipmentId, JobId};
use clara_tests::{Company, ids};
use uuid::Uuid;

use crate::Laptop;

/// The copies, once the day's is made: it is made beside the sync, and the next sync waits for it.
fn copies(laptop: &Laptop) -> Vec<Backup> {
    laptop.app.sync_now(Empty {}).unwrap();
    laptop.app.list_backups(Empty {}).unwrap()
}

fn bring_back(laptop: &Laptop, name: &str) -> clara_contract::backups::RestoredBackup {
    laptop.app.restore_backup(RestoreBackup { name: name.to_owned() }).unwrap()
}

fn draft(laptop: &Laptop) -> OpenInspection {
    let at = OpenInspection {
        job_id: JobId(ids::SCHOOL_JOB),
        equipment_id: EquipmentId(ids::item(4)),
        template_id: None,
        amends: None,
    };
    let sheet = laptop.app.open_inspection(at.clone()).unwrap();
    let body = DraftBody { findings: "Relief drips.".into(), ..DraftBody::default() };
    laptop.app.save_inspection(SaveInspection { inspection_id: sheet.inspection_id, body }).unwrap();
    at
}

/// A person's unsent work; the app's own timings are none.
fn unsent(laptop: &Laptop) -> Vec<Uuid> {
    let all = laptop.app.unsent_operations().unwrap();
    let work = all.iter().filter(|operation| operation.entity != Entity::PerformanceMetrics);
    work.map(|operation| operation.op_id.uuid()).collect()
}

/// Both sides row by row.
fn assert_reconciled(laptop: &Laptop) {
    // The sync before this one told the office at its end what is left here, which is a row of its own.
    laptop.app.sync_now(Empty {}).unwrap();
    for table in laptop.app.compare_with_server().unwrap() {
        assert!(table.differ.is_empty() && table.only_here.is_empty(), "{table:?}");
    }
}

#[test]
fn a_copy_brought_back_keeps_what_was_saved_since_and_the_next_sync_brings_the_rest() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    let copy = copies(&ana).remove(0);
    assert_eq!((copy.reason, copy.damaged), (BackupReason::Daily, false));
    assert!(copy.rows.is_some_and(|rows| rows > 10) && copy.byte_count > 0, "{copy:?}");

    // After the copy: the office changed something that came down, and Ana works on without a network.
    company.office(&format!("UPDATE locations SET access_notes = 'Ring twice' WHERE id = '{}'", ids::SCHOOL));
    ana.app.sync_now(Empty {}).unwrap();
    ana.app.start_job(OpenJob { job_id: JobId(ids::ANAS_JOB) }).unwrap();
    let at = draft(&ana);
    let before = unsent(&ana);
    assert!(!before.is_empty());

    let restored = bring_back(&ana, &copy.name);
    assert_eq!(restored.taken_at, copy.taken_at);
    assert!(restored.operations > 0 && restored.drafts == 1, "{restored:?}");
    let aside = restored.set_aside.expect("what was there is kept");
    assert!(std::path::Path::new(&aside.path).exists());
    assert_eq!(unsent(&ana), before, "every unsent operation is in it");
    assert_eq!(ana.app.open_inspection(at.clone()).unwrap().body.findings, "Relief drips.");

    let status = ana.app.sync_now(Empty {}).unwrap();
    assert_eq!(status.last_problem, None);
    assert_reconciled(&ana);
    let started = company.office(&format!("SELECT job_status FROM jobs WHERE id = '{}'", ids::ANAS_JOB));
    assert_eq!(started, "in_progress", "sent once it was there again");

    // The undo is the same thing: what was set aside is one of the copies.
    let listed = ana.app.list_backups(Empty {}).unwrap();
    assert!(listed.iter().any(|one| one.name == aside.name && one.reason == BackupReason::SetAside), "{listed:?}");
    bring_back(&ana, &aside.name);
    assert_eq!(ana.app.open_inspection(at).unwrap().body.findings, "Relief drips.");
    ana.app.sync_now(Empty {}).unwrap();
    assert_reconciled(&ana);
}

#[test]
fn a_damaged_copy_and_a_name_that_is_none_change_nothing() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    let copy = copies(&ana).remove(0);
    let at = draft(&ana);
    let path = ana.folder.path().join("mirror/backups").join(&copy.name);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 3]).unwrap();
    assert!(ana.app.list_backups(Empty {}).unwrap()[0].damaged, "it is said before anybody presses");

    let refused = ana.app.restore_backup(RestoreBackup { name: copy.name.clone() }).unwrap_err();
    assert_eq!(refused.code, Code::Damaged, "{refused:?}");
    for name in ["../mirror.db", "/etc/passwd", "", "mirror.db"] {
        let refused = ana.app.restore_backup(RestoreBackup { name: name.into() }).unwrap_err();
        assert_eq!(refused.code, Code::NotHere, "{name}: {refused:?}");
    }
    assert_eq!(ana.app.open_inspection(at).unwrap().body.findings, "Relief drips.", "the work is open as before");
    assert!(!ana.folder.path().join("mirror/aside").exists(), "nothing was moved");
}
