//! What a store needs once a day: a copy, and once a week a look at every page of it.

use chrono::{DateTime, Utc};
use clara_local::Mirror;

/// Does what is due. Cheap where nothing is. `false`: a page of the store is damaged.
pub(crate) fn upkeep(mirror: &Mirror, now: DateTime<Utc>) -> bool {
    // The check first: a copy of a damaged store is not worth having, and would push out a good one.
    match mirror.check_weekly(now) {
        Ok(Some(false)) => return false,
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the store was not checked"),
    }
    if let Err(error) = mirror.backup_daily(now) {
        tracing::warn!(%error, "the copy of the day was not made");
    }
    true
}
