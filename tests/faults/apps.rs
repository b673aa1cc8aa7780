//! The app with its own clock of syncs, as it runs behind the window.

use std::sync::Arc;
use std::time::{Duration, Instant};

use clara_app::{App, Floor, Keyring, Options, WallClock};
use clara_cluster::{Direction, Proxy};
use clara_contract::Empty;
use clara_contract::jobs::CheckJobItem;
use clara_contract::session::Enroll;
use clara_contract::sync::Net;
use clara_domain::JobId;
use clara_tests::ids;

use crate::figure::{figure, scaled};
use crate::found;
use crate::office::wait_until;

/// A minute at most between two tries, and the try itself.
const MOVES_AGAIN: Duration = Duration::from_secs(75);

/// Row 6: the line goes dead and comes back, and nobody touches the app: what was saved meanwhile arrives by itself. No
/// call of a screen waits for the network.
#[test]
fn what_was_saved_on_a_dead_line_arrives_by_itself_after_it_is_back() {
    let company = found();
    let proxy = Proxy::start(company.cluster()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let app = App::new(Options {
        profile: folder.path().to_owned(),
        keyring: Keyring::Off,
        clock: Arc::new(WallClock),
        floor: Floor::Safe,
        background: true,
    });
    let enrolment = company.enrolment(ids::ANA, proxy.port()).to_file();
    let passphrase = Some("riser room three".into());
    app.enroll(Enroll { enrolment, device_name: "Van 4".into(), passphrase }).unwrap();
    app.sync_now(Empty {}).unwrap();

    let rounds = scaled(3, 12);
    let (mut longest, mut slowest_call) = (Duration::ZERO, Duration::ZERO);
    for round in 0..rounds {
        let done = round % 2 == 0;
        match round % 3 {
            0 => {
                proxy.stall(Direction::ToServer);
                proxy.stall(Direction::ToClient);
            }
            1 => proxy.stall(Direction::ToClient),
            _ => proxy.slow_to(1),
        }
        let began = Instant::now();
        app.check_job_item(CheckJobItem { job_id: JobId(ids::ANAS_JOB), key: "keys".into(), done }).unwrap();
        slowest_call = slowest_call.max(began.elapsed());
        wait_until("the app notices", Duration::from_secs(60), || {
            std::thread::sleep(Duration::from_millis(50));
            let began = Instant::now();
            app.today(Empty {}).unwrap();
            let status = app.sync_status(Empty {}).unwrap();
            slowest_call = slowest_call.max(began.elapsed());
            status.net == Net::NotReachable
        });
        proxy.heal();
        let took = wait_until("the tick arrives", MOVES_AGAIN, || {
            std::thread::sleep(Duration::from_millis(50));
            company.office(&format!("SELECT checklist -> 0 ->> 'done' FROM jobs WHERE id = '{}'", ids::ANAS_JOB))
                == done.to_string()
        });
        longest = longest.max(took);
    }
    app.close();
    println!(
        "    after the line was back the queue moved within {longest:?}; no call of a screen took more than {slowest_call:?}"
    );
    assert!(slowest_call < Duration::from_secs(3), "{slowest_call:?}");
    figure("what_was_saved_on_a_dead_line_arrives_by_itself_after_it_is_back", rounds, 0);
}
