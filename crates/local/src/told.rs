//! What the frames of the spool add up to.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use clara_domain::operation::{OpKind, Operation, Receipt};
use clara_domain::{DeviceId, InspectionId, OpId, PhotoId, UserId};
use uuid::Uuid;

use crate::hand_over;
use crate::outbox::{Entry, OpState};
use crate::spool::{Contents, DraftFrame, Frame, PhotoFrame};
use crate::table::profile::Profile;

/// What the frames add up to.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) profile: Option<Profile>,
    pub(crate) operations: BTreeMap<OpId, (Operation, Option<Uuid>, bool, u64)>,
    pub(crate) receipts: BTreeMap<OpId, (Receipt, DateTime<Utc>)>,
    pub(crate) withdrawn: BTreeSet<OpId>,
    /// Refused operations that were given to the office, by the operation that says so.
    handed_over: BTreeMap<OpId, OpId>,
    pub(crate) photos: BTreeMap<PhotoId, (PhotoFrame, u64)>,
    pub(crate) stored: BTreeSet<PhotoId>,
    pub(crate) drafts: BTreeMap<InspectionId, DraftFrame>,
    pub(crate) removed: BTreeSet<InspectionId>,
    /// Part of a lane could not be read: what its last readable frame says of something may not be the last word.
    pub(crate) operations_damaged: bool,
    pub(crate) drafts_damaged: bool,
}

impl Told {
    pub(crate) fn by(contents: Contents) -> Self {
        let damaged = |lane: &str| contents.bad.iter().any(|bad| bad.segment.starts_with(lane));
        let mut told =
            Self { operations_damaged: damaged("operations"), drafts_damaged: damaged("drafts"), ..Self::default() };
        for (segment, frame) in contents.operations {
            match frame {
                Frame::Profile(frame) => {
                    told.profile = Some(Profile {
                        device: DeviceId(frame.device_id),
                        user: UserId(frame.user_id),
                        role: frame.role,
                    });
                }
                Frame::Operation { operation, location_id, sealed } => {
                    if let Some(about) = hand_over::about(&operation) {
                        told.handed_over.insert(about, operation.op_id);
                    }
                    // Written again, it waits for an answer again: a server that was put back has forgotten its own.
                    told.receipts.remove(&operation.op_id);
                    told.operations.insert(operation.op_id, (operation, location_id, sealed, segment));
                }
                Frame::Receipt { receipt, at } => {
                    told.receipts.insert(receipt.op_id, (receipt, at));
                }
                Frame::Withdrawn { op_id } => {
                    told.withdrawn.insert(op_id);
                }
                Frame::Photo(photo) => {
                    told.stored.remove(&photo.photo_id);
                    told.photos.insert(photo.photo_id, (photo, segment));
                }
                Frame::PhotoStored { photo_id } => {
                    told.stored.insert(photo_id);
                }
                Frame::Draft(_) | Frame::DraftRemoved { .. } => {}
            }
        }
        for frame in contents.drafts {
            match frame {
                Frame::Draft(draft) => {
                    told.removed.remove(&draft.id);
                    told.drafts.insert(draft.id, draft);
                }
                Frame::DraftRemoved { id } => {
                    told.drafts.remove(&id);
                    told.removed.insert(id);
                }
                _ => {}
            }
        }
        told
    }

    /// Drafts that were neither thrown away nor completed. The removal of a completed one may not have reached the disk;
    /// the operation it became has.
    pub(crate) fn open_drafts(&self) -> impl Iterator<Item = &DraftFrame> {
        let made: BTreeSet<Uuid> = self
            .operations
            .values()
            .filter(|(operation, ..)| operation.kind == OpKind::Insert)
            .map(|(operation, ..)| operation.row_id)
            .collect();
        self.drafts.values().filter(move |draft| !made.contains(&draft.id.uuid()))
    }

    fn is_handed_over(&self, op_id: OpId) -> bool {
        let office_has_it = |by| self.receipts.get(by).is_some_and(|(receipt, _)| hand_over::office_has_it(receipt));
        self.handed_over.get(&op_id).is_some_and(|by| !self.withdrawn.contains(by) || office_has_it(by))
    }

    pub(crate) fn entry(&self, op_id: OpId) -> Option<(Entry, u64)> {
        let (operation, location_id, sealed, segment) = self.operations.get(&op_id)?.clone();
        let receipt = self.receipts.get(&op_id);
        let state = match receipt {
            _ if self.withdrawn.contains(&op_id) => OpState::Withdrawn,
            Some((receipt, _)) => match crate::settle::state_after(receipt.outcome) {
                OpState::Rejected if self.is_handed_over(op_id) => OpState::Parked,
                state => state,
            },
            None => OpState::Pending,
        };
        let overlaid = operation.entity.table().is_some() && !sealed && state.is_unsent();
        let entry = Entry {
            operation,
            location_id,
            state,
            overlaid,
            sealed,
            // It may have been sent: only what is known never to have been may still be altered.
            attempts: 1,
            applied_xid: receipt.and_then(|(receipt, _)| receipt.applied_xid.clone()),
            receipted_at: receipt.map(|(_, at)| *at),
            receipt: receipt.map(|(receipt, _)| receipt.clone()),
        };
        Some((entry, segment))
    }
}
