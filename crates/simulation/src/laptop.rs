//! One laptop: real files, a clock that may be wrong, and at most one sync at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use chrono::{DateTime, TimeDelta, Utc};
use clara_domain::{DeviceId, InspectionId, OpId};
use clara_local::{DataKey, Mirror, MirrorError, Options, Profile, WriteTx};
use clara_sync::{Environment, Progress, SyncReport, Wish, sync_once};
use serde_json::Value;
use uuid::Uuid;

use crate::chance::Chance;
use crate::control::Control;
use crate::fault::{Fate, Plan, SharedFate, StepFault, lock};
use crate::folder;
use crate::link::{Ghost, Link};
use crate::rig::Rig;
use crate::server::Server;

/// All laptops of a run have the same key: a template is copied, and making one takes long.
fn key() -> DataKey {
    DataKey::from_bytes([0x5a; 32])
}

/// What the world shares with everything in it.
#[derive(Clone)]
pub struct Shared {
    /// The server.
    pub server: Arc<Mutex<Server>>,
    /// Requests whose senders have given up.
    pub ghosts: Arc<Mutex<Vec<Ghost>>>,
    /// True time, in microseconds.
    pub clock: Arc<AtomicI64>,
}

impl Shared {
    /// True time.
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.clock.load(Ordering::SeqCst)).unwrap_or_default()
    }
}

struct Around {
    shared: Shared,
    error: TimeDelta,
    patience: Option<u32>,
}

impl Environment for Around {
    fn now(&mut self) -> DateTime<Utc> {
        self.shared.now() + self.error
    }

    fn progress(&mut self, _: Progress) {
        if let Some(left) = &mut self.patience {
            *left = left.saturating_sub(1);
        }
    }

    fn stopped(&mut self) -> bool {
        self.patience == Some(0)
    }
}

/// A sync under way.
pub struct Running {
    future: Pin<Box<dyn Future<Output = SyncReport> + Send>>,
    /// Seen from outside.
    pub fate: SharedFate,
}

/// One laptop.
pub struct Laptop {
    /// Its enrolment.
    pub device: DeviceId,
    /// Its person.
    pub user: Uuid,
    /// Its clock minus true time.
    pub clock_error: TimeDelta,
    /// The sync under way.
    pub running: Option<Running>,
    /// Saves since the last sync began.
    pub saves_since: u32,
    /// What was acknowledged.
    pub acked: BTreeSet<OpId>,
    /// What its person took back, or replaced.
    pub taken_back: BTreeSet<OpId>,
    /// What waited for nothing after its last sync.
    pub waiting: BTreeSet<OpId>,
    /// Drafts as last acknowledged.
    pub drafts: BTreeMap<InspectionId, Value>,
    /// The last sync ended because the device is refused.
    pub refused: bool,
    mirror: Option<Mirror>,
    home: PathBuf,
    life: u32,
    seed: u64,
}

/// Makes the folder that all laptops start from.
///
/// # Errors
/// Where the files cannot be made.
pub fn template(folder: &Path, now: DateTime<Utc>) -> io::Result<()> {
    let options = Options { tidy_close: true, ..options(Chance::new(7)) };
    let opened = Mirror::open_with(folder, &key(), now, options).map_err(io::Error::other)?;
    drop(opened);
    Ok(())
}

fn options(entropy: Chance) -> Options {
    Options {
        ballast_bytes: 0,
        low_space_bytes: 0,
        // Small, so that a month goes through several.
        segment_bytes: 24 << 10,
        // Nothing happens at the same time here.
        readers: 0,
        // Nothing is damaged either; the structure is looked at when all has come to rest.
        look_at_start: false,
        // Every end of a program is a crash.
        tidy_close: false,
        entropy: Box::new(entropy),
    }
}

impl Laptop {
    /// A new one.
    ///
    /// # Errors
    /// Where the files cannot be made.
    pub fn new(home: PathBuf, template: &Path, seed: u64, device: DeviceId, user: Uuid) -> io::Result<Self> {
        let laptop = Self {
            device,
            user,
            clock_error: TimeDelta::zero(),
            running: None,
            saves_since: 0,
            acked: BTreeSet::new(),
            taken_back: BTreeSet::new(),
            waiting: BTreeSet::new(),
            drafts: BTreeMap::new(),
            refused: false,
            mirror: None,
            home,
            life: 0,
            seed,
        };
        folder::copy(template, &laptop.folder())?;
        Ok(laptop)
    }

    /// Another laptop with the same files.
    ///
    /// # Errors
    /// Where the files cannot be copied.
    pub fn copy(&self, home: PathBuf, seed: u64) -> io::Result<Self> {
        let laptop = Self {
            device: self.device,
            user: self.user,
            clock_error: self.clock_error,
            running: None,
            saves_since: 1,
            acked: self.acked.clone(),
            taken_back: self.taken_back.clone(),
            waiting: BTreeSet::new(),
            drafts: self.drafts.clone(),
            refused: false,
            mirror: None,
            home,
            life: 0,
            seed,
        };
        folder::copy(&self.folder(), &laptop.folder())?;
        Ok(laptop)
    }

    /// Its files.
    pub fn folder(&self) -> PathBuf {
        self.home.join("profile")
    }

    /// Starts the program.
    ///
    /// # Errors
    /// The mirror's own words.
    pub fn open(&mut self, now: DateTime<Utc>) -> Result<(), String> {
        self.open_with(now, options(Chance::of(self.seed, u64::from(self.life))))
    }

    /// Starts the program anew and has it look at the structure of the database.
    ///
    /// # Errors
    /// Where anything is not as it should be.
    pub fn look(&mut self, now: DateTime<Utc>) -> Result<(), String> {
        self.mirror = None;
        self.life += 1;
        let entropy = Chance::of(self.seed, u64::from(self.life));
        self.open_with(now, Options { look_at_start: true, ..options(entropy) })
    }

    fn open_with(&mut self, now: DateTime<Utc>, options: Options) -> Result<(), String> {
        let opened = Mirror::open_with(&self.folder(), &key(), now + self.clock_error, options)
            .map_err(|error| format!("the mirror does not open: {error}"))?;
        if opened.report.rebuilt.is_some() {
            return Err(format!("a crash ruined the mirror: {:?}", opened.report));
        }
        self.mirror = Some(opened.mirror);
        Ok(())
    }

    /// Its mirror.
    ///
    /// # Errors
    /// Where the program is not running.
    pub fn mirror(&self) -> Result<&Mirror, String> {
        self.mirror.as_ref().ok_or_else(|| "the program is not running".to_owned())
    }

    /// Says who it is.
    ///
    /// # Errors
    /// The mirror's own words.
    pub fn enroll(&mut self, now: DateTime<Utc>, device: DeviceId, role: String) -> Result<(), String> {
        self.device = device;
        let profile = Profile { device, user: self.user.into(), role };
        self.mirror()?
            .write::<_, MirrorError>(now + self.clock_error, |tx| tx.enroll(profile))
            .map_err(|error| error.to_string())?;
        Ok(())
    }

    /// Saves something, or tries to.
    ///
    /// # Errors
    /// The mirror's.
    pub fn save<T>(
        &mut self,
        now: DateTime<Utc>,
        fault: Option<StepFault>,
        fsync_off: bool,
        act: impl FnOnce(&mut WriteTx<'_, '_>) -> Result<T, MirrorError>,
    ) -> Result<T, MirrorError> {
        if fsync_off {
            let kept = self.home.join("before-the-save");
            let _ = std::fs::remove_dir_all(&kept);
            let _ = folder::copy(&self.folder(), &kept);
        }
        if fault == Some(StepFault::Torn) {
            folder::set_database_aside(&self.folder());
        }
        self.saves_since += 1;
        let Some(mirror) = &self.mirror else { return Err(MirrorError::Stopped) };
        let (done, _) = mirror.write(now + self.clock_error, |tx| {
            let done = act(tx)?;
            // The disk fills up at the last moment.
            if fault == Some(StepFault::DiskFull) { Err(MirrorError::DiskFull) } else { Ok(done) }
        })?;
        Ok(done)
    }

    /// The program ends as it stands, and is started again.
    ///
    /// # Errors
    /// Where the mirror does not open.
    pub fn crash(&mut self, now: DateTime<Utc>, torn: bool, broken: Option<Control>) -> Result<(), String> {
        self.running = None;
        // Leaves the files as they lie.
        self.mirror = None;
        self.life += 1;
        let lost = self.home.join("before-the-save");
        if broken == Some(Control::FsyncOff) && lost.exists() {
            std::fs::remove_dir_all(self.folder())
                .and_then(|()| std::fs::rename(&lost, self.folder()))
                .map_err(|error| error.to_string())?;
        }
        if torn {
            folder::put_database_back(&self.folder());
        } else {
            folder::forget_aside(&self.folder());
        }
        self.open(now)
    }

    /// Begins a sync.
    pub fn begin_sync(&mut self, shared: &Shared, wish: Wish, plan: Plan, broken: Option<Control>) {
        let Some(mirror) = self.mirror.clone() else { return };
        let fate: SharedFate = Arc::new(Mutex::new(Fate::default()));
        let mut rig = Rig { mirror, folder: self.folder(), plan: plan.clone(), fate: fate.clone(), broken, step: 0 };
        let mut around = Around { shared: shared.clone(), error: self.clock_error, patience: plan.patience };
        let mut link = Link {
            server: shared.server.clone(),
            user: self.user,
            plan,
            fate: fate.clone(),
            ghosts: shared.ghosts.clone(),
        };
        self.saves_since = 0;
        let future = Box::pin(async move { sync_once(&mut rig, &mut link, wish, &mut around).await });
        self.running = Some(Running { future, fate });
    }

    /// Lets the sync go on to its next wait. Its report where it has ended.
    pub fn go_on(&mut self) -> Option<(SyncReport, SharedFate)> {
        let running = self.running.as_mut()?;
        match running.future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Pending => None,
            Poll::Ready(report) => {
                let fate = running.fate.clone();
                self.running = None;
                Some((report, fate))
            }
        }
    }

    /// Whether the program of the sync under way has ended inside a step.
    pub fn has_crashed(fate: &SharedFate) -> Option<bool> {
        let fate = lock(fate);
        fate.crashed.then_some(fate.torn)
    }
}
