use chrono::{DateTime, Utc};
use clara_contract::backups::{RestoreBackup, RestoredBackup};
use clara_contract::sync::SavedFile;
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::operation::Operation;
use clara_local::{DataKey, Mirror};
use clara_sync::Changed;

use super::list::{copies, name};
use crate::app::{Core, Open};
use crate::error::{Error, Result};

impl Core {
    /// Brings a copy back: what is there now is set aside, what was saved since is taken over, and the next sync brings
    /// the rest.
    pub(crate) fn restore_backup(&self, request: RestoreBackup) -> Result<RestoredBackup> {
        let _one_at_a_time = self.opening.lock();
        let (folder, profile, key, copy) = {
            let open = self.open()?;
            // By its name in the list, so that no path comes from the window.
            let copy = copies(&open)?.into_iter().find(|copy| copy.backup.name == request.name);
            let (folder, profile) = self.current(&open)?;
            (folder, profile, open.key.clone(), copy.ok_or(Error::NotHere("copy"))?)
        };
        self.close_whole();
        let data_key = DataKey::from_bytes(*key.bytes());
        let restored = Mirror::restore_backup(&folder.mirror(), &data_key, &copy.path, self.now());
        let restored = restored.map(|(opened, restored)| {
            drop(opened);
            restored
        });
        // Whatever came of it, the person's work is open again.
        let open = self.open_profile(&folder, &profile, key)?;
        let restored = restored?;
        self.events
            .changed(&Changed { entities: TABLES.iter().map(|table| table.entity).collect(), ..Changed::default() });
        Ok(RestoredBackup {
            session: self.refreshed(&open),
            set_aside: restored.set_aside.map(|path| SavedFile { name: name(&path), path: path.display().to_string() }),
            operations: saved_since(&open, &copy.backup.taken_at)?,
            drafts: restored.drafts_taken_over,
            taken_at: copy.backup.taken_at,
        })
    }
}

/// A person's own changes of after the copy that no server has: the app's timings and what was confirmed are not worth
/// a word here.
fn saved_since(open: &Open, taken_at: &str) -> Result<u32> {
    let Ok(taken_at) = taken_at.parse::<DateTime<Utc>>() else { return Ok(0) };
    let unsent = open.read(|view| Ok(view.read.unsent_operations()?))?;
    let mine =
        |operation: &&Operation| operation.entity != Entity::PerformanceMetrics && operation.local_at >= taken_at;
    Ok(u32::try_from(unsent.iter().filter(mine).count()).unwrap_or(u32::MAX))
}
