//! Work goes up: batch by batch, each with its receipts.

use clara_domain::DeviceId;
use clara_domain::operation::{MAX_BATCH_BYTES, MAX_BATCH_OPS};

use crate::central::Central;
use crate::engine::Environment;
use crate::replica::Replica;
use crate::report::{Progress, SyncError, SyncReport};

pub(crate) async fn push_all<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    loop {
        if env.stopped() {
            return Err(SyncError::Stopped);
        }
        let batch = replica.take_batch(MAX_BATCH_OPS, MAX_BATCH_BYTES)?;
        if batch.is_empty() {
            return Ok(());
        }
        env.progress(Progress::Sending { operations: u32::try_from(batch.len()).unwrap_or(u32::MAX) });
        let ids: Vec<_> = batch.iter().map(|operation| operation.op_id).collect();
        let receipts = match central.push(device, &batch).await {
            Ok(receipts) => receipts,
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
        report.changed.join(replica.settle(&receipts, env.now())?);
        // An operation without a receipt is not known to have arrived. Asking again at once could go on for ever.
        let silent: Vec<_> =
            ids.iter().copied().filter(|id| !receipts.iter().any(|receipt| receipt.op_id == *id)).collect();
        if !silent.is_empty() {
            replica.put_back(&silent)?;
            return Err(crate::CentralError::Refused {
                code: "no_receipt".into(),
                message: format!("{} operations got no receipt", silent.len()),
            }
            .into());
        }
    }
}
