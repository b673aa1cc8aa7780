//! One run: a story told to real mirrors and a model of the server, one step at a time, on one thread.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::OpId;
use clara_domain::mirror::{Entity, TABLES};
use clara_local::MirrorError;
use clara_sync::{CentralError, SyncError, SyncReport, Wish};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::chance::Chance;
use crate::company;
use crate::control::Control;
use crate::coverage::Coverage;
use crate::deed::{Done, Person};
use crate::desk;
use crate::fault::{Fault, Plan, SharedFate, StepFault, lock};
use crate::invariant;
use crate::laptop::{Laptop, Shared};
use crate::server::{LOCKED, Server, State, fields};
use crate::story::{Act, Deed, Step, Story, Trouble};

/// So many times everybody syncs after the last fault; by then nothing may wait.
const ROUNDS: usize = 6;

/// Where so many operations wait for rows that somebody holds, the engine looks for no more of them in one sync.
const LOOKED_FOR: usize = 5;

/// How a run ended.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// What was violated, after how many steps.
    pub violation: Option<(usize, String)>,
    /// Of everything on every laptop and on the server.
    pub hash: String,
    /// Steps done.
    pub steps: usize,
    /// Syncs that went through, and those that did not.
    pub syncs: (u32, u32),
    /// Why not.
    pub errors: BTreeMap<String, u32>,
    /// What was met, how often.
    pub faults: BTreeMap<Fault, u32>,
    /// What met what.
    pub coverage: Coverage,
}

/// Everything there is in one run.
pub struct World {
    shared: Shared,
    laptops: Vec<Laptop>,
    limit: usize,
    home: std::path::PathBuf,
    epoch: DateTime<Utc>,
    seed: u64,
    broken: Option<Control>,
    backup: Option<State>,
    outcome: Outcome,
    step: usize,
    clusters: u32,
    /// Whether the rules are looked at on the way. They read, and change nothing.
    judging: bool,
    /// Something still moved since this was last set.
    moved: bool,
}

type Verdict = Result<(), String>;

impl World {
    /// A company with its laptops, on its first morning.
    ///
    /// # Errors
    /// Where files cannot be made, or a mirror does not open.
    pub fn new(story: &Story, home: &Path, template: &Path, broken: Option<Control>) -> io::Result<Self> {
        let epoch = DateTime::from_timestamp(1_772_000_000, 0).unwrap_or_default();
        let mut server = Server::new(epoch, story.seed);
        company::found(&mut server);
        server.broken = broken;
        let shared = Shared {
            server: Arc::new(Mutex::new(server)),
            ghosts: Arc::default(),
            clock: Arc::new(AtomicI64::new(epoch.timestamp_micros())),
        };
        let mut world = Self {
            shared,
            laptops: Vec::new(),
            limit: story.laptops,
            home: home.to_owned(),
            epoch,
            seed: story.seed,
            broken,
            backup: None,
            outcome: Outcome::default(),
            step: 0,
            clusters: 1,
            judging: true,
            moved: false,
        };
        for number in 0..story.laptops {
            let user = company::person(number);
            let device = lock(&world.shared.server).enroll(user, &format!("laptop {number}"));
            let seed = world.seed ^ ((number as u64 + 1) << 48);
            let mut laptop = Laptop::new(world.home_of(number), template, seed, device, user)?;
            laptop.open(epoch).map_err(io::Error::other)?;
            let role = lock(&world.shared.server).role(user);
            laptop.enroll(epoch, device, role).map_err(io::Error::other)?;
            world.laptops.push(laptop);
        }
        Ok(world)
    }

    fn home_of(&self, number: usize) -> std::path::PathBuf {
        self.home.join(format!("laptop-{number}"))
    }

    /// Tells the story and lets everything come to rest; of the outcome, only the hash means something.
    pub fn repeat(mut self, story: &Story) -> Outcome {
        self.judging = false;
        self.run(story)
    }

    /// Tells the story, lets everything come to rest, and looks at all of it.
    pub fn run(mut self, story: &Story) -> Outcome {
        for (number, step) in story.steps.iter().enumerate() {
            self.step = number;
            self.outcome.steps = number + 1;
            if let Err(violation) = self.take(step) {
                self.outcome.violation = Some((number, violation));
                return self.outcome;
            }
        }
        let rested = self.rest().and_then(|()| {
            self.outcome.hash = self.hash();
            if self.judging { self.judge_all() } else { Ok(()) }
        });
        if let Err(violation) = rested {
            self.outcome.violation = Some((story.steps.len(), violation));
        }
        self.outcome
    }

    fn now(&self) -> DateTime<Utc> {
        self.shared.now()
    }

    fn met(&mut self, fault: Fault) {
        *self.outcome.faults.entry(fault).or_default() += 1;
        self.outcome.coverage.went_wrong(self.step, fault);
    }

    fn take(&mut self, step: &Step) -> Verdict {
        let at = self.epoch + TimeDelta::minutes(step.at) + TimeDelta::milliseconds((step.chance % 60_000) as i64);
        let at = at.max(self.now() + TimeDelta::milliseconds(1));
        self.shared.clock.store(at.timestamp_micros(), Ordering::SeqCst);
        lock(&self.shared.server).now = at;
        let mut chance = Chance::new(step.chance);
        match &step.act {
            Act::Deed(laptop, deed, fault) => self.deed(*laptop, *deed, *fault, &mut chance)?,
            Act::Sync(laptop, plan, audit) => {
                let (shared, broken) = (self.shared.clone(), self.broken);
                if let Some(laptop) = self.laptops.get_mut(*laptop).filter(|laptop| laptop.running.is_none()) {
                    laptop.begin_sync(&shared, Wish { audit: *audit, photos: true }, plan.clone(), broken);
                    if plan.patience.is_some() {
                        self.met(Fault::Stopped);
                    }
                }
            }
            Act::Crash(laptop) => {
                if *laptop < self.laptops.len() {
                    self.met(Fault::Crash);
                    self.crash(*laptop, false)?;
                }
            }
            Act::Clock(laptop, days) => {
                if let Some(laptop) = self.laptops.get_mut(*laptop) {
                    laptop.clock_error = TimeDelta::days(*days);
                    self.met(Fault::ClockJump);
                }
            }
            Act::Clone(laptop) => self.copy(*laptop)?,
            Act::Desk(desk) => {
                let met = desk::act(&mut lock(&self.shared.server), &mut chance, *desk);
                met.into_iter().for_each(|fault| self.met(fault));
            }
            Act::Trouble(trouble) => self.trouble(*trouble, &mut chance),
            Act::Night => return self.night(),
        }
        for number in 0..self.laptops.len() {
            for _ in 0..1 + chance.below(4) {
                self.go_on(number)?;
            }
        }
        self.server_is_well()
    }

    fn server_is_well(&self) -> Verdict {
        lock(&self.shared.server).violations.first().map_or(Ok(()), |violation| Err(violation.clone()))
    }

    fn deed(&mut self, number: usize, deed: Deed, fault: Option<StepFault>, chance: &mut Chance) -> Verdict {
        let (now, fsync_off, step) = (self.now(), self.broken == Some(Control::FsyncOff), self.step);
        let Some(laptop) = self.laptops.get_mut(number) else { return Ok(()) };
        let mirror = laptop.mirror()?.clone();
        let mut person = Person { user: laptop.user, mirror: &mirror, chance: chance.clone() };
        let Some(save) = person.plan(deed) else { return Ok(()) };
        drop(mirror);
        if fault == Some(StepFault::Before) {
            self.met(Fault::Crash);
            return self.crash(number, false);
        }
        match laptop.save(now, fault, fsync_off, save) {
            Ok(done) => self.acknowledge(number, deed, fault, done, step)?,
            Err(MirrorError::DiskFull) => self.met(Fault::DiskFull),
            // What the person wanted to change went away, or may not be changed: nothing was saved.
            Err(
                MirrorError::NoRow { .. }
                | MirrorError::RowExists { .. }
                | MirrorError::NoOperation(_)
                | MirrorError::NoDraft(_)
                | MirrorError::BadField { .. }
                | MirrorError::BadValue { .. },
            ) => {}
            Err(error) => return Err(format!("a save failed: {error}")),
        }
        Ok(())
    }

    fn acknowledge(&mut self, number: usize, deed: Deed, fault: Option<StepFault>, done: Done, step: usize) -> Verdict {
        let Some(laptop) = self.laptops.get_mut(number) else { return Ok(()) };
        // A save that the person was not told of may be there or not, but not half.
        let acknowledged = !matches!(fault, Some(StepFault::Torn));
        laptop.taken_back.extend(&done.taken_back);
        if acknowledged {
            laptop.acked.extend(done.saved.iter().map(|(op_id, ..)| *op_id));
        }
        match done.draft {
            Some((id, Some(body))) if acknowledged => drop(laptop.drafts.insert(id, body)),
            Some((id, _)) => drop(laptop.drafts.remove(&id)),
            None => {}
        }
        for (_, entity, kind, row) in done.saved {
            self.outcome.coverage.saved(step, entity, kind, row);
        }
        if deed == Deed::Poison {
            self.met(Fault::Poison);
        }
        match fault {
            Some(fault @ (StepFault::After | StepFault::Torn)) => {
                self.met(fault.kind());
                self.crash(number, fault == StepFault::Torn)
            }
            _ => Ok(()),
        }
    }

    fn crash(&mut self, number: usize, torn: bool) -> Verdict {
        let (now, broken) = (self.now(), self.broken);
        if let Some(laptop) = self.laptops.get_mut(number) {
            laptop.crash(now, torn, broken)?;
            laptop.saves_since += 1;
        }
        if !self.judging {
            return Ok(());
        }
        self.laptops
            .get(number)
            .map_or(Ok(()), |laptop| invariant::nothing_acknowledged_is_lost(&lock(&self.shared.server), laptop, false))
    }

    fn copy(&mut self, number: usize) -> Verdict {
        // One copy is enough trouble for a month.
        if self.laptops.len() > self.limit || number >= self.laptops.len() {
            return Ok(());
        }
        let (now, home) = (self.now(), self.home_of(self.laptops.len()));
        let mut copy = self.laptops[number].copy(home, self.seed ^ 0xc0de).map_err(|error| error.to_string())?;
        copy.open(now)?;
        self.laptops.push(copy);
        self.met(Fault::Clone);
        Ok(())
    }

    fn trouble(&mut self, trouble: Trouble, chance: &mut Chance) {
        let mut server = lock(&self.shared.server);
        let fault = match trouble {
            Trouble::Backup => {
                if server.epoch_of == server.system_identifier {
                    self.backup = Some(server.state.clone());
                }
                None
            }
            Trouble::PutBack => self.backup.clone().map(|copy| {
                server.put_back(copy);
                Fault::Restore
            }),
            Trouble::MoveHouse => self.backup.clone().map(|copy| {
                self.clusters += 1;
                server.move_house(copy, &format!("700000000000000000{}", self.clusters));
                // Nobody puts a copy of the old cluster in the new one's place.
                self.backup = None;
                Fault::MoveHouse
            }),
            Trouble::Rebase => {
                if server.epoch_of != server.system_identifier {
                    server.rebase();
                    self.backup = Some(server.state.clone());
                }
                None
            }
            Trouble::Restart => {
                server.restart();
                None
            }
            Trouble::Standby => {
                server.in_recovery = true;
                Some(Fault::Standby)
            }
            Trouble::Skew => {
                match chance.below(3) {
                    0 => server.min_client = 99,
                    1 => server.lacks_column = Some((Entity::EquipmentInventory, "location_detail")),
                    _ => server.lacks_column = Some((Entity::Photos, "caption")),
                }
                Some(Fault::Skew)
            }
            Trouble::LockOut => {
                let user = company::id(chance.pick(&company::PEOPLE[..3]).copied().unwrap_or(0xa1));
                server.office_update(Entity::Users, user, &fields(json!({"is_active": false})));
                Some(Fault::LockedOut)
            }
            Trouble::Ghosts => {
                let arriving: Vec<_> = std::mem::take(&mut *lock(&self.shared.ghosts));
                arriving.into_iter().for_each(|ghost| ghost.arrive(&mut server));
                None
            }
        };
        drop(server);
        if let Some(fault) = fault {
            self.met(fault);
        }
    }

    fn go_on(&mut self, number: usize) -> Verdict {
        let Some((report, fate)) = self.laptops.get_mut(number).and_then(Laptop::go_on) else { return Ok(()) };
        self.ended(number, report, &fate)
    }

    fn ended(&mut self, number: usize, report: SyncReport, fate: &SharedFate) -> Verdict {
        let met: Vec<Fault> = std::mem::take(&mut lock(fate).met);
        met.into_iter().for_each(|fault| self.met(fault));
        if let Some(torn) = Laptop::has_crashed(fate) {
            return self.crash(number, torn);
        }
        self.moved |= moved(&report);
        let Some(laptop) = self.laptops.get_mut(number) else { return Ok(()) };
        laptop.refused = matches!(
            report.error,
            Some(
                SyncError::Central(CentralError::DeviceRefused(_))
                    | SyncError::Refused(clara_sync::Refusal::DeviceUnknown)
            )
        );
        if let Some(error) = &report.error {
            self.outcome.syncs.1 += 1;
            let kind: String = error.to_string().chars().take(60).collect();
            *self.outcome.errors.entry(kind).or_default() += 1;
            let judged = match error {
                SyncError::Central(CentralError::Refused { code, .. }) if code == "no_receipt" => {
                    Err(format!("a push was answered without a receipt: {error}"))
                }
                SyncError::Replica(clara_sync::ReplicaError::DiskFull) => Ok(()),
                SyncError::Replica(error) => Err(format!("the mirror failed in a sync: {error}")),
                _ => Ok(()),
            };
            // Somebody holds a row for long: all else went up, and everything came down.
            let held_up_by_a_row = is_about_a_lock(error) && (1..LOOKED_FOR).contains(&report.waiting.len());
            if !held_up_by_a_row {
                return judged;
            }
        } else {
            self.outcome.syncs.0 += 1;
        }
        if laptop.saves_since > 0 || !self.judging {
            return Ok(());
        }
        let laptop = &self.laptops[number];
        invariant::mirror_is_true(&lock(&self.shared.server), laptop, true)?;
        self.nothing_waits_twice(number, &report.waiting)
    }

    /// What waits for nothing after one sync must be gone after the next.
    fn nothing_waits_twice(&mut self, number: usize, locked: &[OpId]) -> Verdict {
        let laptop = &mut self.laptops[number];
        let waiting = invariant::waiting_for_nothing(laptop, locked)?;
        let still = waiting.intersection(&laptop.waiting).next().copied();
        laptop.waiting = waiting;
        still.map_or(Ok(()), |op_id| Err(format!("I6: nothing holds {op_id} back, and two syncs have left it")))
    }

    /// Everybody who is at it comes to an end; what the night brings.
    fn night(&mut self) -> Verdict {
        for number in 0..self.laptops.len() {
            let mut patience = 4000;
            while self.laptops[number].running.is_some() {
                self.go_on(number)?;
                patience -= 1;
                if patience == 0 {
                    return Err("I8: a sync does not come to an end".to_owned());
                }
            }
        }
        {
            let mut server = lock(&self.shared.server);
            server.in_recovery = false;
            server.min_client = 1;
            server.lacks_column = None;
            if server.epoch_of != server.system_identifier && self.step.is_multiple_of(2) {
                server.rebase();
                self.backup = Some(server.state.clone());
            }
            // The watchdog ends what stays open.
            let open: Vec<u64> = server.state.running.keys().copied().collect();
            open.into_iter().filter(|xid| xid % 3 == 0).for_each(|xid| server.end_slow(xid, false));
            server.night();
            for user in company::PEOPLE {
                let user = company::id(user);
                if !server.is_active(user) {
                    server.office_update(Entity::Users, user, &fields(json!({"is_active": true})));
                }
            }
        }
        self.enroll_anew()?;
        self.server_is_well()
    }

    fn enroll_anew(&mut self) -> Verdict {
        let now = self.now();
        for laptop in &mut self.laptops {
            let mut server = lock(&self.shared.server);
            let known = server.state.devices.get(&laptop.device);
            if laptop.refused && known.is_none_or(|device| device.cloned) {
                let device = server.enroll(laptop.user, "again");
                let role = server.role(laptop.user);
                drop(server);
                laptop.enroll(now, device, role)?;
                laptop.refused = false;
            }
        }
        Ok(())
    }

    /// No more faults: everything must come to rest by itself.
    fn rest(&mut self) -> Verdict {
        self.night()?;
        {
            let mut server = lock(&self.shared.server);
            let open: Vec<u64> = server.state.running.keys().copied().collect();
            open.into_iter().for_each(|xid| server.end_slow(xid, true));
            if server.epoch_of != server.system_identifier {
                server.rebase();
            }
            let arriving: Vec<_> = std::mem::take(&mut *lock(&self.shared.ghosts));
            arriving.into_iter().for_each(|ghost| ghost.arrive(&mut server));
        }
        for laptop in &mut self.laptops {
            laptop.clock_error = TimeDelta::zero();
        }
        for _ in 0..ROUNDS {
            self.moved = false;
            let later = self.now() + TimeDelta::minutes(30);
            self.shared.clock.store(later.timestamp_micros(), Ordering::SeqCst);
            lock(&self.shared.server).now = later;
            for number in 0..self.laptops.len() {
                let (shared, broken) = (self.shared.clone(), self.broken);
                self.laptops[number].begin_sync(&shared, Wish::default(), Plan::default(), broken);
            }
            self.night()?;
            if !self.moved {
                break;
            }
        }
        Ok(())
    }

    /// After everything has come to rest.
    fn judge_all(&mut self) -> Verdict {
        for number in 0..self.laptops.len() {
            let now = self.now();
            self.laptops[number].look(now)?;
            self.sync_at_rest(number, false)?;
            let at_rest = |fault: String| format!("{fault} (laptop {number}, at rest)");
            invariant::mirror_is_true(&lock(&self.shared.server), &self.laptops[number], false).map_err(at_rest)?;
            self.sync_at_rest(number, true)?;
            self.laptops[number].waiting = invariant::waiting_for_nothing(&self.laptops[number], &[])?;
            self.sync_at_rest(number, false)?;
            self.nothing_waits_twice(number, &[])?;
            let server = lock(&self.shared.server);
            let laptop = &self.laptops[number];
            invariant::mirror_is_true(&server, laptop, false).map_err(at_rest)?;
            invariant::nothing_acknowledged_is_lost(&server, laptop, true)?;
            invariant::nothing_waits_for_ever(&server, laptop).map_err(at_rest)?;
        }
        let server = lock(&self.shared.server);
        invariant::photos_are_whole(&server)
    }

    fn sync_at_rest(&mut self, number: usize, audit: bool) -> Verdict {
        let (shared, broken) = (self.shared.clone(), self.broken);
        let laptop = &mut self.laptops[number];
        laptop.begin_sync(&shared, Wish { audit, ..Wish::default() }, Plan::default(), broken);
        for _ in 0..4000 {
            if let Some((report, _)) = laptop.go_on() {
                return match report.error {
                    Some(error) => Err(format!("I8: laptop {number} still cannot sync: {error}")),
                    None => Ok(()),
                };
            }
        }
        Err("I8: a sync does not come to an end".to_owned())
    }

    fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for laptop in &self.laptops {
            let Ok(mirror) = laptop.mirror() else { continue };
            let _ = mirror.read::<_, MirrorError>(|read| {
                for table in TABLES {
                    for row in read.all(table.entity)? {
                        hash.update(format!("{} {row:?}", table.name));
                    }
                }
                for line in read.outbox()? {
                    hash.update(format!("{:?} {:?}", line.operation, line.state));
                }
                Ok(())
            });
        }
        let server = lock(&self.shared.server);
        for (op_id, line) in &server.state.ledger {
            hash.update(format!("{op_id} {:?}", line.receipt));
        }
        hash.update(server.state.next_xid.to_le_bytes());
        hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

fn is_about_a_lock(error: &SyncError) -> bool {
    matches!(error, SyncError::Central(CentralError::Busy(code)) if code == LOCKED)
}

/// Whether a sync found anything to do, or could not do it.
fn moved(report: &SyncReport) -> bool {
    let repaired = report.repairs.as_ref().is_some_and(|repairs| !repairs.is_empty());
    let sent = !report.receipts.is_empty() || report.duplicates > 0 || report.chunks > 0 || report.photos > 0;
    report.error.is_some() || sent || repaired || report.rows > 0 || report.replayed > 0 || !report.waiting.is_empty()
}
