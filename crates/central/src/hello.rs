//! The handshake: `sync.hello` and `sync.report_unsent`.

use chrono::{DateTime, Utc};
use clara_domain::DeviceId;
use clara_sync::{CentralError, Cursor, Hello};
use serde::Deserialize;
use uuid::Uuid;

use crate::client::PgCentral;
use crate::message::Message;
use crate::table::present;

pub(crate) async fn hello(central: &mut PgCentral, device: DeviceId) -> Result<Hello, CentralError> {
    let message = Message::snapshot().sql("SELECT sync.hello(").uuid(device.uuid()).sql(")").end();
    let answers = central.exchange(message).await?;
    let row = answers.first().and_then(|rows| rows.first()).ok_or_else(garbled)?;
    let (hello, _) = read(present(row, 0)?)?;
    central.met(&hello);
    Ok(hello)
}

pub(crate) fn report(device: DeviceId, count: u32, oldest: Option<DateTime<Utc>>) -> Message {
    let message = Message::write()
        .sql("SELECT sync.report_unsent(")
        .uuid(device.uuid())
        .sql(",")
        .integer(count.into())
        .sql("::integer,");
    match oldest {
        Some(at) => message.sql("to_timestamp(").integer(at.timestamp_millis()).sql("/1000.0))"),
        None => message.sql("NULL)"),
    }
    .end()
}

/// In the order of `sync.hello`.
#[derive(Deserialize)]
struct Told(
    String,         // system identifier
    i64,            // incarnation
    Uuid,           // epoch
    i32,            // server_version_num
    bool,           // in recovery
    i32,            // schema version
    i32,            // oldest client
    i64,            // clock, milliseconds
    Cursor,         // snapshot
    Option<Uuid>,   // person
    Option<String>, // role
    i64,            // highest seq
    bool,           // device known
    bool,           // rebase is due
    Vec<Uuid>,      // earlier epochs
);

/// A hello, and whether the server was restored from a dump and has not been rebased.
pub(crate) fn read(told: &str) -> Result<(Hello, bool), CentralError> {
    let told: Told = serde_json::from_str(told).map_err(|_| garbled())?;
    let Told(
        system_identifier,
        incarnation,
        epoch,
        server_version_num,
        in_recovery,
        schema_version,
        min_client,
        at,
        snapshot,
        person,
        role,
        highest_seq,
        device_known,
        rebase_due,
        earlier_epochs,
    ) = told;
    let (Some(person), Some(role)) = (person, role) else {
        return Err(CentralError::DeviceRefused("this login belongs to nobody any more".to_owned()));
    };
    let hello = Hello {
        system_identifier,
        incarnation,
        epoch,
        earlier_epochs,
        server_version_num,
        in_recovery,
        schema_version,
        min_client,
        server_now: DateTime::from_timestamp_millis(at).ok_or_else(garbled)?,
        snapshot,
        user_id: person.into(),
        role,
        highest_seq,
        device_known,
    };
    Ok((hello, rebase_due))
}

pub(crate) fn garbled() -> CentralError {
    CentralError::Refused {
        code: "answer".to_owned(),
        message: "the server's answer is not one that this program knows".to_owned(),
    }
}
