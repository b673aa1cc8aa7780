use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use chrono::{DateTime, Utc};
use rusqlite::Connection;
use serde::Serialize;

use crate::ballast::Ballast;
use crate::entropy::{Entropy, OsEntropy};
use crate::error::{MirrorError, OpenError};
use crate::integrity::Depth;
use crate::key::DataKey;
use crate::lock::{ProfileLock, lock};
use crate::mirror::{Inner, Mirror, Readers, Writer};
use crate::photo_file::PhotoFiles;
use crate::prune;
use crate::rebuild::{self, Rebuilt};
use crate::reconcile;
use crate::saving::Saving;
use crate::settings::{self, Shape, Use};
use crate::spool::{self, BadFrame, Spool};
use crate::{backup, files, integrity, migrate, seal};

/// What can be chosen when a profile is opened; the default is what the app uses.
pub struct Options {
    /// Space kept in hand for a full disk.
    pub ballast_bytes: u64,
    /// Below this much free space the ballast goes and photos are refused.
    pub low_space_bytes: u64,
    /// A spool segment is closed once it is longer.
    pub segment_bytes: u64,
    /// Connections that read at the same time. With none, the one that writes reads too, in turn with the writing: for a
    /// program that does one thing at a time.
    pub readers: usize,
    /// Whether the structure of the database is looked at before it is used. Only where its pages cannot have been
    /// damaged may that be left out.
    pub look_at_start: bool,
    /// Whether the log is written back when the profile is closed. Without it, what a close leaves behind is what a kill
    /// would leave.
    pub tidy_close: bool,
    /// Where random bytes come from.
    pub entropy: Box<dyn Entropy>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ballast_bytes: 64 << 20,
            low_space_bytes: 96 << 20,
            segment_bytes: 8 << 20,
            readers: 4,
            look_at_start: true,
            tidy_close: true,
            entropy: Box::new(OsEntropy),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Options(..)")
    }
}

/// What opening found and did.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct OpenReport {
    /// There was no profile in the folder.
    pub created: bool,
    /// The database was damaged: it was kept aside and a new one was made from the spool. The rest comes with the next
    /// sync.
    pub rebuilt: Option<Rebuilt>,
    /// The database was an older copy: operations and drafts of which the spool knew more.
    pub caught_up: Option<(u32, u32)>,
    /// Saves that a crash had left in one of the two copies only, now in both.
    pub taken_over: u32,
    /// Places in the spool that could not be read.
    pub bad_frames: Vec<BadFrame>,
    /// Photo files without a row, removed.
    pub orphans_removed: u64,
    /// Photos whose file is missing; the person is asked to take them again.
    pub photos_missing: u32,
    /// The schema version the database came from, where it was migrated.
    pub migrated_from: Option<i64>,
}

/// An opened profile.
#[derive(Debug)]
pub struct Opened {
    /// The profile.
    pub mirror: Mirror,
    /// What happened on the way.
    pub report: OpenReport,
}

enum Found {
    Whole(Connection),
    Damaged,
}

impl Mirror {
    /// Opens the profile in a folder, or makes a new one there.
    ///
    /// # Errors
    /// See [`OpenError`]; no file is deleted in any case.
    pub fn open(folder: &Path, key: &DataKey, now: DateTime<Utc>) -> Result<Opened, OpenError> {
        Self::open_with(folder, key, now, Options::default())
    }

    /// The same with chosen options.
    ///
    /// # Errors
    /// As [`Mirror::open`].
    pub fn open_with(folder: &Path, key: &DataKey, now: DateTime<Utc>, options: Options) -> Result<Opened, OpenError> {
        make_private(folder)?;
        let held = lock(folder)?;
        Self::open_held(held, folder, key, now, options)
    }

    pub(crate) fn open_held(
        held: ProfileLock,
        folder: &Path,
        key: &DataKey,
        now: DateTime<Utc>,
        mut options: Options,
    ) -> Result<Opened, OpenError> {
        let path = folder.join("mirror.db");
        let shape = Shape { alone: options.readers == 0 };
        let mut report = OpenReport { created: !path.exists(), ..OpenReport::default() };
        if report.created && key_check_fits(folder, key) == Some(false) && spool::key_fits(folder, key)? != Some(true) {
            // The database is gone, but what else is here has another key.
            return Err(OpenError::WrongKey);
        }
        if report.created && path.with_extension("db-wal").exists() {
            // A start was killed while it set a ruined database aside. SQLite would delete a log without its database.
            keep_aside(folder, &path, now)?;
        }
        let found = if report.created {
            Found::Whole(settings::connect_shaped(&path, key, shape)?)
        } else {
            look(folder, &path, key, shape, options.look_at_start)?
        };
        let (connection, aside) = match found {
            Found::Whole(connection) => (connection, None),
            Found::Damaged => {
                let aside = keep_aside(folder, &path, now)?;
                (settings::connect_shaped(&path, key, shape)?, Some(aside))
            }
        };
        integrity::doubt_no_more(folder)?;
        let version = migrate::version(&connection)?;
        settings::settle(&connection, Use::Writing)?;
        if version < migrate::newest() {
            if version > 0 {
                backup::before_migration(&connection, folder, version, now)?;
                report.migrated_from = Some(version);
            }
            migrate::run(&connection, version)?;
        }
        put_key_check(folder, key, options.entropy.as_mut())?;

        let photos = PhotoFiles::open(folder, key)?;
        let mut spool = Spool::open(folder, key, options.segment_bytes)?;
        // A new database beside an old spool: the other one was damaged, lost, or a crash came before this was done.
        if rebuild::is_unread(&connection)? {
            let contents = spool::read_all(folder, key)?;
            report.bad_frames.clone_from(&contents.bad);
            let empty = contents.operations.is_empty() && contents.drafts.is_empty() && contents.bad.is_empty();
            let rebuilt = rebuild::from_spool(&connection, contents, &photos, aside)?;
            report.rebuilt = (!empty || rebuilt.aside.is_some()).then_some(rebuilt);
        } else {
            let reconciled = reconcile::reconcile(&connection, &mut spool, &photos, options.entropy.as_mut())?;
            (report.taken_over, report.bad_frames) = (reconciled.taken_over, reconciled.bad);
            report.caught_up = reconciled.caught_up;
        }
        reconcile::after_crash(&connection)?;
        prune::prune(&connection, &spool, now)?;
        (report.orphans_removed, report.photos_missing) =
            prune::sweep_photos(&connection, &photos, report.rebuilt.is_some() || report.caught_up.is_some())?;

        let ballast = Ballast::new(folder, options.ballast_bytes, options.low_space_bytes);
        if ballast.load().is_err() {
            tracing::warn!("there is no room for the ballast");
        }
        settings::set_tidy_close(&connection, options.tidy_close)?;
        let writer = Writer { connection, spool, entropy: options.entropy, stopped: false };
        let inner = Inner {
            writer: Mutex::new(writer),
            saving: Saving::default(),
            readers: Readers::new(path, key.clone(), options.readers, shape, options.tidy_close),
            folder: folder.to_owned(),
            photos,
            ballast,
            _lock: held,
        };
        let mirror = Mirror { inner: Arc::new(inner) };
        // A program that was killed while it built the search index left it unfinished.
        mirror.finish_search()?;
        Ok(Opened { mirror, report })
    }
}

pub(crate) fn make_private(folder: &Path) -> Result<(), OpenError> {
    files::make_folder(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// Opens an existing database. A wrong key and a damaged first page look the same to SQLCipher: the key check, or a
/// frame of the spool, tells them apart, and without either the database is left alone.
fn look(folder: &Path, path: &Path, key: &DataKey, shape: Shape, structure: bool) -> Result<Found, OpenError> {
    let damaged = |error: OpenError| match error {
        OpenError::Mirror(MirrorError::Damaged(_)) if key_is_right(folder, key)? => Ok(Found::Damaged),
        OpenError::Mirror(MirrorError::Damaged(_)) => Err(OpenError::WrongKey),
        other => Err(other),
    };
    let connection = match settings::connect_shaped(path, key, shape) {
        Ok(connection) => connection,
        Err(error) => return damaged(error),
    };
    if let Err(error) = migrate::version(&connection) {
        return damaged(error);
    }
    let depth = integrity::depth_at_start(folder);
    if depth == Depth::Quick && !structure {
        return Ok(Found::Whole(connection));
    }
    match integrity::is_whole(&connection, depth) {
        Ok(true) => Ok(Found::Whole(connection)),
        Ok(false) => Ok(Found::Damaged),
        Err(error) => damaged(error.into()),
    }
}

const KEY_CHECK: &[u8] = b"clara field key check 1";

fn key_check_path(folder: &Path) -> PathBuf {
    folder.join("key-check")
}

fn put_key_check(folder: &Path, key: &DataKey, entropy: &mut dyn Entropy) -> Result<(), OpenError> {
    if key_check_fits(folder, key) == Some(true) {
        return Ok(());
    }
    let mut nonce = [0; seal::NONCE];
    entropy.fill(&mut nonce)?;
    let sealed = seal::seal(&key.derive("key check"), nonce, KEY_CHECK, KEY_CHECK)
        .map_err(|_| MirrorError::Unreadable("the key check"))?;
    Ok(files::write_whole(&key_check_path(folder), &sealed)?)
}

fn key_check_fits(folder: &Path, key: &DataKey) -> Option<bool> {
    let sealed = std::fs::read(key_check_path(folder)).ok()?;
    Some(seal::open(&key.derive("key check"), KEY_CHECK, &sealed).is_ok())
}

fn key_is_right(folder: &Path, key: &DataKey) -> Result<bool, OpenError> {
    if key_check_fits(folder, key) == Some(true) {
        return Ok(true);
    }
    Ok(spool::key_fits(folder, key)? == Some(true))
}

/// Moves the database and what belongs to it out of the way. Nothing is deleted: somebody may still get something out.
pub(crate) fn keep_aside(folder: &Path, path: &Path, now: DateTime<Utc>) -> Result<PathBuf, OpenError> {
    let to = folder.join("aside");
    files::make_folder(&to)?;
    let stamp = now.format("%Y%m%dT%H%M%S%.3fZ").to_string();
    let kept = to.join(format!("mirror-{stamp}.db"));
    for suffix in ["", "-wal", "-shm"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        match std::fs::rename(with(path), with(&kept)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    files::sync_folder(&to)?;
    files::sync_folder(folder)?;
    Ok(kept)
}
