//! Sync on a thread of its own: after saves, by the clock, and when asked. Screens never wait for it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use clara_central::PgCentral;
use clara_contract::sync::{Activity, PhotoProgress};
use clara_contract::{Event, Failure};
use clara_domain::PhotoId;
use clara_local::Mirror;
use clara_sync::{
    CentralError, Environment, MAX_CHUNK_BYTES, Progress, Repair, Replica, SyncError, SyncReport, Wish, next_attempt,
    sync_once,
};

use super::compare::{Compared, compare};
use super::light::{Light, NetSeen};
use super::rescue::Rescue;
use crate::app::{Events, Options, Slot};
use crate::backups::upkeep::upkeep;
use crate::error::{Error, Result};
use crate::failure;
use crate::photos::fetch;
use crate::rescue::Maker;

/// Quiet after a save before it is sent: a burst of saves goes as one batch.
const DEBOUNCE: Duration = Duration::from_millis(1_500);
/// Between syncs in which nothing was saved here.
const INTERVAL: Duration = Duration::from_secs(60);
/// While the server cannot be reached, a save tries again no sooner than this.
const GENTLE: Duration = Duration::from_secs(20);
/// An item, its inspection, the photos of that: each is taken only once the one before it is there.
const CHAIN: u32 = 3;

/// What a sync came to, for whoever waits for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Done {
    pub(crate) problem: Option<Failure>,
    pub(crate) repairs: Option<Vec<Repair>>,
}

enum Ask {
    Nudge,
    Sync { audit: bool, reply: Sender<Done> },
    Photo { id: PhotoId, reply: Sender<Result<()>> },
    Compare { reply: Sender<Result<Vec<Compared>>> },
    Again,
    Stop,
}

/// The thread and what it tells.
pub(crate) struct Runner {
    asks: Sender<Ask>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What screens read while the thread works.
pub(crate) struct Shared {
    light: Mutex<Light>,
    offline: AtomicBool,
    stop: AtomicBool,
    told: Mutex<Option<Instant>>,
    events: Events,
    mirror: Mirror,
    options: Options,
}

impl Shared {
    fn light(&self) -> MutexGuard<'_, Light> {
        self.light.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the window, at most ten times a second while something moves.
    fn tell(&self, always: bool) {
        {
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if !always && told.is_some_and(|at| at.elapsed() < Duration::from_millis(100)) {
                return;
            }
            *told = Some(Instant::now());
        }
        let light = self.light().clone();
        match super::status::assemble(&self.mirror, Some(&light), self.offline(), self.options.clock.now()) {
            Ok(status) => self.events.tell(&Event::Sync { status }),
            Err(error) => tracing::warn!(%error, "the light cannot be read"),
        }
    }

    fn offline(&self) -> bool {
        self.offline.load(Ordering::SeqCst)
    }

    fn halted(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

impl Runner {
    /// Starts the thread.
    pub(crate) fn start(
        mirror: Mirror,
        central: PgCentral,
        options: Options,
        events: Events,
        maker: Option<Arc<Maker>>,
        slot: Weak<Slot>,
    ) -> Result<Runner> {
        let offline = mirror.read(|read| Ok::<_, Error>(read.setting(super::OFFLINE)?))?;
        let shared = Arc::new(Shared {
            light: Mutex::default(),
            offline: AtomicBool::new(offline == Some(serde_json::Value::Bool(true))),
            stop: AtomicBool::new(false),
            told: Mutex::default(),
            events,
            mirror: mirror.clone(),
            options,
        });
        let (asks, asked) = mpsc::channel();
        let thread = {
            let shared = shared.clone();
            std::thread::Builder::new().name("sync".into()).spawn(move || {
                match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                    Ok(runtime) => {
                        let rescue = Rescue::of(maker);
                        Worker { shared, mirror, central, runtime, failures: 0, rescue, slot }.run(&asked)
                    }
                    Err(error) => tracing::error!(%error, "no sync on this machine"),
                }
            })
        };
        let thread = thread.map_err(|error| Error::File("thread", error))?;
        Ok(Runner { asks, shared, thread: Mutex::new(Some(thread)) })
    }

    /// Something was saved.
    pub(crate) fn nudge(&self) {
        let _closing = self.asks.send(Ask::Nudge);
    }

    /// Syncs now and waits for the end of it.
    pub(crate) fn sync(&self, audit: bool) -> Result<Done> {
        let (reply, done) = mpsc::channel();
        self.asks.send(Ask::Sync { audit, reply }).map_err(|_| Error::Bug("sync has ended"))?;
        done.recv().map_err(|_| Error::Sync(SyncError::Stopped))
    }

    /// Fetches a photo's bytes into the mirror.
    pub(crate) fn photo(&self, id: PhotoId) -> Result<()> {
        let (reply, done) = mpsc::channel();
        self.asks.send(Ask::Photo { id, reply }).map_err(|_| Error::Bug("sync has ended"))?;
        done.recv().map_err(|_| Error::Sync(SyncError::Stopped))?
    }

    /// Compares both sides row by row.
    pub(crate) fn compare(&self) -> Result<Vec<Compared>> {
        let (reply, done) = mpsc::channel();
        self.asks.send(Ask::Compare { reply }).map_err(|_| Error::Bug("sync has ended"))?;
        done.recv().map_err(|_| Error::Sync(SyncError::Stopped))?
    }

    /// Off the network, or on it again. A sync under way ends at its next step.
    pub(crate) fn set_offline(&self, offline: bool) {
        self.shared.offline.store(offline, Ordering::SeqCst);
        let _closing = self.asks.send(Ask::Again);
    }

    /// Stops the photos before their next chunk, or sends them. Work is sent either way.
    pub(crate) fn hold_photos(&self, hold: bool) {
        self.shared.light().photos_held = hold;
        let _closing = self.asks.send(Ask::Again);
    }

    pub(crate) fn light(&self) -> (Light, bool) {
        (self.shared.light().clone(), self.shared.offline())
    }

    /// Ends the thread at its next step and waits for it.
    pub(crate) fn stop(&self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        let _gone = self.asks.send(Ask::Stop);
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _panicked = thread.join();
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    mirror: Mirror,
    central: PgCentral,
    runtime: tokio::runtime::Runtime,
    failures: u32,
    rescue: Rescue,
    /// Not held: a profile that nobody uses any more must close.
    slot: Weak<Slot>,
}

impl Worker {
    fn run(mut self, asked: &Receiver<Ask>) {
        let background = self.shared.options.background;
        let mut due = background.then(Instant::now);
        while !self.shared.halted() {
            if due.is_some_and(|due| due <= Instant::now()) {
                if !self.shared.offline() {
                    self.sync(false);
                }
                self.upkeep();
                due = Some(Instant::now() + self.pause());
                continue;
            }
            let ask = match due {
                Some(due) => asked.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => asked.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match ask {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) | Ok(Ask::Stop) => break,
                Ok(Ask::Nudge) => {
                    let wait = if self.failures == 0 { DEBOUNCE } else { GENTLE };
                    due = due.map(|due| match self.failures {
                        0 => Instant::now() + wait,
                        _ => due.min(Instant::now() + wait),
                    });
                    self.shared.tell(true);
                }
                Ok(Ask::Again) => {
                    self.failures = 0;
                    due = due.map(|_| Instant::now());
                    self.shared.tell(true);
                }
                Ok(Ask::Sync { audit, reply }) => {
                    let _nobody_waits = reply.send(self.sync(audit));
                    self.upkeep();
                    due = due.map(|_| Instant::now() + self.pause());
                }
                Ok(Ask::Photo { id, reply }) => {
                    let _nobody_waits = reply.send(self.photo(id));
                }
                Ok(Ask::Compare { reply }) => {
                    let Worker { mirror, central, runtime, .. } = &mut self;
                    let _nobody_waits = reply.send(runtime.block_on(compare(mirror, central)));
                }
            }
        }
        self.runtime.block_on(self.central.close());
        if self.rescue.locked {
            self.leave();
        }
    }

    /// The work was locked: the key leaves memory, and the window is told.
    fn leave(self) {
        let (slot, events) = (self.slot.clone(), self.shared.events.clone());
        // First what is held here, so that the files are free once the window asks for them again.
        drop(self);
        drop(slot.upgrade().and_then(|slot| slot.take()));
        events.tell(&Event::Revoked {});
    }

    fn pause(&self) -> Duration {
        let random =
            crate::clock::random::<4>().map_or(0.5, |bytes| f64::from(u32::from_le_bytes(bytes)) / 4_294_967_296.0);
        match self.failures {
            0 => INTERVAL.mul_f64(0.8 + 0.4 * random),
            failures => next_attempt(failures, random),
        }
    }

    fn sync(&mut self, audit: bool) -> Done {
        let mut report = self.once(audit);
        for _ in 0..CHAIN {
            if report.error.is_some() || !self.sent_again() {
                break;
            }
            let next = self.once(false);
            report.changed.join(next.changed);
            report.error = next.error;
        }
        self.rescue.after(&report, &self.runtime, &mut self.central);
        if self.rescue.locked {
            if let Some(slot) = self.slot.upgrade() {
                slot.revoke();
            }
            self.shared.stop.store(true, Ordering::SeqCst);
        }
        self.ended(&report)
    }

    fn once(&mut self, audit: bool) -> SyncReport {
        let Worker { shared, mirror, central, runtime, .. } = self;
        let mut env = World { shared: shared.clone(), photos: BTreeSet::new(), of: 0 };
        let wish = Wish { audit, photos: !shared.light().photos_held };
        runtime.block_on(async {
            let report = sync_once(mirror, central, wish, &mut env).await;
            if report.error.is_none() {
                report_unsent(mirror, central).await;
            }
            report
        })
    }

    /// Whether something that the server had refused goes again, because what it is about has come.
    fn sent_again(&self) -> bool {
        let refused = self.mirror.read(|read| Ok::<_, Error>(read.work_figures()?.need_a_person > 0));
        if !refused.unwrap_or(true) {
            return false;
        }
        match self.mirror.write(self.shared.options.clock.now(), |write| write.send_again_what_is_back()) {
            Ok((again, changed)) => {
                self.shared.events.changed(&changed);
                again > 0
            }
            Err(error) => {
                tracing::warn!(%error, "what the server had refused was not looked at again");
                false
            }
        }
    }

    fn ended(&mut self, report: &SyncReport) -> Done {
        let now = self.shared.options.clock.now();
        let problem = report.error.as_ref().map(failure::sync);
        {
            let mut light = self.shared.light();
            light.activity = Activity::Idle;
            light.photo = None;
            light.net = match &report.error {
                None => NetSeen::Online,
                Some(SyncError::Central(CentralError::Unreachable(_) | CentralError::Busy(_))) => NetSeen::NotReachable,
                Some(SyncError::Central(_) | SyncError::Refused(_)) => NetSeen::Refused,
                Some(SyncError::Stopped) => light.net,
                Some(SyncError::Replica(_)) => NetSeen::Online,
            };
            light.last_problem = problem.clone().filter(|_| !matches!(report.error, Some(SyncError::Stopped)));
        }
        match &report.error {
            None => {
                self.failures = 0;
                let kept = self.mirror.write(now, |write| {
                    write.set_setting(super::LAST_SUCCESS, &crate::field::stamp(now).into())?;
                    Ok::<_, Error>(())
                });
                if let Err(error) = kept {
                    tracing::warn!(%error, "the time of the last sync was not kept");
                }
            }
            Some(SyncError::Stopped) => {}
            Some(error) => {
                self.failures = self.failures.saturating_add(1);
                tracing::info!(%error, passes = error.passes_by_itself(), "sync ended early");
            }
        }
        self.shared.events.changed(&report.changed);
        self.shared.tell(true);
        Done { problem, repairs: report.repairs.clone() }
    }

    /// Once a day, with or without a network.
    fn upkeep(&self) {
        if self.rescue.locked {
            return;
        }
        self.rescue.on_low_disk();
        if !upkeep(&self.mirror, self.shared.options.clock.now()) {
            self.shared.light().damaged = true;
            self.shared.tell(true);
        }
    }

    fn photo(&mut self, id: PhotoId) -> Result<()> {
        if self.shared.offline() {
            return Err(Error::Central(CentralError::Unreachable("offline by choice".into())));
        }
        let now = self.shared.options.clock.now();
        let Worker { mirror, central, runtime, .. } = self;
        let bytes = runtime.block_on(fetch::whole(central, id))?;
        fetch::keep(mirror, id, &bytes, now)
    }
}

/// The office sees how much each laptop still holds. Not worth failing a sync for.
async fn report_unsent(mirror: &mut Mirror, central: &mut PgCentral) {
    let counted = mirror.state().map(|state| state.device).ok().zip(super::status::unsent(mirror).ok());
    if let Some((device, (count, oldest))) = counted
        && let Err(error) = central.report_unsent(device, count, oldest).await
    {
        tracing::info!(%error, "the office was not told what is left");
    }
}

struct World {
    shared: Arc<Shared>,
    /// Those of this sync.
    photos: BTreeSet<PhotoId>,
    /// How many there were when the first began.
    of: u32,
}

impl World {
    /// Which one of how many, and how far it is.
    fn photo(&mut self, photo: PhotoId, done: u32, byte_count: u64) -> PhotoProgress {
        if self.photos.is_empty() {
            self.of = self.shared.mirror.clone().state().map_or(0, |state| state.photos_waiting);
        }
        self.photos.insert(photo);
        let number = u32::try_from(self.photos.len()).unwrap_or(u32::MAX);
        // One that was taken meanwhile goes along.
        let of = self.of.max(number);
        let bytes_done = (u64::from(done) * MAX_CHUNK_BYTES as u64).min(byte_count);
        PhotoProgress { number, of, bytes_done, byte_count }
    }
}

impl Environment for World {
    fn now(&mut self) -> DateTime<Utc> {
        self.shared.options.clock.now()
    }

    fn progress(&mut self, progress: Progress) {
        let photo = match progress {
            Progress::Photo { photo, done, byte_count, .. } => Some(self.photo(photo, done, byte_count)),
            _ => None,
        };
        {
            let mut light = self.shared.light();
            light.activity = match progress {
                Progress::Connecting => Activity::Connecting,
                Progress::Sending { .. } => Activity::Sending,
                Progress::Receiving { .. } => Activity::Receiving,
                Progress::Photo { .. } => Activity::SendingPhotos,
                Progress::Checking { .. } => Activity::Checking,
            };
            light.sending = match progress {
                Progress::Sending { operations } => operations,
                Progress::Photo { .. } => 1,
                _ => 0,
            };
            light.photo = photo;
            light.receiving = match progress {
                Progress::Receiving { entity, rows } => Some((entity, rows)),
                _ => None,
            };
        }
        self.shared.tell(false);
    }

    fn stopped(&mut self) -> bool {
        let light = self.shared.light();
        let held = light.photos_held && light.activity == Activity::SendingPhotos;
        drop(light);
        held || self.shared.halted() || self.shared.offline()
    }
}
