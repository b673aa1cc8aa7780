//! Who sits at the laptop: locking it, another role after a sync, and what was handed out of it.

use std::sync::{Arc, Mutex};

use clara_contract::jobs::OpenJob;
use clara_contract::session::{StartState, Unlock};
use clara_contract::sync::{ActOnWork, WorkAction};
use clara_contract::{Code, Empty, Event};
use clara_domain::JobId;
use clara_domain::category::Role;
use clara_tests::{Company, ids};

use crate::{Laptop, open};

#[test]
fn a_locked_laptop_answers_nothing_until_its_passphrase_and_then_goes_on() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    ana.app.start_job(OpenJob { job_id: JobId(ids::ANAS_JOB) }).unwrap();
    let work = ana.app.list_work(Empty {}).unwrap();

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
    assert_eq!(ana.app.list_work(Empty {}).unwrap(), work);
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
    let id = ana.app.list_work(Empty {}).unwrap()[0].id;
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
