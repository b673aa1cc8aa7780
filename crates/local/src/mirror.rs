use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SubsecRound, Utc};
use clara_sync::Changed;
use rusqlite::Connection;

use crate::ballast::Ballast;
use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::key::DataKey;
use crate::lock::ProfileLock;
use crate::photo_file::PhotoFiles;
use crate::read::Read;
use crate::saving::{self, Saving, Writing};
use crate::settings::{self, Shape, Use};
use crate::spool::Spool;
use crate::tx::{Tx, transact};
use crate::write::WriteTx;

/// An open profile: the encrypted database, the spool, the photo files. Clones share it; one of them writes at a time,
/// several read. Calls block: not for an async thread.
#[derive(Clone)]
pub struct Mirror {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) writer: Mutex<Writer>,
    pub(crate) saving: Saving,
    pub(crate) readers: Readers,
    pub(crate) folder: PathBuf,
    pub(crate) photos: PhotoFiles,
    pub(crate) ballast: Ballast,
    /// Last: nothing may still be open when another process gets the lock.
    pub(crate) _lock: ProfileLock,
}

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    pub(crate) spool: Spool,
    pub(crate) entropy: Box<dyn Entropy>,
    /// The spool may hold something that the database refused; only opening again can tell.
    pub(crate) stopped: bool,
}

impl std::fmt::Debug for Mirror {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mirror(..)")
    }
}

impl Mirror {
    /// The one door for writing. All or nothing: mirror rows, operations, spool and photo files. When it returns, what
    /// was saved is durable, twice. Returns what the closure returned and which tables changed. Not to be called from
    /// inside itself: it would wait for itself.
    ///
    /// # Errors
    /// Whatever the closure returned, or [`MirrorError`] as the closure's error; then nothing was saved.
    pub fn write<T, E: From<MirrorError>>(
        &self,
        now: DateTime<Utc>,
        act: impl FnOnce(&mut WriteTx<'_, '_>) -> Result<T, E>,
    ) -> Result<(T, Changed), E> {
        // What the database keeps of a time; the spool must not keep more, or the two would seem to differ.
        let now = now.trunc_subsecs(6);
        self.transact(|tx| act(&mut WriteTx { tx, now }))
    }

    pub(crate) fn transact<T, E: From<MirrorError>>(
        &self,
        act: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
    ) -> Result<(T, Changed), E> {
        transact(&self.inner, &mut self.writer(), act)
    }

    pub(crate) fn writer(&self) -> Writing<'_> {
        saving::begin(&self.inner)
    }

    /// Reads at one point in time: all that the closure sees belongs together.
    ///
    /// # Errors
    /// Whatever the closure returned, or [`MirrorError`] as the closure's error.
    pub fn read<T, E: From<MirrorError>>(&self, act: impl FnOnce(&Read<'_>) -> Result<T, E>) -> Result<T, E> {
        let photos = &self.inner.photos;
        if self.inner.readers.limit == 0 {
            return at_once(&self.writer().connection, |connection| act(&Read { connection, photos }));
        }
        self.inner.readers.read(|connection| act(&Read { connection, photos }))
    }

    /// The profile's folder.
    pub fn folder(&self) -> &Path {
        &self.inner.folder
    }
}

/// Reads in one transaction, that is, at one point in time.
fn at_once<T, E: From<MirrorError>>(
    connection: &Connection,
    act: impl FnOnce(&Connection) -> Result<T, E>,
) -> Result<T, E> {
    let snapshot = connection.unchecked_transaction().map_err(MirrorError::from)?;
    let result = act(&snapshot)?;
    snapshot.finish().map_err(MirrorError::from)?;
    Ok(result)
}

/// Connections that only read, opened as they are needed.
pub(crate) struct Readers {
    path: PathBuf,
    pub(crate) key: DataKey,
    limit: usize,
    shape: Shape,
    tidy: bool,
    state: Mutex<Idle>,
    returned: Condvar,
}

struct Idle {
    connections: Vec<Connection>,
    opened: usize,
}

impl Readers {
    pub(crate) fn new(path: PathBuf, key: DataKey, limit: usize, shape: Shape, tidy: bool) -> Self {
        let state = Mutex::new(Idle { connections: Vec::new(), opened: 0 });
        Self { path, key, limit, shape, tidy, state, returned: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<Connection, MirrorError> {
        let mut idle = self.lock();
        loop {
            if let Some(connection) = idle.connections.pop() {
                return Ok(connection);
            }
            if idle.opened < self.limit {
                idle.opened += 1;
                drop(idle);
                return self.open().inspect_err(|_| {
                    self.lock().opened -= 1;
                    self.returned.notify_one();
                });
            }
            idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn open(&self) -> Result<Connection, MirrorError> {
        use crate::error::OpenError;
        let opened = settings::connect_shaped(&self.path, &self.key, self.shape).and_then(|connection| {
            settings::settle(&connection, Use::Reading)?;
            settings::set_tidy_close(&connection, self.tidy)?;
            Ok(connection)
        });
        opened.map_err(|error| match error {
            OpenError::Mirror(error) => error,
            OpenError::DiskFull => MirrorError::DiskFull,
            OpenError::Io(error) => MirrorError::Io(error),
            _ => MirrorError::Unreadable("a setting"),
        })
    }

    fn read<T, E: From<MirrorError>>(&self, act: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        /// Gives the connection back even where the closure panics.
        struct Lease<'a>(&'a Readers, Option<Connection>);
        impl Drop for Lease<'_> {
            fn drop(&mut self) {
                self.0.lock().connections.extend(self.1.take());
                self.0.returned.notify_one();
            }
        }
        let lease = Lease(self, Some(self.take()?));
        let Some(connection) = &lease.1 else { return Err(MirrorError::Stopped.into()) };
        at_once(connection, act)
    }
}
