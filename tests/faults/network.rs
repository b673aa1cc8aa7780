//! The line between a laptop and the server.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clara_cluster::{Direction, Proxy, Verdict, script};
use clara_domain::mirror::Entity::EquipmentInventory;
use clara_sync::{CentralError, SyncError};
use clara_tests::{Device, assert_same, ids};
use serde_json::json;

use crate::chance::Chance;
use crate::figure::{figure, scaled};
use crate::{behind_a_proxy, found};

/// What one call may take, and a little for a busy machine.
const LIMIT: Duration = Duration::from_secs(16);
const PATIENCE: Duration = Duration::from_secs(30);

fn count(company: &clara_tests::Company, sql: &str) -> u64 {
    company.office(sql).parse().unwrap()
}

/// Rows 2 and 8: every batch is committed, and every answer to it is lost once.
#[test]
fn the_reply_to_every_committed_batch_is_lost_and_nothing_happens_twice() {
    let company = found();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    let operations = scaled(450, 5_000);
    for n in 0..operations {
        ana.inspect(ids::ANAS_JOB, ids::item(1 + u128::from(n) % 3), "Once");
        if n % 9 == 0 {
            ana.change(EquipmentInventory, ids::item(1 + u128::from(n) % 3), json!({"notes": format!("Number {n}")}));
        }
    }
    let waiting = u64::from(ana.pending());
    // The first delivery of every batch loses its answer; the second is the one that is believed.
    proxy.follow(script::lose_answers("sync.push(", |number| number % 2 == 1));
    let (mut duplicates, mut lost) = (0, 0);
    while ana.pending() > 0 {
        let before = count(&company, "SELECT count(*) FROM sync.op");
        let report = ana.try_sync();
        duplicates += u64::from(report.duplicates);
        if report.error.is_some() {
            lost += 1;
            assert!(count(&company, "SELECT count(*) FROM sync.op") > before, "it was committed before it was lost");
        }
        assert!(lost < 200, "the queue moves");
    }
    proxy.heal();
    ana.sync();
    let applied = count(&company, "SELECT count(*) FROM sync.op");
    let rows = count(&company, "SELECT count(*) FROM inspection_records WHERE findings = 'Once'");
    assert_eq!((applied, rows, duplicates), (waiting, operations, waiting));
    assert_same(&mut ana);
    figure("the_reply_to_every_committed_batch_is_lost_and_nothing_happens_twice", lost, 0);
}

/// Rows 2, 3 and 6: the line ends at every message of a sync in turn, from the login to the last answer, in four ways,
/// and then at random bytes within messages.
#[test]
fn a_sync_is_cut_at_each_of_its_messages_and_the_next_one_goes_through() {
    let company = found();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    let mut chance = Chance::new(7);
    let (mut cuts, mut saves) = (0, 0);
    for round in 0..scaled(1, 20) {
        for (way, kind) in ["cut", "reset", "half", "inside"].iter().enumerate() {
            for k in 0.. {
                // A new connection every time, so that the handshake is among what is cut.
                ana.reconnect();
                ana.inspect(ids::ANAS_JOB, ids::item(1 + saves % 3), "Cut at a message");
                ana.change(
                    EquipmentInventory,
                    ids::item(1 + saves % 3),
                    json!({"notes": format!("{round} {kind} {k}")}),
                );
                saves += 1;
                company.office(&format!(
                    "UPDATE equipment_inventory SET metadata = '{{\"office\": {saves}}}' WHERE id = '{}'",
                    ids::item(1 + (saves + 1) % 3)
                ));
                proxy.count_anew();
                let verdict = match way {
                    0 => Verdict::Cut,
                    1 => Verdict::Reset,
                    2 => Verdict::HalfClose,
                    _ => Verdict::CutInside(1 + usize::try_from(chance.below(400)).unwrap()),
                };
                proxy.follow(script::after_messages(k, verdict));
                let report = ana.try_sync();
                let struck = proxy.seen().faults > 0;
                proxy.heal();
                if let Some(error) = &report.error {
                    assert!(error.passes_by_itself(), "{kind} at message {k}: {error:?}");
                }
                // A line that ended after the last answer is noticed at the next question.
                if ana.try_sync().error.is_some_and(|error| error.passes_by_itself()) {
                    ana.sync();
                }
                assert_eq!(ana.pending(), 0, "{kind} at message {k}");
                if !struck {
                    break;
                }
                cuts += 1;
            }
        }
    }
    assert_eq!(
        count(&company, "SELECT count(*) FROM inspection_records WHERE findings = 'Cut at a message'"),
        u64::try_from(saves).unwrap()
    );
    assert_eq!(count(&company, "SELECT count(*) FROM sync.op"), u64::try_from(2 * saves).unwrap());
    assert_same(&mut ana);
    figure("a_sync_is_cut_at_each_of_its_messages_and_the_next_one_goes_through", cuts, 0);
}

/// Row 9: TCP and TLS deliver nothing twice on one connection, so it is done here behind them: the server gets every
/// batch two times, and the laptop hears the second answer only.
#[test]
fn every_batch_is_delivered_twice_and_takes_effect_once() {
    let company = found();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    proxy.follow(script::deliver_twice("sync.push("));
    let operations = scaled(250, 3_000);
    for n in 0..operations {
        ana.inspect(ids::ANAS_JOB, ids::item(1 + u128::from(n) % 3), "Twice");
    }
    let report = ana.sync();
    assert_eq!(u64::from(report.duplicates), operations, "it believed the second answer");
    assert_eq!(count(&company, "SELECT count(*) FROM inspection_records WHERE findings = 'Twice'"), operations);
    assert_eq!(count(&company, "SELECT count(*) FROM sync.op"), operations);
    assert_eq!(ana.pending(), 0);
    assert_same(&mut ana);
    figure("every_batch_is_delivered_twice_and_takes_effect_once", proxy.seen().faults, 0);
}

/// How a line can be dead while both its ends stand.
#[derive(Debug, Clone, Copy)]
enum Dead {
    /// Nothing comes back.
    In,
    /// Nothing arrives.
    Out,
    /// Neither.
    Both,
    /// One byte a second.
    Slow,
    /// Dead before the first call, so that the login hangs too.
    BeforeTheLogin,
}

/// Saves ten times a second; the slowest, and how many.
fn save_until(mirror: &clara_local::Mirror, over: &AtomicBool) -> (Duration, u64) {
    let (mut worst, mut made) = (Duration::ZERO, 0);
    while !over.load(Ordering::SeqCst) {
        let began = Instant::now();
        let fields = json!({"notes": format!("Saved meanwhile, number {made}")});
        let fields = fields.as_object().cloned().unwrap();
        let item = ids::item(2);
        mirror.write(chrono::Utc::now(), |tx| tx.update(EquipmentInventory, item, item, fields)).unwrap();
        worst = worst.max(began.elapsed());
        made += 1;
        std::thread::sleep(Duration::from_millis(100));
    }
    (worst, made)
}

/// Row 6: a dead line is given up within the limit of a call, what is saved meanwhile is saved at once, and the next
/// sync goes through.
#[test]
fn a_dead_line_is_given_up_in_fifteen_seconds_and_saves_do_not_feel_it() {
    let company = found();
    let ways = [Dead::In, Dead::Out, Dead::Both, Dead::Slow, Dead::BeforeTheLogin];
    let laptops: Vec<(Dead, Proxy, Device)> = ways
        .into_iter()
        .map(|dead| {
            let (proxy, device) = behind_a_proxy(&company, ids::ANA);
            (dead, proxy, device)
        })
        .collect();
    // All of them wait at once: they have nothing to do with each other.
    let mut slowest = Duration::ZERO;
    let mut saves = 0;
    std::thread::scope(|threads| {
        let hanging: Vec<_> = laptops
            .into_iter()
            .map(|(dead, proxy, mut device)| {
                threads.spawn(move || {
                    device.inspect(ids::ANAS_JOB, ids::item(1), "On a dead line");
                    match dead {
                        Dead::In => proxy.follow(Box::new(|message| match message.direction {
                            Direction::ToClient => Verdict::Stall,
                            Direction::ToServer => Verdict::Pass,
                        })),
                        Dead::Out => proxy.follow(script::to_query("sync.push(", Verdict::Stall)),
                        Dead::Both => proxy.follow(script::to_query("sync.push(", Verdict::StallBoth)),
                        Dead::Slow => proxy.slow_to(1),
                        Dead::BeforeTheLogin => {
                            device.reconnect();
                            proxy.stall(Direction::ToServer);
                            proxy.stall(Direction::ToClient);
                        }
                    }
                    let over = AtomicBool::new(false);
                    let mirror = device.mirror().clone();
                    let (worst, made) = std::thread::scope(|inner| {
                        let saver = inner.spawn(|| save_until(&mirror, &over));
                        let began = Instant::now();
                        let error = device.try_sync().error;
                        let took = began.elapsed();
                        over.store(true, Ordering::SeqCst);
                        assert!(
                            matches!(error, Some(SyncError::Central(CentralError::Unreachable(_)))),
                            "{dead:?} is a line that was lost: {error:?}"
                        );
                        assert!(took <= LIMIT, "{dead:?}: given up after {took:?}");
                        saver.join().unwrap()
                    });
                    proxy.heal();
                    let began = Instant::now();
                    device.sync();
                    assert!(began.elapsed() < PATIENCE, "{dead:?}: {:?} after the line was back", began.elapsed());
                    assert_eq!(device.pending(), 0);
                    (worst, made, device)
                })
            })
            .collect();
        for laptop in hanging {
            let (worst, made, _device) = laptop.join().unwrap();
            slowest = slowest.max(worst);
            saves += made;
        }
    });
    assert_eq!(count(&company, "SELECT count(*) FROM inspection_records WHERE findings = 'On a dead line'"), 5);
    println!("    {saves} saves while the network hung; the slowest took {slowest:?}");
    // A save is one write to the disk. Nobody waits for a network in it, and this machine may be busy.
    assert!(saves > 100 && slowest < Duration::from_secs(2), "{slowest:?}");
    figure("a_dead_line_is_given_up_in_fifteen_seconds_and_saves_do_not_feel_it", 5, 0);
}

/// Row 6: a line that is slow, and moves, is not a dead one: what is too much for fifteen seconds still arrives.
#[test]
fn a_slow_line_that_moves_is_not_given_up() {
    let company = found();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    // A batch of 70 operations and a pull of 270 rows, each of them more than fifteen seconds long at this speed.
    proxy.slow_to(9_500);
    let words = "The packing of the pump leaks more than it should, and was seen to. ".repeat(16);
    for n in 0..70 {
        ana.inspect(ids::ANAS_JOB, ids::item(1 + n % 3), &format!("{n} {words}"));
    }
    company.office(
        "INSERT INTO common_problems (equipment_model_id, problem_description, severity, frequency)
         SELECT '11000000-0000-4000-8000-000000000001', 'Problem ' || n || repeat(' of the packing', 15), 'low', 'rare'
         FROM generate_series(1, 200) n",
    );
    let began = Instant::now();
    let mut tries = 0;
    loop {
        tries += 1;
        match ana.try_sync().error {
            None => break,
            Some(error) => assert!(error.passes_by_itself(), "{error:?}"),
        }
        assert!(tries < 4, "at its fourth try nothing has arrived: {} operations wait", ana.pending());
    }
    println!("    through after {tries} tries and {:?}", began.elapsed());
    assert_eq!(ana.pending(), 0);
    proxy.heal();
    ana.sync();
    assert_same(&mut ana);
    figure("a_slow_line_that_moves_is_not_given_up", 1, 0);
}

/// Row 6: the server counts a statement's time from its first word. A document that takes a slow line longer than a
/// statement may take is not too slow a statement.
#[test]
fn a_long_document_arrives_over_a_line_that_needs_longer_for_it_than_a_statement_may_take() {
    let company = found();
    let (proxy, mut ana) = behind_a_proxy(&company, ids::ANA);
    let role = ana.central().server().role.clone();
    company.office(&format!("ALTER ROLE \"{role}\" SET statement_timeout = '1500ms'"));
    ana.reconnect();
    let words = "The packing of the pump leaks more than it should, and was seen to. ".repeat(500);
    ana.inspect(ids::ANAS_JOB, ids::item(1), &words);
    proxy.slow_to(9_500);
    let report = ana.try_sync();
    assert!(report.error.is_none(), "{:?}", report.error);
    assert_eq!(ana.pending(), 0);
    proxy.heal();
    ana.sync();
    assert_eq!(count(&company, "SELECT count(*) FROM inspection_records WHERE length(findings) > 30000"), 1);
    assert_same(&mut ana);
    figure("a_long_document_arrives_over_a_line_that_needs_longer_for_it_than_a_statement_may_take", 1, 0);
}
