//! Bad input and bad days: each a clear sentence, nothing lost, no panic.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use clara_cluster::Authority;
use clara_contract::inspection::{DraftBody, OpenInspection, SaveInspection};
use clara_contract::session::{StartState, Unlock};
use clara_contract::{Code, Empty, Failure};
use clara_domain::{EquipmentId, JobId};
use clara_tests::{Company, ids};

use crate::{Laptop, open};

fn says_three_things(failure: &Failure) {
    for sentence in [&failure.message, &failure.safe, &failure.next] {
        assert!(sentence.trim().len() > 5, "what happened, what is safe, what to do: {failure:?}");
    }
}

#[test]
fn an_enrolment_file_that_was_used_is_refused_with_what_to_do_and_the_first_laptop_goes_on() {
    let company = Company::found();
    let file = company.enrolment(ids::ANA, company.port()).to_file();
    let first = Laptop::new();
    first.enroll(file.clone()).unwrap();
    let second = Laptop::new();
    let failure = second.enroll(file.clone()).unwrap_err();
    assert_eq!(failure.code, Code::Enrolment, "{failure:?}");
    says_three_things(&failure);
    first.app.sync_now(Empty {}).unwrap();
    let failure = Laptop::new().enroll(file[..file.len() / 2].to_owned()).unwrap_err();
    assert_eq!(failure.code, Code::Enrolment);
    says_three_things(&failure);
}

#[test]
fn a_server_with_another_certificate_is_told_nothing() {
    let company = Company::found();
    let mut enrolment = company.enrolment(ids::ANA, company.port());
    enrolment.ca_pem = Authority::new().unwrap().pem().to_owned();
    let laptop = Laptop::new();
    let failure = laptop.enroll(enrolment.to_file()).unwrap_err();
    assert_eq!(failure.code, Code::ServerNotProven, "{failure:?}");
    says_three_things(&failure);
}

#[test]
fn a_plain_text_server_hears_no_byte_of_a_password() {
    let company = Company::found();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let enrolment = company.enrolment(ids::ANA, listener.local_addr().unwrap().port());
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = Arc::clone(&heard);
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut bytes = [0; 8];
        stream.read_exact(&mut bytes).unwrap();
        ears.lock().unwrap().extend_from_slice(&bytes);
        // "No TLS here": a careless client now sends its startup message and its password.
        stream.write_all(b"N").unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        ears.lock().unwrap().extend_from_slice(&rest);
    });
    let failure = Laptop::new().enroll(enrolment.to_file()).unwrap_err();
    server.join().unwrap();
    assert_eq!(failure.code, Code::ServerNotProven, "{failure:?}");
    assert_eq!(heard.lock().unwrap().len(), 8, "the eight bytes that ask for TLS, and nothing after");
}

#[test]
fn a_second_copy_of_the_app_on_one_profile_is_refused_and_the_first_keeps_working() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    let twin = open(ana.folder.path());
    let started = twin.start(Empty {});
    let failure = match started {
        Err(failure) => failure,
        Ok(start) => {
            assert_eq!(start.state, StartState::Locked, "it does not open by itself");
            twin.unlock(Unlock { passphrase: "riser room three".into() }).unwrap_err()
        }
    };
    assert_eq!(failure.code, Code::SecondCopy, "{failure:?}");
    says_three_things(&failure);
    ana.app.today(Empty {}).unwrap();
}

#[test]
fn a_wrong_passphrase_opens_nothing_and_harms_nothing() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    ana.app.close();
    let again = open(ana.folder.path());
    assert_eq!(again.start(Empty {}).unwrap().state, StartState::Locked);
    let failure = again.unlock(Unlock { passphrase: "riser room four".into() }).unwrap_err();
    assert_eq!(failure.code, Code::Locked, "{failure:?}");
    says_three_things(&failure);
    again.unlock(Unlock { passphrase: "riser room three".into() }).unwrap();
    again.today(Empty {}).unwrap();
}

#[test]
fn text_that_the_server_could_not_keep_is_refused_at_save_and_the_draft_before_it_stays() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    let sheet = ana
        .app
        .open_inspection(OpenInspection {
            job_id: JobId(ids::SCHOOL_JOB),
            equipment_id: EquipmentId(ids::item(4)),
            template_id: None,
            amends: None,
        })
        .unwrap();
    let save = |findings: &str| {
        let body = DraftBody { findings: findings.to_owned(), ..DraftBody::default() };
        ana.app.save_inspection(SaveInspection { inspection_id: sheet.inspection_id, body })
    };
    save("Seal dry, 5 µF ≤ 6 %, 消防ポンプ, \u{202e}right to left").unwrap();
    for bad in ["NUL \0 inside".to_owned(), "x".repeat(300_000)] {
        let failure = save(&bad).unwrap_err();
        assert_eq!(failure.code, Code::BadInput, "{failure:?}");
        says_three_things(&failure);
    }
    let surrogate = ana.app.call(
        "save_inspection",
        serde_json::from_str(&format!(r#"{{"inspection_id": "{}", "body": 7}}"#, sheet.inspection_id)).unwrap(),
    );
    assert_eq!(surrogate.unwrap_err().code, Code::BadInput);
    assert!(serde_json::from_str::<serde_json::Value>(r#"{"findings": "\ud800"}"#).is_err(), "half a pair is no JSON");
    let kept = ana
        .app
        .open_inspection(OpenInspection {
            job_id: JobId(ids::SCHOOL_JOB),
            equipment_id: EquipmentId(ids::item(4)),
            template_id: None,
            amends: None,
        })
        .unwrap();
    assert!(kept.body.findings.starts_with("Seal dry"), "the last good save is still there");
}

#[test]
fn an_expired_login_leaves_the_work_open_and_says_so() {
    let company = Company::found();
    let ana = Laptop::of(&company, ids::ANA);
    company.office(&format!(
        "DO $$ DECLARE r name; BEGIN FOR r IN SELECT role_name FROM app.login WHERE user_id = '{}' LOOP
         EXECUTE format('ALTER ROLE %I NOLOGIN', r); END LOOP; END $$;
         SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE usename LIKE 'clara_ana%' AND datname = current_database()",
        ids::ANA
    ));
    let answer = ana.app.sync_now(Empty {}).and_then(|_| ana.app.sync_now(Empty {}));
    let problem = match answer {
        Err(failure) => failure,
        Ok(status) => status.last_problem.expect("it says what went wrong"),
    };
    assert!(matches!(problem.code, Code::LoginRefused | Code::ServerNotReached), "{problem:?}");
    says_three_things(&problem);
    ana.app.today(Empty {}).expect("work goes on");
}
