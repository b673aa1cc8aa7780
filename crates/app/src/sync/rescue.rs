//! What a sync means for the rescue of the work: the company's recovery key is learnt, the server keeps a lock key, a laptop
//! that is refused seals its work for the office, and one whose access was ended locks it.

use std::sync::Arc;

use clara_central::PgCentral;
use clara_sync::{CentralError, SyncError, SyncReport};

use crate::rescue::{Cause, Maker};

/// The server's word for a laptop whose access the office has ended. Every other refusal can have other reasons: a login that
/// expired, a server that was put back. Those never lock anybody out of unsent work.
const ENDED: &str = "device_revoked";

/// Of one run of the program.
pub(super) struct Rescue {
    maker: Option<Arc<Maker>>,
    /// The server was asked for the recovery key: once a run is often enough for a key that changes once in years.
    asked: bool,
    /// The server refuses this laptop, and a pack was made of what it has.
    sealed: bool,
    /// The key was taken away: this laptop opens nothing any more.
    pub(super) locked: bool,
}

impl Rescue {
    pub(super) fn of(maker: Option<Arc<Maker>>) -> Rescue {
        Rescue { maker, asked: false, sealed: false, locked: false }
    }

    pub(super) fn after(&mut self, report: &SyncReport, runtime: &tokio::runtime::Runtime, central: &mut PgCentral) {
        let Some(maker) = self.maker.clone() else { return };
        match &report.error {
            None => {
                self.sealed = false;
                if !self.asked {
                    self.asked = runtime.block_on(exchange_keys(&maker, central));
                }
            }
            Some(SyncError::Central(CentralError::DeviceRefused(code))) if code == ENDED => {
                self.seal(&maker);
                self.locked = maker.lock_away();
            }
            Some(SyncError::Central(CentralError::LoginRefused(_) | CentralError::DeviceRefused(_))) => {
                self.seal(&maker);
            }
            Some(_) => {}
        }
    }

    fn seal(&mut self, maker: &Maker) {
        if !std::mem::replace(&mut self.sealed, true) {
            maker.make_by_itself(Cause::Revoked);
        }
    }

    pub(super) fn on_low_disk(&self) {
        if let Some(maker) = &self.maker {
            maker.make_on_low_disk();
        }
    }
}

/// False where the server could not be asked and is worth asking again.
async fn exchange_keys(maker: &Maker, central: &mut PgCentral) -> bool {
    match central.recovery_recipient().await {
        Ok(Some(recipient)) => maker.learn(&recipient),
        Ok(None) => {}
        Err(error) => {
            tracing::info!(%error, "the server did not tell its recovery key");
            return false;
        }
    }
    let Some(lock_key) = maker.new_lock_key() else { return true };
    match central.keep_lock_key(maker.profile.device_id, lock_key.bytes()).await {
        Ok(true) => maker.lock_key_is_kept(),
        Ok(false) => {}
        // A server of yesterday keeps none.
        Err(CentralError::Refused { .. }) => {}
        Err(error) => {
            tracing::info!(%error, "the server does not keep the lock key yet");
            return false;
        }
    }
    true
}
