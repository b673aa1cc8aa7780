use std::path::PathBuf;

use clara_domain::mirror::Entity;
use clara_sync::Changed;
use rusqlite::Connection;

use crate::entropy::Entropy;
use crate::error::MirrorError;
use crate::mirror::{Inner, Writer};
use crate::spool::Frame;

/// One write transaction in the making: the database's and, beside it, what goes to the spool and to files.
pub(crate) struct Tx<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) inner: &'a Inner,
    pub(crate) entropy: &'a mut dyn Entropy,
    /// The spool segment that this transaction's frames go to.
    pub(crate) segment: u64,
    pub(crate) frames: Vec<Frame>,
    pub(crate) changed: Changed,
    /// Removed again if the transaction does not commit.
    pub(crate) files_made: Vec<PathBuf>,
    /// Removed once it has committed.
    pub(crate) files_unneeded: Vec<PathBuf>,
}

impl Tx<'_> {
    pub(crate) fn touched(&mut self, entity: Entity) {
        self.changed.entities.insert(entity);
        self.changed.rows += 1;
    }
}

/// Runs `act` in one transaction. What it appended to the spool is durable before the commit; if the commit fails, it is
/// taken out again, so that nothing is sent later of which the person was told that it was not saved.
pub(crate) fn transact<T, E: From<MirrorError>>(
    inner: &Inner,
    writer: &mut Writer,
    act: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<(T, Changed), E> {
    if writer.stopped {
        return Err(MirrorError::Stopped.into());
    }
    inner.ballast.release_if_low(&inner.folder);
    let Writer { connection, spool, entropy, stopped } = writer;
    let connection: &Connection = connection;
    let segment = spool.prepare(
        || crate::table::profile::heading(connection),
        || crate::draft::open_frames(connection),
        entropy.as_mut(),
    )?;
    let transaction = rusqlite::Transaction::new_unchecked(connection, rusqlite::TransactionBehavior::Immediate)
        .map_err(MirrorError::from)?;
    let mut tx = Tx {
        connection: &transaction,
        inner,
        entropy: entropy.as_mut(),
        segment,
        frames: Vec::new(),
        changed: Changed::default(),
        files_made: Vec::new(),
        files_unneeded: Vec::new(),
    };
    let acted = act(&mut tx);
    let Tx { frames, changed, files_made, files_unneeded, .. } = tx;
    let committed = acted.and_then(|value| {
        let marks = if frames.is_empty() { None } else { Some(spool.append(&frames, entropy.as_mut())?) };
        if let Err(error) = transaction.commit() {
            if let Some(marks) = marks {
                *stopped = spool.take_back(marks).is_err();
            }
            return Err(MirrorError::from(error).into());
        }
        Ok(value)
    });
    let useless = if committed.is_ok() { files_unneeded } else { files_made };
    for file in useless {
        // What cannot be removed now has no row and goes with the sweep at the next start.
        let _ = std::fs::remove_file(file);
    }
    committed.map(|value| (value, changed))
}
