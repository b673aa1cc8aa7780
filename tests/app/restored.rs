//! A server that was put back to an older copy, as one of two people at their laptops lives through it.

use clara_contract::Empty;
use clara_contract::jobs::OpenJob;
use clara_contract::photos::PhotoTarget;
use clara_contract::sync::{ListWork, WorkState};
use clara_domain::mirror::Entity::EquipmentInventory;
use clara_domain::{EquipmentId, JobId};
use clara_tests::{Company, Device, ids};
use serde_json::json;
use uuid::Uuid;

use crate::Laptop;

#[test]
fn work_on_what_a_restored_server_lost_says_so_and_goes_out_by_itself_once_its_maker_has_brought_it_back() {
    let company = Company::found_alone();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let ben = Laptop::of(&company, ids::BEN);
    let backup = tempfile::tempdir().unwrap();
    let copy = backup.path().join("copy");
    company.cluster().cold_copy(&copy).unwrap();
    ana.reconnect();
    let pump = Uuid::now_v7();
    ana.add(EquipmentInventory, pump, pump, json!({"location_id": ids::TOWER, "manual_model_number": "New"}));
    ana.sync();
    let syncs = || {
        // The first try after the server went away finds its old connection closed.
        let status = ben.app.sync_now(Empty {}).unwrap();
        if status.last_problem.is_some() { ben.app.sync_now(Empty {}).unwrap() } else { status }
    };
    syncs();
    ben.app.start_job(OpenJob { job_id: JobId(ids::BENS_JOB) }).unwrap();
    assert_eq!(syncs().only_here, 0);
    company.cluster().put_back(&copy).unwrap();
    ana.reconnect();

    // Ben is back before Ana, with work on a pump that the server does not know any more.
    let field = json!({"equipment_id": pump, "field_key": "location_detail", "value": "Pit 2", "source": "typed"});
    ben.app.call("capture_field", field).unwrap();
    let today = chrono::NaiveDate::from_ymd_opt(2026, 3, 2).unwrap();
    let files = vec![clara_app::File { name: "pump.png".into(), bytes: clara_demo::pictures(today).remove(0).bytes }];
    let target = PhotoTarget {
        equipment_id: Some(EquipmentId(pump)),
        job_id: Some(JobId(ids::BENS_JOB)),
        inspection_id: None,
        field_key: Some("photo".into()),
        caption: None,
    };
    assert_eq!(ben.app.take_photos(&target, files).unwrap().kept.len(), 1);
    let status = syncs();
    assert_eq!((status.only_here, status.needs_you), (2, 2), "{:?}", status.last_problem);
    let work = ben.app.list_work(ListWork::default()).unwrap().items;
    for item in &work {
        assert_eq!(item.state, WorkState::NeedsYou);
        let reason = item.reason.as_deref().unwrap();
        assert!(reason.contains("safe on this laptop") && reason.contains("goes out by itself"), "{reason}");
    }
    // Nothing has come: it is not sent again and again.
    let refused = || company.office("SELECT count(*) FROM sync.op WHERE outcome = 'rejected'");
    let before = refused();
    assert_eq!((before.as_str(), syncs().needs_you, refused()), ("2", 2, before.clone()));

    ana.sync();
    let status = syncs();
    assert_eq!((status.only_here, status.needs_you, status.photos_waiting), (0, 0, 0), "{:?}", status.last_problem);
    let item = format!("SELECT location_detail FROM equipment_inventory WHERE id = '{pump}'");
    assert_eq!(company.office(&item), "Pit 2");
    assert_eq!(company.office(&format!("SELECT state FROM photos WHERE equipment_id = '{pump}'")), "stored");
}
