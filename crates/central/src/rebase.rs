//! A dump restored into another cluster: new stamps, new epoch.

use sqlx::Row as _;
use uuid::Uuid;

use crate::connect::{Mode, Server, call_error, sql};
use crate::error::AdminError;

/// Stamps every synced row with a transaction of this cluster, at its version, and begins an epoch. Laptops then
/// compare instead of trusting their cursors. Returns the epoch. Nothing may be synced while it runs: it is one
/// transaction, and writers wait for it.
///
/// # Errors
/// [`AdminError`]; then nothing was changed.
pub async fn rebase(admin: &Server) -> Result<Uuid, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let row = tx.fetch_one(sql("SELECT sync.rebase() AS epoch")).await?;
    tx.commit().await?;
    connection.close().await;
    Ok(row.try_get("epoch").map_err(call_error)?)
}
