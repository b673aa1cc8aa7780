//! The program behind the window: which profile is open, and the doors to it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use clara_central::Floor;
use clara_contract::Event;
use clara_contract::session::{Session, SignedOut};
use clara_domain::category::Role;
use clara_domain::mirror::Entity;
use clara_local::table::metrics::MetricNew;
use clara_local::{Mirror, WriteTx};
use clara_sync::Changed;
use serde_json::Value;
use uuid::Uuid;

use crate::clock::{Clock, WallClock};
use crate::error::{Error, Result};
use crate::rescue::Maker;
use crate::sync::runner::Runner;
use crate::sync::status;
use crate::vault::{Key, Keyring};
use crate::view::View;

/// How the program is started.
#[derive(Clone)]
pub struct Options {
    /// The folder of the profile; made if it is missing.
    pub profile: PathBuf,
    /// Whether the system's keyring is used.
    pub keyring: Keyring,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Which PostgreSQL versions are good enough.
    pub floor: Floor,
    /// Sync by itself: after saves and by the clock. Without it, only when asked.
    pub background: bool,
}

impl Options {
    /// For the person at this machine, as the environment says: `CLARA_KEYRING=off` asks for a passphrase instead of
    /// the keyring; `CLARA_ANY_POSTGRES=loopback` takes a server of any version on this machine, for development.
    pub fn here(profile: PathBuf) -> Options {
        crate::crash::leaves_no_memory();
        let any = std::env::var("CLARA_ANY_POSTGRES").is_ok_and(|word| word == "loopback");
        Options {
            profile,
            keyring: Keyring::from_environment(),
            clock: Arc::new(WallClock),
            floor: if any { Floor::AnyOnLoopback } else { Floor::Safe },
            background: true,
        }
    }
}

pub(crate) type Listener = Box<dyn Fn(&Event) + Send + Sync>;

/// Who is told what changes.
#[derive(Clone, Default)]
pub(crate) struct Events(Arc<RwLock<Vec<Listener>>>);

impl Events {
    pub(crate) fn tell(&self, event: &Event) {
        for listener in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            listener(event);
        }
    }

    pub(crate) fn changed(&self, changed: &Changed) {
        if !changed.entities.is_empty() {
            let entities = changed.entities.iter().map(|entity| entity.name().to_owned()).collect();
            self.tell(&Event::Changed { entities });
        }
    }
}

pub(crate) type Picker = Box<dyn Fn() -> Vec<PathBuf> + Send + Sync>;
pub(crate) type Closer = Box<dyn Fn(bool) + Send + Sync>;

/// What is still being done on a profile when it is closed gets this long to end.
const LEAVING: Duration = Duration::from_secs(10);

/// The use cases, with errors as they are inside; [`crate::App`] is their public face.
pub(crate) struct Core {
    pub(crate) options: Options,
    pub(crate) events: Events,
    pub(crate) slot: Arc<Slot>,
    picker: RwLock<Option<Picker>>,
    closer: RwLock<Option<Closer>>,
    /// The person locked it: what the keyring would open by itself stays closed until it is asked for.
    locked: AtomicBool,
    /// The person signed out and the program goes on: it can still be undone.
    signed_out: Mutex<Option<SignedOut>>,
    /// One opens at a time: two screens that start at once must not race for the profile's lock.
    pub(crate) opening: Mutex<()>,
    pub(crate) timings: Mutex<Vec<MetricNew>>,
}

/// Where the open profile is.
#[derive(Default)]
pub(crate) struct Slot {
    open: RwLock<Option<Arc<Open>>>,
    revoked: AtomicBool,
}

impl Slot {
    /// From now on nobody gets at the profile, however long it takes to close.
    pub(crate) fn revoke(&self) {
        self.revoked.store(true, Ordering::SeqCst);
    }

    pub(crate) fn take(&self) -> Option<Arc<Open>> {
        self.open.write().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// An open profile.
pub(crate) struct Open {
    pub(crate) session: Session,
    pub(crate) mirror: Mirror,
    pub(crate) key: Key,
    pub(crate) notice: Option<String>,
    pub(crate) runner: Option<Runner>,
    /// None in the demo, whose work belongs to no office.
    pub(crate) maker: Option<Arc<Maker>>,
    events: Events,
    /// The last field, so that it goes last: whoever waits for it finds the profile's files free.
    gone: Gone,
}

/// Says that a profile is closed when it is dropped.
#[derive(Default)]
struct Gone(Arc<(Mutex<bool>, Condvar)>);

impl Drop for Gone {
    fn drop(&mut self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }
}

impl Core {
    pub(crate) fn new(options: Options) -> Core {
        Core {
            options,
            events: Events::default(),
            slot: Arc::default(),
            picker: RwLock::default(),
            closer: RwLock::default(),
            locked: AtomicBool::new(false),
            signed_out: Mutex::default(),
            opening: Mutex::default(),
            timings: Mutex::default(),
        }
    }

    pub(crate) fn listen(&self, listener: Listener) {
        self.events.0.write().unwrap_or_else(PoisonError::into_inner).push(listener);
    }

    pub(crate) fn set_picker(&self, picker: Picker) {
        *self.picker.write().unwrap_or_else(PoisonError::into_inner) = Some(picker);
    }

    /// What the person picks in the system's dialog; none where there is no dialog.
    pub(crate) fn pick_files(&self) -> Option<Vec<PathBuf>> {
        self.picker.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(|pick| pick())
    }

    pub(crate) fn set_closer(&self, closer: Closer) {
        *self.closer.write().unwrap_or_else(PoisonError::into_inner) = Some(closer);
    }

    /// The window's answer, for whoever asked it to close.
    pub(crate) fn tell_closer(&self, close: bool) {
        if let Some(closer) = self.closer.read().unwrap_or_else(PoisonError::into_inner).as_ref() {
            closer(close);
        }
    }

    pub(crate) fn close(&self) {
        self.keep_timings();
        let open = self.slot.take();
        if let Some(runner) = open.as_ref().and_then(|open| open.runner.as_ref()) {
            runner.stop();
        }
    }

    /// Closes the profile and waits until nobody holds it any more: its files are free, its key is forgotten.
    pub(crate) fn close_whole(&self) {
        let open = self.slot.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        let gone = open.map(|open| open.gone.0.clone());
        self.close();
        if let Some(gone) = gone {
            let is_gone = gone.0.lock().unwrap_or_else(PoisonError::into_inner);
            let _too_long = gone.1.wait_timeout_while(is_gone, LEAVING, |gone| !*gone);
        }
    }

    pub(crate) fn locked(&self) -> bool {
        self.locked.load(Ordering::SeqCst)
    }

    pub(crate) fn set_locked(&self) {
        self.locked.store(true, Ordering::SeqCst);
    }

    pub(crate) fn signed_out(&self) -> Option<SignedOut> {
        self.signed_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn set_signed_out(&self, signed_out: Option<SignedOut>) {
        *self.signed_out.lock().unwrap_or_else(PoisonError::into_inner) = signed_out;
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.options.clock.now()
    }

    /// The date of work.
    pub(crate) fn date(&self) -> NaiveDate {
        self.options.clock.today()
    }

    /// The open profile.
    pub(crate) fn open(&self) -> Result<Arc<Open>> {
        match self.opened() {
            Some(open) => Ok(open),
            None if self.slot.revoked.load(Ordering::SeqCst) => Err(Error::Revoked),
            None if self.locked() => Err(Error::Locked),
            None => Err(Error::NoProfile),
        }
    }

    pub(crate) fn opened(&self) -> Option<Arc<Open>> {
        let open = self.slot.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        open.filter(|_| !self.slot.revoked.load(Ordering::SeqCst))
    }

    pub(crate) fn set_open(&self, open: Open) -> Arc<Open> {
        let open = Arc::new(open);
        self.locked.store(false, Ordering::SeqCst);
        self.slot.revoked.store(false, Ordering::SeqCst);
        *self.slot.open.write().unwrap_or_else(PoisonError::into_inner) = Some(open.clone());
        open
    }
}

impl Open {
    pub(crate) fn new(
        session: Session,
        mirror: Mirror,
        key: Key,
        notice: Option<String>,
        runner: Option<Runner>,
        maker: Option<Arc<Maker>>,
        events: Events,
    ) -> Open {
        Open { session, mirror, key, notice, runner, maker, events, gone: Gone::default() }
    }

    /// The person's role as the last sync brought it; a technician may have become a manager since the enrolment.
    pub(crate) fn role(&self) -> Role {
        let known = self.mirror.read(|read| Ok::<_, Error>(read.profile()?));
        known.ok().flatten().and_then(|profile| profile.role.parse().ok()).unwrap_or(self.session.role)
    }

    /// Reads at one point in time.
    pub(crate) fn read<T>(&self, act: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        self.mirror.read(|read| act(&View::new(read)))
    }

    /// Saves, tells the screens, and has it sent before long.
    pub(crate) fn write<T>(
        &self,
        now: DateTime<Utc>,
        act: impl FnOnce(&mut WriteTx<'_, '_>) -> Result<T>,
    ) -> Result<T> {
        let (value, changed) = self.mirror.write(now, act)?;
        self.events.changed(&changed);
        match &self.runner {
            Some(runner) => runner.nudge(),
            None => self.events.tell(&Event::Sync { status: status::assemble(&self.mirror, None, false, now)? }),
        }
        Ok(value)
    }

    /// Changes fields of one row.
    pub(crate) fn change(
        &self,
        now: DateTime<Utc>,
        entity: Entity,
        row: Uuid,
        root: Uuid,
        fields: Value,
    ) -> Result<()> {
        let Value::Object(fields) = fields else { return Err(Error::Bug("fields that are no object")) };
        self.write(now, |write| Ok(write.update(entity, row, root, fields).map(drop)?))
    }
}
