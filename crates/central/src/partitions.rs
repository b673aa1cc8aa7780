//! Partitions by hand; they are also made by migrations, by imports, by `doctor` and by the database itself.

use sqlx::Row as _;

use crate::connect::{Mode, Server, call_error, sql};
use crate::error::AdminError;

/// Makes every partition that is missing: ahead of today, and for rows that wait in a default partition. Returns how
/// many it made.
///
/// # Errors
/// [`AdminError`].
pub async fn make_partitions(admin: &Server) -> Result<i32, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let row = tx.fetch_one(sql("SELECT app.make_partitions() AS made")).await?;
    tx.commit().await?;
    connection.close().await;
    Ok(row.try_get("made").map_err(call_error)?)
}

/// Takes one old partition (`inspection_records_2019`) out of the table and out of every mirror. Its rows stay in a
/// table of that name, for an archive.
///
/// # Errors
/// [`AdminError`]; code 42P01 where there is no such partition.
pub async fn detach_partition(admin: &Server, name: &str) -> Result<(), AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    tx.execute(sql("SELECT app.detach_partition($1)").bind(name.to_owned())).await?;
    tx.commit().await?;
    connection.close().await;
    Ok(())
}
