//! The real mirror, with a saboteur at every step.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Outcome, Receipt};
use clara_domain::row::Row;
use clara_domain::{OpId, PhotoId};
use clara_local::Mirror;
use clara_sync::{
    Bucket, Changed, Cursor, Hello, PendingPhoto, Pull, Repair, Replica, ReplicaError, ReplicaState, RowKey,
};
use uuid::Uuid;

use crate::control::Control;
use crate::fault::{Plan, SharedFate, StepFault, lock};
use crate::folder;

/// The mirror as one sync has it.
pub struct Rig {
    /// The real one.
    pub mirror: Mirror,
    /// Its folder.
    pub folder: PathBuf,
    /// What goes wrong.
    pub plan: Plan,
    /// How it fared.
    pub fate: SharedFate,
    /// What is broken on purpose.
    pub broken: Option<Control>,
    /// Steps done.
    pub step: u32,
}

fn ended() -> ReplicaError {
    ReplicaError::Other("the program has ended".to_owned())
}

impl Rig {
    fn run<T>(&mut self, act: impl FnOnce(&mut Mirror) -> Result<T, ReplicaError>) -> Result<T, ReplicaError> {
        self.step += 1;
        if lock(&self.fate).crashed {
            return Err(ended());
        }
        let fault = self.plan.steps.iter().find(|(at, _)| *at == self.step).map(|(_, fault)| *fault);
        if let Some(fault) = fault {
            lock(&self.fate).met.push(fault.kind());
        }
        match fault {
            Some(StepFault::Before) => {
                lock(&self.fate).crashed = true;
                return Err(ended());
            }
            Some(StepFault::DiskFull) => return Err(ReplicaError::DiskFull),
            Some(StepFault::Torn) => folder::set_database_aside(&self.folder),
            _ => {}
        }
        let done = act(&mut self.mirror);
        if matches!(fault, Some(StepFault::After | StepFault::Torn)) {
            let mut fate = lock(&self.fate);
            fate.crashed = true;
            fate.torn = fault == Some(StepFault::Torn);
            return Err(ended());
        }
        done
    }

    fn is_broken(&self, control: Control) -> bool {
        self.broken == Some(control)
    }
}

impl Replica for Rig {
    fn state(&mut self) -> Result<ReplicaState, ReplicaError> {
        self.run(|mirror| mirror.state())
    }

    fn meet(&mut self, hello: &Hello, laptop_now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.meet(hello, laptop_now))
    }

    fn begin_first_sync(&mut self, from: &Cursor) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.begin_first_sync(from))
    }

    fn apply_page(&mut self, entity: Entity, rows: &[Row], last: bool) -> Result<Changed, ReplicaError> {
        self.run(|mirror| mirror.apply_page(entity, rows, last))
    }

    fn index_catalogue(&mut self) -> Result<Option<u64>, ReplicaError> {
        self.run(|mirror| mirror.index_catalogue())
    }

    fn end_first_sync(&mut self) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.end_first_sync())
    }

    fn apply_pull(&mut self, pull: &Pull) -> Result<Changed, ReplicaError> {
        if self.is_broken(Control::CursorFirst) {
            let nothing = Pull { granted: vec![], revoked: vec![], rows: vec![], tombstones: vec![], ..pull.clone() };
            self.run(|mirror| mirror.apply_pull(&nothing))?;
            // Between the two is where it hurts, so a crash of this sync comes here.
            if self.plan.steps.iter().any(|(_, fault)| *fault != StepFault::DiskFull) {
                lock(&self.fate).crashed = true;
                return Err(ended());
            }
        }
        self.run(|mirror| mirror.apply_pull(pull))
    }

    fn take_batch(&mut self, max_operations: usize, max_bytes: usize) -> Result<Vec<Operation>, ReplicaError> {
        let control = self.broken;
        self.run(|mirror| {
            if control == Some(Control::OneQueue) {
                let stuck = mirror.read::<_, clara_local::MirrorError>(|read| {
                    Ok(!read.outbox_in(clara_local::OpState::Rejected)?.is_empty())
                });
                if stuck.unwrap_or(false) {
                    return Ok(Vec::new());
                }
            }
            let batch = mirror.take_batch(max_operations, max_bytes)?;
            if control == Some(Control::OutboxEmptiedAtSend) {
                let done: Vec<Receipt> = batch.iter().map(done_at_send).collect();
                let now = batch.first().map_or_else(DateTime::<Utc>::default, |operation| operation.local_at);
                mirror.settle(&done, now)?;
            }
            Ok(batch)
        })
    }

    fn settle(&mut self, receipts: &[Receipt], now: DateTime<Utc>) -> Result<Changed, ReplicaError> {
        self.run(|mirror| mirror.settle(receipts, now))
    }

    fn put_back(&mut self, operations: &[OpId]) -> Result<(), ReplicaError> {
        if self.is_broken(Control::NeverPutBack) {
            return Ok(());
        }
        self.run(|mirror| mirror.put_back(operations))
    }

    fn put_back_all(&mut self) -> Result<u32, ReplicaError> {
        if self.is_broken(Control::NeverPutBack) {
            return Ok(0);
        }
        self.run(|mirror| mirror.put_back_all())
    }

    fn begin_reconcile(&mut self, known_seq: i64) -> Result<u32, ReplicaError> {
        self.run(|mirror| mirror.begin_reconcile(known_seq))
    }

    fn end_reconcile(&mut self, cursor: &Cursor, now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.end_reconcile(cursor, now))
    }

    fn next_photo(&mut self, skip: &[PhotoId]) -> Result<Option<PendingPhoto>, ReplicaError> {
        self.run(|mirror| mirror.next_photo(skip))
    }

    fn photo_chunk(&mut self, photo: PhotoId, number: i32) -> Result<Vec<u8>, ReplicaError> {
        self.run(|mirror| mirror.photo_chunk(photo, number))
    }

    fn photo_stored(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.photo_stored(photo))
    }

    fn photo_unwanted(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.photo_unwanted(photo))
    }

    fn photo_damaged(&mut self, photo: PhotoId) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.photo_damaged(photo))
    }

    fn buckets(&mut self, entity: Entity) -> Result<Vec<Bucket>, ReplicaError> {
        self.run(|mirror| mirror.buckets(entity))
    }

    fn bucket_keys(&mut self, entity: Entity, buckets: &[i16]) -> Result<Vec<RowKey>, ReplicaError> {
        self.run(|mirror| mirror.bucket_keys(entity, buckets))
    }

    fn repair(&mut self, entity: Entity, rows: &[Row], gone: &[Uuid]) -> Result<Changed, ReplicaError> {
        self.run(|mirror| mirror.repair(entity, rows, gone))
    }

    fn audited(&mut self, repairs: &[Repair], now: DateTime<Utc>) -> Result<(), ReplicaError> {
        self.run(|mirror| mirror.audited(repairs, now))
    }
}

fn done_at_send(operation: &Operation) -> Receipt {
    Receipt {
        op_id: operation.op_id,
        outcome: Outcome::Applied,
        duplicate: false,
        row_ver: None,
        applied_xid: None,
        code: None,
        field: None,
        message: None,
        conflicts: Vec::new(),
    }
}
