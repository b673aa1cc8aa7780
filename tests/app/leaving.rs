//! Signing out in the window: closed at once, gone when the program ends, and until then one word away from coming back.

use std::path::Path;

use clara_contract::session::{StartState, Unlock};
use clara_contract::sync::ListWork;
use clara_contract::{Code, Empty};
use clara_tests::{Company, ids};

use crate::rescue::{packed, shown, unsent, with_a_safe, works_in_the_basement};
use crate::{Laptop, open};

const PASSPHRASE: &str = "riser room three";

fn unlock(app: &clara_app::App, passphrase: &str) -> Result<(), Code> {
    app.unlock(Unlock { passphrase: passphrase.into() }).map(drop).map_err(|failure| failure.code)
}

/// What of a person's work lies in a profile.
fn left(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let of_work = ["profile.json", "keys", "mirror", "leaving", "signed-out"];
    let mut left: Vec<String> = names.filter(|name| of_work.contains(&name.as_str())).collect();
    left.sort();
    left
}

#[test]
fn a_sign_out_is_undone_with_the_passphrase_and_the_work_is_as_it_was() {
    let (company, identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    // What was sealed counts as sent: it can be followed, and not be taken back.
    let listed = |ana: &Laptop| -> Vec<_> {
        let work = ana.app.list_work(ListWork::default()).unwrap().items;
        work.into_iter().map(|item| (item.id, item.state, item.title, item.saved_at)).collect()
    };
    let (before, work) = (unsent(&ana), listed(&ana));

    let start = ana.app.sign_out(Empty {}).unwrap();
    let said = start.signed_out.clone().expect("it says who signed out");
    let pack = said.pack.clone().expect("what was not sent is sealed");
    assert_eq!((start.state, start.session.is_none(), said.demo), (StartState::SignedOut, true, false));
    assert_eq!(packed(&shown(Path::new(&pack.file.path), &identity)), before);
    assert_eq!((pack.drafts, pack.photos > 0, pack.photos_lacking), (1, true, 0));
    for command in ["today", "list_work", "sync_now", "make_rescue", "sync_status"] {
        assert!(ana.app.call(command, serde_json::json!({})).is_err(), "{command} is answered by nobody");
    }
    let again = ana.app.start(Empty {}).unwrap();
    assert_eq!((again.state, again.signed_out), (StartState::SignedOut, Some(said)), "a page that is loaded again");

    assert_eq!(unlock(&ana.app, "riser room four"), Err(Code::Locked), "nobody else undoes it");
    assert_eq!(unlock(&ana.app, ""), Err(Code::Locked));
    assert_eq!(unlock(&ana.app, PASSPHRASE), Ok(()));
    assert_eq!((unsent(&ana), listed(&ana)), (before, work));
    ana.app.sync_now(Empty {}).unwrap();
    // The end of the program is no sign-out any more.
    ana.app.close();
    let ana = Laptop { app: open(ana.folder.path()), folder: ana.folder };
    assert_eq!(ana.app.start(Empty {}).unwrap().state, StartState::Locked);
    assert_eq!(unlock(&ana.app, PASSPHRASE), Ok(()));
}

#[test]
fn whoever_signed_out_is_gone_when_the_window_closes_or_the_program_was_killed_and_their_pack_stays() {
    let (company, identity) = with_a_safe();
    for killed in [false, true] {
        let ana = Laptop::of(&company, ids::ANA);
        works_in_the_basement(&ana);
        let before = unsent(&ana);
        let pack = ana.app.sign_out(Empty {}).unwrap().signed_out.unwrap().pack.unwrap();
        assert_eq!(left(ana.folder.path()), ["keys", "mirror", "profile.json", "signed-out"], "nothing is gone yet");
        let folder = ana.folder;
        match killed {
            true => drop(ana.app),
            false => {
                ana.app.close();
                assert_eq!(left(folder.path()), [""; 0], "gone with the window");
            }
        }
        let next = Laptop { app: open(folder.path()), folder };
        let start = next.app.start(Empty {}).unwrap();
        assert_eq!((start.state, start.signed_out), (StartState::Fresh, None), "killed: {killed}");
        assert_eq!(left(next.folder.path()), [""; 0]);
        assert_eq!(packed(&shown(Path::new(&pack.file.path), &identity)), before, "the office can still have it");
        next.enroll(company.enrolment(ids::BEN, company.port()).to_file()).unwrap();
        next.app.sync_now(Empty {}).unwrap();
        assert!(next.app.list_work(ListWork::default()).unwrap().items.is_empty(), "the next person begins anew");
    }
}

#[test]
fn whoever_has_sent_everything_leaves_no_pack_and_comes_back_with_a_new_enrolment() {
    let (company, _identity) = with_a_safe();
    let ana = Laptop::of(&company, ids::ANA);
    ana.app.start_job(clara_contract::jobs::OpenJob { job_id: clara_domain::JobId(ids::ANAS_JOB) }).unwrap();
    ana.app.sync_now(Empty {}).unwrap();
    let start = ana.app.sign_out(Empty {}).unwrap();
    assert_eq!(start.signed_out.unwrap().pack, None, "how long things took is nothing that a person would miss");
    // In the same window, without closing it.
    ana.enroll(company.enrolment(ids::ANA, company.port()).to_file()).unwrap();
    ana.app.sync_now(Empty {}).unwrap();
    let jobs =
        ana.app.call("list_jobs", serde_json::json!({"status": null, "mine": true, "text": null, "limit": null}));
    assert!(jobs.unwrap().to_string().contains("in_progress"), "the server had it all");
    assert_eq!(ana.app.start(Empty {}).unwrap().signed_out, None);
    ana.app.close();
    assert!(ana.folder.path().join("profile.json").exists(), "the end of this program signs nobody out");
}

#[test]
fn without_a_place_for_what_is_unsent_nobody_is_signed_out_and_the_work_goes_on() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ana);
    let before = unsent(&ana);
    let failure = ana.app.sign_out(Empty {}).unwrap_err();
    assert_eq!(failure.code, Code::NotAllowed);
    // A shelf that cannot be written: found out after the work was closed.
    let (company, _identity) = with_a_safe();
    let ben = Laptop::of(&company, ids::ANA);
    works_in_the_basement(&ben);
    std::fs::write(ben.folder.path().join("rescue"), "in its place").unwrap();
    let bens = unsent(&ben);
    ben.app.sign_out(Empty {}).unwrap_err();
    for (laptop, before) in [(&ana, before), (&ben, bens)] {
        assert_eq!(unsent(laptop), before);
        assert_eq!(laptop.app.start(Empty {}).unwrap().state, StartState::Open);
        laptop.app.sync_now(Empty {}).expect("and it goes on");
        laptop.app.close();
        assert!(laptop.folder.path().join("profile.json").exists());
    }
}

#[test]
fn the_demo_is_gone_when_the_person_says_so_and_until_then_it_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    app.try_demo(Empty {}).unwrap();
    let start = app.sign_out(Empty {}).unwrap();
    let said = start.signed_out.unwrap();
    assert_eq!((said.demo, said.pack, start.passphrase), (true, None, false));
    assert_eq!(unlock(&app, ""), Ok(()));
    assert!(app.today(Empty {}).is_ok());
    app.sign_out(Empty {}).unwrap();
    app.close();
    assert_eq!(left(&folder.path().join("demo")), [""; 0]);
    assert_eq!(open(folder.path()).start(Empty {}).unwrap().state, StartState::Fresh);
}
