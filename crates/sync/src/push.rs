//! Work goes up: batch by batch, each with its receipts.

use clara_domain::DeviceId;
use clara_domain::operation::{MAX_BATCH_BYTES, MAX_BATCH_OPS};

use crate::central::{Central, CentralError};
use crate::engine::Environment;
use crate::replica::Replica;
use crate::report::{Progress, SyncError, SyncReport};

/// A batch that had to wait for somebody else's lock goes again in parts of this share, and those in parts of theirs:
/// of a hundred, ten, and of those, one. Each part that waits costs the server's patience for locks.
const PART: usize = 10;
/// Saves that are found to wait in one sync. Where more do, somebody changes everything, and it is for later.
const WAITING: usize = 5;

pub(crate) async fn push_all<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let (mut size, mut waiting) = (MAX_BATCH_OPS, 0);
    while waiting < WAITING {
        if env.stopped() {
            return Err(SyncError::Stopped);
        }
        let batch = replica.take_batch(size, MAX_BATCH_BYTES)?;
        if batch.is_empty() {
            return Ok(());
        }
        env.progress(Progress::Sending { operations: u32::try_from(batch.len()).unwrap_or(u32::MAX) });
        let ids: Vec<_> = batch.iter().map(|operation| operation.op_id).collect();
        let receipts = match central.push(device, &batch).await {
            Ok(receipts) => receipts,
            // Somebody has locked one row for who knows how long. Only what belongs to it may wait: it stays in flight
            // to the end of this sync, so that nothing that depends on it is taken before it, and all else goes on.
            Err(error) if holds_up_only_some(&error) => {
                // A batch of one may be several operations: those of one save, which wait together.
                if size == 1 || ids.len() == 1 {
                    waiting += 1;
                    report.waiting.extend(ids);
                    report.error = Some(error.into());
                    size = MAX_BATCH_OPS;
                } else {
                    replica.put_back(&ids)?;
                    size = size.min(ids.len()).div_ceil(PART);
                }
                continue;
            }
            Err(error) => {
                // Perhaps it took effect and only the answer was lost: the same ids go again, the ledger knows.
                replica.put_back(&ids)?;
                return Err(error.into());
            }
        };
        for receipt in &receipts {
            if receipt.duplicate {
                report.duplicates += 1;
            } else {
                report.count(receipt.outcome);
            }
        }
        report.changed.join(replica.settle(&receipts, env.now() + report.clock_behind)?);
        size = size.saturating_mul(2).min(MAX_BATCH_OPS);
        // An operation without a receipt is not known to have arrived. Asking again at once could go on for ever.
        let silent: Vec<_> =
            ids.iter().copied().filter(|id| !receipts.iter().any(|receipt| receipt.op_id == *id)).collect();
        if !silent.is_empty() {
            replica.put_back(&silent)?;
            return Err(CentralError::Refused {
                code: "no_receipt".into(),
                message: format!("{} operations got no receipt", silent.len()),
            }
            .into());
        }
    }
    Ok(())
}

/// Whether the server undid a batch because of one of its rows: a lock that was not to be had, a statement that waited
/// too long, a deadlock. Of a server without room, less work in one piece is no cure.
fn holds_up_only_some(error: &CentralError) -> bool {
    matches!(error, CentralError::Busy(code) if matches!(code.as_str(), "55P03" | "57014" | "40P01" | "40001"))
}
