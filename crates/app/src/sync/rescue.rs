//! What a sync means for the rescue pack: the company's recovery key is learnt, and a laptop that is refused seals its
//! work for the office.

use std::sync::Arc;

use clara_central::PgCentral;
use clara_sync::{CentralError, SyncError, SyncReport};

use crate::rescue::{Maker, Reason};

/// Of one run of the program.
pub(super) struct Rescue {
    maker: Option<Arc<Maker>>,
    /// The server was asked for the recovery key: once a run is often enough for a key that changes once in years.
    asked: bool,
    /// The server refuses this laptop, and a pack was made of what it has.
    sealed: bool,
}

impl Rescue {
    pub(super) fn of(maker: Option<Arc<Maker>>) -> Rescue {
        Rescue { maker, asked: false, sealed: false }
    }

    pub(super) fn after(&mut self, report: &SyncReport, runtime: &tokio::runtime::Runtime, central: &mut PgCentral) {
        let Some(maker) = &self.maker else { return };
        match &report.error {
            None if !self.asked => match runtime.block_on(central.recovery_recipient()) {
                Ok(found) => {
                    self.asked = true;
                    self.sealed = false;
                    if let Some(recipient) = found {
                        maker.learn(&recipient);
                    }
                }
                Err(error) => tracing::info!(%error, "the server did not tell its recovery key"),
            },
            None => self.sealed = false,
            Some(SyncError::Central(CentralError::LoginRefused(_) | CentralError::DeviceRefused(_)))
                if !self.sealed =>
            {
                self.sealed = true;
                maker.make_by_itself(Reason::Revoked);
            }
            Some(_) => {}
        }
    }
}
