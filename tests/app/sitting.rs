//! Who sits at the laptop: locking it, another role after a sync, and what was handed out of it.

use std::sync::{Arc, Mutex};

use clara_contract::jobs::OpenJob;
use clara_contract::session::{StartState, Unlock};
use clara_contract::sync::{ActOnWork, ListWork, WorkAction};
use clara_contract::{Code, Empty, Event};
use clara_domain::JobId;
use clara_domain::category::Role;
use clara_domain::mirror::Entity;
use clara_tests::{Company, ids};

use crate::{Laptop, open};

#[test]
fn a_locked_laptop_answers_nothing_until_its_passphrase_and_then_goes_on() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    ana.app.start_job(OpenJob { job_id: JobId(ids::ANAS_JOB) }).unwrap();
    let work = ana.app.list_work(ListWork::default()).unwrap().items;

    let locked = ana.app.lock(Empty {}).unwrap();
    assert_eq!((locked.state, locked.session, locked.passphrase), (StartState::Locked, None, true));
    for command in ["today", "list_work", "list_jobs", "sync_now", "list_backups", "sync_status"] {
        let contract = serde_json::json!({"status": null, "mine": true, "text": null, "limit": null});
        assert_eq!(ana.app.call(command, contract).unwrap_err().code, Code::Locked, "{command}");
    }
    assert_eq!(ana.app.start(Empty {}).unwrap().state, StartState::Locked, "a page that is loaded again opens nothing");
    // Its files are free: another program may open them, and it needs the passphrase too.
    assert_eq!(open(ana.folder.path()).start(Empty {}).unwrap().state, StartState::Locked);

    for wrong in ["", "riser room four"] {
        assert_eq!(ana.app.unlock(Unlock { passphrase: wrong.into() }).unwrap_err().code, Code::Locked);
    }
    let session = ana.app.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
    assert_eq!(session.user_id.uuid(), ids::ANA);
    assert_eq!(ana.app.list_work(ListWork::default()).unwrap().items, work);
    assert_eq!(ana.app.sync_now(Empty {}).unwrap().only_here, 0);
}

#[test]
fn a_technician_who_becomes_a_manager_is_one_after_the_next_sync() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    assert_eq!(ana.app.start(Empty {}).unwrap().session.unwrap().role, Role::Technician);
    let decide = || ana.app.call("decide_parked", serde_json::json!({"id": ids::ANA, "accept": true, "note": null}));
    assert_eq!(decide().unwrap_err().code, Code::NotAllowed, "a technician decides nothing");

    company.office(&format!("UPDATE users SET role = 'manager' WHERE id = '{}'", ids::ANA));
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    ana.app.listen(move |event| {
        if let Event::Changed { entities } = event {
            ears.lock().unwrap().extend(entities.clone());
        }
    });
    ana.app.sync_now(Empty {}).unwrap();
    assert_eq!(ana.app.start(Empty {}).unwrap().session.unwrap().role, Role::Manager);
    assert!(heard.lock().unwrap().contains(&"users".to_owned()), "the window is told to look again");
    assert_eq!(decide().unwrap_err().code, Code::NotHere, "and decides, were there something to decide");
}

#[test]
fn an_export_says_where_it_lies() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    ana.app.start_job(OpenJob { job_id: JobId(ids::ANAS_JOB) }).unwrap();
    let id = ana.app.list_work(ListWork::default()).unwrap().items[0].id;
    let done = ana.app.act_on_work(ActOnWork { id, action: WorkAction::Export }).unwrap();
    let file = done.saved.expect("a file");
    let path = std::path::Path::new(&file.path);
    assert!(path.is_absolute() && path.ends_with(&file.name));
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(&id.to_string()) && text.contains("in_progress"), "{text:.400}");
}

#[test]
fn the_light_says_safe_to_close_while_nothing_is_being_saved() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    ana.app.start_job(OpenJob { job_id: JobId(ids::ANAS_JOB) }).unwrap();
    assert!(ana.app.sync_status(Empty {}).unwrap().safe_to_close);
}

#[test]
fn a_long_list_of_unsent_work_comes_a_page_at_a_time_and_its_count_is_that_of_the_light() {
    const ADDED: u32 = 230;
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    for n in 0..ADDED {
        let request = serde_json::json!({
            "location_id": ids::SCHOOL, "job_id": ids::SCHOOL_JOB, "category": "other", "tag": format!("E-{n}"),
        });
        ana.app.call("add_equipment", request).unwrap();
    }
    let list = |limit: Option<u32>, also| ana.app.list_work(ListWork { limit, also }).unwrap();
    let (first, all) = (list(None, None), list(Some(1_000), None));
    assert_eq!((first.items.len(), first.more), (200, ADDED - 200), "an item and its place on the job are one thing");
    assert_eq!((all.items.len(), all.more), (ADDED as usize, 0));
    assert_eq!(first.items[..], all.items[30..], "the oldest, which go first");
    assert_eq!((all.items[0].title.as_str(), first.items[199].title.as_str()), ("E-229", "E-0"));
    let newest = all.items[0].id;
    let with = list(None, Some(newest));
    assert_eq!((with.items.len(), with.more, with.items[0].id), (201, ADDED - 201, newest), "the one that is open");
    let light = ana.app.sync_status(Empty {}).unwrap();
    assert_eq!((light.only_here, light.needs_you), (ADDED, 0));
    assert_eq!(light.oldest_unsent_at.as_ref(), first.items.last().map(|item| &item.saved_at));
    let today = ana.app.today(Empty {}).unwrap();
    let newest: Vec<_> = today.only_here.iter().map(|item| item.title.as_str()).collect();
    assert_eq!(newest, ["E-229", "E-228", "E-227", "E-226", "E-225", "E-224"]);
    let done = ana.app.act_on_work(ActOnWork { id: all.items[0].id, action: WorkAction::Withdraw }).unwrap();
    assert_eq!((done.items.len(), done.more), (200, ADDED - 201), "and its place on the job goes with it");
    assert_eq!(
        ana.app.unsent_operations().unwrap().iter().filter(|one| one.entity == Entity::JobEquipment).count(),
        229
    );
    assert_eq!(ana.app.sync_now(Empty {}).unwrap().needs_you, 0, "the server is asked for nothing that is no more");
}
