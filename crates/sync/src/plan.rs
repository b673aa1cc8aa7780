//! The decision: what two states mean together, and what follows. Pure.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::operation::SCHEMA_VERSION;

use crate::central::Hello;
use crate::replica::ReplicaState;

/// Tombstones live 180 days on the server. An older cursor may have missed some, so every table is compared instead.
/// The margin covers clocks; comparing too early costs a few kilobytes and harms nothing.
const CURSOR_LIFE: TimeDelta = TimeDelta::days(170);
/// How often both sides are compared.
const AUDIT_EVERY: TimeDelta = TimeDelta::hours(24);

/// Where a laptop and a server stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Situation {
    /// They have never met.
    FirstContact,
    /// A first sync was begun and not ended.
    FirstSyncUnderWay,
    /// The server went on from where the laptop saw it last.
    InStep,
    /// The same database, put back to an earlier state, rebased after a dump, or merely started again, which looks the
    /// same once its counters have caught up: it may have lost receipted work, and the cursor may mean nothing there. A
    /// person whose role changed is in the same place: what they may see is not what they were sent.
    Restored,
    /// A reconciliation was begun and not ended.
    Reconciling,
    /// The laptop was away for longer than tombstones live.
    LongAway,
    /// A dump restored into another cluster, and nobody ran `rebase`: its versions lie in the future of its counter,
    /// and a pull would be silently blind.
    NotRebased,
    /// Another database altogether.
    AnotherDatabase,
    /// A standby: it shows running transactions as finished, and takes no writes.
    Standby,
    /// The server wants a newer program before it hands out rows.
    ProgramTooOld,
    /// The device is unknown here, or revoked.
    DeviceUnknown,
}

/// Why nothing is taken from a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// See [`Situation::NotRebased`].
    NotRebased,
    /// See [`Situation::AnotherDatabase`].
    AnotherDatabase,
    /// See [`Situation::Standby`].
    Standby,
    /// See [`Situation::ProgramTooOld`].
    ProgramTooOld,
    /// See [`Situation::DeviceUnknown`].
    DeviceUnknown,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::NotRebased => "it was restored into another cluster; the office must run `clara central rebase`",
            Refusal::AnotherDatabase => "it is another database than the one this laptop belongs to",
            Refusal::Standby => "it is a standby",
            Refusal::ProgramTooOld => "it wants a newer version of this program",
            Refusal::DeviceUnknown => "this laptop is not enrolled there",
        })
    }
}

/// What comes down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulling {
    /// Nothing.
    Refused(Refusal),
    /// Table by table, from the beginning or from the bookmarks.
    FirstSync {
        /// Bookmarks must be made first.
        begin: bool,
    },
    /// What changed since the cursor.
    Delta,
    /// Every table compared bucket by bucket, and only what differs fetched.
    Reconcile {
        /// The whole journal becomes pending first; false where that was done before a kill. The whole of it, because
        /// the highest `seq` that the server knows does not say that it knows those before.
        replay: bool,
    },
}

/// What a sync will do, in the order of the fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Work goes up. It goes up even where nothing may come down: a technician's work outranks a version.
    pub push: bool,
    /// What comes down.
    pub pull: Pulling,
    /// Photos go up after the work.
    pub photos: bool,
    /// Both sides are compared at the end.
    pub audit: bool,
}

/// Names the situation.
pub fn situation(state: &ReplicaState, hello: &Hello, now: DateTime<Utc>) -> Situation {
    if hello.in_recovery {
        return Situation::Standby;
    }
    if let Some(server) = &state.server {
        let known_epoch = server.epoch == hello.epoch;
        if !known_epoch && !hello.earlier_epochs.contains(&server.epoch) {
            return Situation::AnotherDatabase;
        }
        if known_epoch && server.system_identifier != hello.system_identifier {
            return Situation::NotRebased;
        }
    }
    if !hello.device_known {
        return Situation::DeviceUnknown;
    }
    if hello.min_client > SCHEMA_VERSION {
        return Situation::ProgramTooOld;
    }
    let Some(server) = &state.server else {
        return Situation::FirstContact;
    };
    let ahead = |cursor: &Option<crate::Cursor>| cursor.as_ref().is_some_and(|c| c.xmax() > hello.snapshot.xmax());
    let restored = server.epoch != hello.epoch
        || server.incarnation != hello.incarnation
        || server.role != hello.role
        || hello.highest_seq < state.highest_receipted_seq
        || ahead(&state.cursor)
        || ahead(&state.first_sync_from);
    if restored {
        return Situation::Restored;
    }
    if state.reconciling {
        return Situation::Reconciling;
    }
    match (&state.cursor, &state.first_sync_from) {
        (Some(_), _) if state.pulled_at.is_some_and(|at| now - at > CURSOR_LIFE) => Situation::LongAway,
        (Some(_), _) => Situation::InStep,
        (None, Some(_)) => Situation::FirstSyncUnderWay,
        (None, None) => Situation::FirstContact,
    }
}

/// Decides what follows from it.
pub fn plan(situation: Situation, state: &ReplicaState, audit_wanted: bool, now: DateTime<Utc>) -> Plan {
    let refused = |refusal, push| Plan { push, pull: Pulling::Refused(refusal), photos: push, audit: false };
    let go = |pull| Plan { push: true, pull, photos: true, audit: false };
    match situation {
        Situation::Standby => refused(Refusal::Standby, false),
        Situation::AnotherDatabase => refused(Refusal::AnotherDatabase, false),
        Situation::DeviceUnknown => refused(Refusal::DeviceUnknown, false),
        Situation::NotRebased => refused(Refusal::NotRebased, true),
        Situation::ProgramTooOld => refused(Refusal::ProgramTooOld, true),
        Situation::FirstContact => go(Pulling::FirstSync { begin: true }),
        Situation::FirstSyncUnderWay => go(Pulling::FirstSync { begin: false }),
        Situation::Restored => go(Pulling::Reconcile { replay: true }),
        Situation::Reconciling | Situation::LongAway => go(Pulling::Reconcile { replay: false }),
        Situation::InStep => Plan {
            audit: audit_wanted || state.audited_at.is_none_or(|at| now - at > AUDIT_EVERY || at > now),
            ..go(Pulling::Delta)
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::replica::ServerIdentity;
    use clara_domain::{DeviceId, UserId};
    use uuid::Uuid;

    const EPOCH: Uuid = Uuid::from_u128(7);

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    fn state() -> ReplicaState {
        ReplicaState {
            device: DeviceId(Uuid::from_u128(1)),
            server: Some(ServerIdentity {
                system_identifier: "a".into(),
                incarnation: 1,
                epoch: EPOCH,
                role: "technician".into(),
            }),
            cursor: Some("100:100:".parse().unwrap()),
            first_sync_from: None,
            bookmarks: Vec::new(),
            highest_receipted_seq: 50,
            pending: 0,
            in_flight: 0,
            photos_waiting: 0,
            pulled_at: Some(now() - TimeDelta::hours(1)),
            reconciling: false,
            audited_at: Some(now() - TimeDelta::hours(1)),
            refetch: Vec::new(),
        }
    }

    fn hello() -> Hello {
        Hello {
            system_identifier: "a".into(),
            incarnation: 1,
            epoch: EPOCH,
            earlier_epochs: Vec::new(),
            server_version_num: 170_012,
            in_recovery: false,
            schema_version: 1,
            min_client: 1,
            server_now: now(),
            snapshot: "120:120:".parse().unwrap(),
            user_id: UserId(Uuid::from_u128(2)),
            role: "technician".into(),
            highest_seq: 50,
            device_known: true,
        }
    }

    #[test]
    fn a_server_that_went_on_is_in_step() {
        assert_eq!(situation(&state(), &hello(), now()), Situation::InStep);
        let plan = plan(Situation::InStep, &state(), false, now());
        assert_eq!(plan, Plan { push: true, pull: Pulling::Delta, photos: true, audit: false });
    }

    #[test]
    fn a_server_that_forgot_what_it_had_receipted_was_restored() {
        let forgot = Hello { highest_seq: 12, ..hello() };
        assert_eq!(situation(&state(), &forgot, now()), Situation::Restored);
        let younger = Hello { snapshot: "90:95:".parse().unwrap(), ..hello() };
        assert_eq!(
            situation(&state(), &younger, now()),
            Situation::Restored,
            "a counter behind our cursor gives it away even where no operation of ours was lost"
        );
        let recovered = Hello { incarnation: 2, ..hello() };
        assert_eq!(situation(&state(), &recovered, now()), Situation::Restored);
        let promoted = Hello { role: "manager".into(), ..hello() };
        assert_eq!(situation(&state(), &promoted, now()), Situation::Restored, "a manager sees more than was sent");
    }

    #[test]
    fn a_dump_in_another_cluster_is_refused_until_it_is_rebased_but_work_still_goes_up() {
        let moved = Hello { system_identifier: "b".into(), ..hello() };
        assert_eq!(situation(&state(), &moved, now()), Situation::NotRebased);
        let planned = plan(Situation::NotRebased, &state(), false, now());
        assert!(planned.push, "a push is never refused");
        assert_eq!(planned.pull, Pulling::Refused(Refusal::NotRebased));
        let rebased = Hello { epoch: Uuid::from_u128(8), earlier_epochs: vec![EPOCH], ..moved };
        assert_eq!(situation(&state(), &rebased, now()), Situation::Restored);
    }

    #[test]
    fn another_database_gets_nothing_and_gives_nothing() {
        let other = Hello { system_identifier: "b".into(), epoch: Uuid::from_u128(9), ..hello() };
        let found = situation(&state(), &other, now());
        assert_eq!(found, Situation::AnotherDatabase);
        assert!(!plan(found, &state(), true, now()).push, "another company must not receive this one's work");
    }

    #[test]
    fn an_old_program_may_push_but_not_pull() {
        let newer = Hello { min_client: SCHEMA_VERSION + 1, ..hello() };
        let planned = plan(situation(&state(), &newer, now()), &state(), false, now());
        assert!(planned.push);
        assert_eq!(planned.pull, Pulling::Refused(Refusal::ProgramTooOld));
    }

    #[test]
    fn a_kill_during_reconciliation_goes_on_with_it_and_does_not_replay_twice() {
        let state = ReplicaState { reconciling: true, highest_receipted_seq: 12, ..state() };
        let found = situation(&state, &Hello { highest_seq: 50, ..hello() }, now());
        assert_eq!(plan(found, &state, false, now()).pull, Pulling::Reconcile { replay: false });
    }

    #[test]
    fn half_a_year_of_absence_compares_instead_of_trusting_a_cursor_older_than_the_tombstones() {
        let away = ReplicaState { pulled_at: Some(now() - TimeDelta::days(171)), ..state() };
        assert_eq!(situation(&away, &hello(), now()), Situation::LongAway);
    }

    #[test]
    fn a_laptop_clock_that_jumped_back_a_year_audits_and_changes_nothing_else() {
        let earlier = now() - TimeDelta::days(365);
        assert_eq!(situation(&state(), &hello(), earlier), Situation::InStep);
        assert!(plan(Situation::InStep, &state(), false, earlier).audit);
    }

    #[test]
    fn a_standby_is_neither_pulled_from_nor_pushed_to() {
        let standby = Hello { in_recovery: true, ..hello() };
        let planned = plan(situation(&state(), &standby, now()), &state(), true, now());
        assert!(!planned.push && matches!(planned.pull, Pulling::Refused(Refusal::Standby)));
    }
}
