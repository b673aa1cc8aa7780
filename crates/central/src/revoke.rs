//! Ends access: the login, its rights, its live connections, its laptop.

use std::time::Duration;

use clara_domain::DeviceId;
use sqlx::Row as _;
use uuid::Uuid;

use crate::connect::{Connection, Mode, Server, call_error, sql};
use crate::enroll::{Person, find_person};
use crate::error::AdminError;

/// Whose access ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revoke {
    /// All laptops of a person.
    Person(Person),
    /// One laptop.
    Device(DeviceId),
}

/// What ended.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Revoked {
    /// Login roles that can no longer log in.
    pub roles: Vec<String>,
    /// Live sessions that were cut.
    pub sessions: i64,
}

/// One call: no login, no rights, no live session. Work that the laptop has not sent stays on it and can be handed in
/// after a new enrolment.
///
/// # Errors
/// [`AdminError`]; [`AdminError::StillAlive`] where a session outlived repeated attempts.
pub async fn revoke(admin: &Server, whose: &Revoke) -> Result<Revoked, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let (user, device) = match whose {
        Revoke::Person(person) => (Some(find_person_even_inactive(&mut tx, person).await?), None),
        Revoke::Device(device) => (None, Some(device.uuid())),
    };
    let ended = tx
        .fetch_all(sql("SELECT role::text AS role FROM app.end_logins($1, $2) AS role").bind(user).bind(device))
        .await?;
    let roles: Vec<String> =
        ended.iter().map(|row| row.try_get("role")).collect::<Result<_, _>>().map_err(call_error)?;
    if let (true, Some(device)) = (roles.is_empty(), device) {
        return Err(AdminError::NoDevice(device));
    }
    // First durable, then cut: in the other order a laptop is back before the door is shut.
    tx.commit().await?;
    let sessions = cut(&mut connection, &roles).await?;
    connection.close().await;
    Ok(Revoked { roles, sessions })
}

/// A person who has left the company is inactive, and that is when revoking matters.
async fn find_person_even_inactive(tx: &mut crate::connect::SyncTx<'_>, person: &Person) -> Result<Uuid, AdminError> {
    match find_person(tx, person).await {
        Ok((id, _)) => Ok(id),
        Err(AdminError::NoPerson(name)) => {
            let (id, email) = match person {
                Person::Id(id) => (Some(id.uuid()), None),
                Person::Email(email) => (None, Some(email.clone())),
            };
            let row = tx
                .fetch_optional(
                    sql("SELECT id FROM public.users WHERE id = $1 OR lower(email) = lower($2)").bind(id).bind(email),
                )
                .await?
                .ok_or(AdminError::NoPerson(name))?;
            Ok(row.try_get("id").map_err(call_error)?)
        }
        Err(other) => Err(other),
    }
}

async fn cut(connection: &mut Connection, roles: &[String]) -> Result<i64, AdminError> {
    let mut sessions = 0;
    // More than once: a login that was half-way through when the role ended appears only now.
    for _ in 0..10 {
        let mut tx = connection.begin(Mode::Write).await?;
        let row = tx
            .fetch_one(
                sql("SELECT count(*) AS found, count(*) FILTER (WHERE pg_terminate_backend(pid, 2000)) AS cut
                     FROM pg_stat_activity WHERE usename = ANY($1) AND pid <> pg_backend_pid()")
                .bind(roles.to_vec()),
            )
            .await?;
        tx.commit().await?;
        let found: i64 = row.try_get("found").map_err(call_error)?;
        sessions += row.try_get::<i64, _>("cut").map_err(call_error)?;
        if found == 0 {
            return Ok(sessions);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut tx = connection.begin(Mode::Snapshot).await?;
    let row = tx
        .fetch_one(
            sql("SELECT count(*) AS left_over FROM pg_stat_activity WHERE usename = ANY($1)").bind(roles.to_vec()),
        )
        .await?;
    tx.rollback().await?;
    match row.try_get("left_over").map_err(call_error)? {
        0_i64 => Ok(sessions),
        alive => Err(AdminError::StillAlive(alive)),
    }
}
