//! What a manager's laptop holds: all sites, or those of some regions, or those with work at hand.

use serde::Serialize;
use sqlx::Row as _;

use crate::connect::{Mode, Server, call_error, sql};
use crate::enroll::{Person, find_person};
use crate::error::AdminError;

/// Which sites somebody of the office wants on their laptop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Subscription {
    /// Sites of these regions, by `metadata.region` or, where a site has none, by its address. Empty is all.
    pub regions: Vec<String>,
    /// Sites with an open job or one in the last so many days. None is all.
    pub window_days: Option<u16>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Subscribed {
    /// The person.
    pub full_name: String,
    /// Sites that their laptop holds from the next sync on.
    pub sites: i64,
    /// Sites that the company has.
    pub of: i64,
    /// Narrowed, or all sites as before.
    pub narrowed: bool,
}

/// Sets or, where `wanted` names nothing, ends a subscription. It changes what a laptop holds and not what its person
/// may do. The next sync brings and takes sites the way a technician's come and go; work that has not been sent is
/// sealed and sent, never dropped.
///
/// # Errors
/// [`AdminError::NoPerson`], [`AdminError::SitesFollowJobs`] for a technician, and what every call can meet.
pub async fn subscribe(admin: &Server, who: &Person, wanted: &Subscription) -> Result<Subscribed, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let (id, full_name) = find_person(&mut tx, who).await?;
    let role = tx.fetch_one(sql("SELECT role::text AS role FROM public.users WHERE id = $1").bind(id)).await?;
    if role.try_get::<String, _>("role").map_err(call_error)? == "technician" {
        return Err(AdminError::SitesFollowJobs(full_name));
    }
    let regions = (!wanted.regions.is_empty()).then(|| wanted.regions.clone());
    let window = wanted.window_days.map(i32::from);
    tx.execute(sql("SELECT app.subscribe($1, $2, $3)").bind(id).bind(regions).bind(window)).await?;
    let row = tx
        .fetch_one(
            sql("SELECT (SELECT count(*) FROM public.locations l WHERE l.deleted_at IS NULL) AS all_sites,
                    (SELECT count(*) FROM sync.location_access a JOIN public.locations l ON l.id = a.location_id
                     WHERE a.user_id = $1 AND a.state = 'granted' AND l.deleted_at IS NULL) AS sites,
                    EXISTS (SELECT FROM sync.subscription s WHERE s.user_id = $1) AS narrowed")
            .bind(id),
        )
        .await?;
    let done = Subscribed {
        full_name,
        sites: row.try_get("sites").map_err(call_error)?,
        of: row.try_get("all_sites").map_err(call_error)?,
        narrowed: row.try_get("narrowed").map_err(call_error)?,
    };
    tx.commit().await?;
    connection.close().await;
    Ok(done)
}
