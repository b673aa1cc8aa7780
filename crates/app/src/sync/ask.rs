use clara_contract::Empty;
use clara_contract::sync::{Checked, HoldPhotos, ListWork, SyncStatus, WorkList, WorkOffline};
use clara_domain::mirror::TABLES;
use clara_domain::operation::Operation;
use clara_sync::{Replica, SyncError};

use super::compare::Compared;
use super::{runner, status, work};
use crate::app::{Core, Open};
use crate::error::{Error, Result, Rule};

impl Core {
    /// The light.
    pub(crate) fn sync_status(&self, _request: Empty) -> Result<SyncStatus> {
        self.status()
    }

    pub(crate) fn status(&self) -> Result<SyncStatus> {
        let open = self.open()?;
        match open.runner.as_ref().map(runner::Runner::light) {
            Some((light, offline)) => status::assemble(&open.mirror, Some(&light), offline, self.now()),
            None => status::assemble(&open.mirror, None, false, self.now()),
        }
    }

    /// Syncs now and waits for the end of it; how it went is in the answer.
    pub(crate) fn sync_now(&self, _request: Empty) -> Result<SyncStatus> {
        let open = self.open()?;
        let runner = online(&open)?;
        self.keep_timings();
        runner.sync(false)?;
        self.status()
    }

    /// Off the network, or on it again.
    pub(crate) fn work_offline(&self, request: WorkOffline) -> Result<SyncStatus> {
        let open = self.open()?;
        let runner = open.runner.as_ref().ok_or(Error::NotAllowed(Rule::Demo))?;
        open.mirror
            .write(self.now(), |write| Ok::<_, Error>(write.set_setting(super::OFFLINE, &request.offline.into())?))?;
        runner.set_offline(request.offline);
        self.status()
    }

    /// Stops the photos, or sends them.
    pub(crate) fn hold_photos(&self, request: HoldPhotos) -> Result<SyncStatus> {
        let open = self.open()?;
        open.runner.as_ref().ok_or(Error::NotAllowed(Rule::Demo))?.hold_photos(request.hold);
        self.status()
    }

    /// Compares both sides row by row and puts right what differs.
    pub(crate) fn check_server(&self, _request: Empty) -> Result<Checked> {
        let open = self.open()?;
        let done = online(&open)?.sync(true)?;
        if let Some(problem) = done.problem {
            return Err(Error::Told(problem));
        }
        let mut mirror = open.mirror.clone();
        let mut rows = 0_i64;
        for table in TABLES {
            let buckets = mirror.buckets(table.entity).map_err(|error| Error::Sync(SyncError::Replica(error)))?;
            rows += buckets.iter().map(|bucket| bucket.count).sum::<i64>();
        }
        let repairs = done.repairs.unwrap_or_default();
        Ok(Checked {
            tables: u32::try_from(TABLES.len()).unwrap_or(u32::MAX),
            rows: u32::try_from(rows).unwrap_or(u32::MAX),
            repairs: repairs.iter().map(|r| (r.entity.name().to_owned(), r.refetched, r.purged)).collect(),
        })
    }

    /// Both sides row by row, with nothing put right.
    pub(crate) fn compare_with_server(&self) -> Result<Vec<Compared>> {
        online(&*self.open()?)?.compare()
    }

    /// Operations that the server has not confirmed.
    pub(crate) fn unsent_operations(&self) -> Result<Vec<Operation>> {
        self.keep_timings();
        self.open()?.read(|view| Ok(view.read.unsent_operations()?))
    }

    /// What exists only here, and what needs a person.
    pub(crate) fn list_work(&self, request: ListWork) -> Result<WorkList> {
        self.open()?.read(|view| work::list(view, work::Page::of(request.limit, request.also)))
    }
}

fn online(open: &Open) -> Result<&runner::Runner> {
    let runner = open.runner.as_ref().ok_or(Error::NotAllowed(Rule::Demo))?;
    if runner.light().1 {
        return Err(Error::NotAllowed(Rule::Offline));
    }
    Ok(runner)
}
