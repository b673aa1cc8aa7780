//! The company's recovery key and work that comes out of a rescue pack.
//!
//! Only the public half of the key is ever known here. Operations out of a pack go the way of a push, in their author's
//! name (`sync.rescue`), and so does each photo's bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_domain::DeviceId;
use clara_domain::operation::{Operation, Receipt};
use clara_sync::CentralError;
use sqlx::Row as _;

use crate::client::PgCentral;
use crate::connect::{Mode, Server, SyncTx, call_error, sql};
use crate::error::AdminError;
use crate::hello::garbled;
use crate::message::Message;
use crate::{push, table};

/// The public half of the company's recovery key, where there is one.
///
/// # Errors
/// [`AdminError`].
pub async fn recovery_recipient(admin: &Server) -> Result<Option<String>, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Snapshot).await?;
    let found = read_recipient(&mut tx).await?;
    tx.rollback().await?;
    connection.close().await;
    Ok(found)
}

/// The company's name, as laptops show it.
///
/// # Errors
/// [`AdminError`].
pub async fn company_name(admin: &Server) -> Result<Option<String>, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Snapshot).await?;
    let row = tx.fetch_optional(sql("SELECT value #>> '{}' AS name FROM app.settings WHERE key = 'company'")).await?;
    tx.rollback().await?;
    connection.close().await;
    Ok(row.map(|row| row.try_get("name")).transpose().map_err(call_error)?)
}

pub(crate) async fn read_recipient(tx: &mut SyncTx<'_>) -> Result<Option<String>, CentralError> {
    let statement = sql("SELECT value #>> '{}' AS recipient FROM app.settings WHERE key = 'recovery_recipient'");
    let row = tx.fetch_optional(statement).await?;
    row.map(|row| row.try_get("recipient")).transpose().map_err(call_error)
}

/// From now on laptops seal their keys and packs to this one. Packs that were made before name the key they need.
///
/// # Errors
/// [`AdminError`].
pub async fn set_recovery_recipient(admin: &Server, recipient: &str) -> Result<(), AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    tx.execute(
        sql("INSERT INTO app.settings (key, value) VALUES ('recovery_recipient', to_jsonb($1::text))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(recipient.to_owned()),
    )
    .await?;
    tx.commit().await?;
    connection.close().await;
    Ok(())
}

impl PgCentral {
    /// The public half of the company's recovery key, as a laptop's login reads it.
    ///
    /// # Errors
    /// [`CentralError`], as every call.
    pub async fn recovery_recipient(&mut self) -> Result<Option<String>, CentralError> {
        let message =
            Message::snapshot().sql("SELECT value#>>'{}' FROM app.settings WHERE key='recovery_recipient'").end();
        let answers = self.exchange(message).await?;
        let Some(row) = answers.first().and_then(|rows| rows.first()) else { return Ok(None) };
        Ok(table::text(row, 0)?.map(str::to_owned))
    }

    /// Puts operations of another laptop in, in their author's name. For the office and administrators.
    ///
    /// # Errors
    /// [`CentralError::DeviceRefused`] with `not_allowed` or `device_unknown`, or as every call.
    pub async fn rescue(&mut self, device: DeviceId, operations: &[Operation]) -> Result<Vec<Receipt>, CentralError> {
        push::hand_over(self, "SELECT sync.rescue(", device, operations).await
    }

    /// Gives the server a key to keep for this laptop. The laptop has sealed its data key under it, for the day on which the
    /// office ends its access and later gives it back. False where the server keeps none for it.
    ///
    /// # Errors
    /// [`CentralError`], as every call.
    pub async fn keep_lock_key(&mut self, device: DeviceId, key: &[u8; 32]) -> Result<bool, CentralError> {
        let message = Message::write()
            .sql("SELECT sync.keep_lock_key(")
            .uuid(device.uuid())
            .sql(",")
            .bytes(key)
            .sql(")::integer")
            .end();
        let answers = self.exchange(message).await?;
        let row = answers.first().and_then(|rows| rows.first()).ok_or_else(garbled)?;
        Ok(table::integer(row, 0)? == 1)
    }

    /// The key that the server keeps for a laptop of this person.
    ///
    /// # Errors
    /// [`CentralError`], as every call.
    pub async fn lock_key_of(&mut self, device: DeviceId) -> Result<Option<[u8; 32]>, CentralError> {
        let message =
            Message::snapshot().sql("SELECT encode(sync.lock_key_of(").uuid(device.uuid()).sql("),'base64')").end();
        let answers = self.exchange(message).await?;
        let Some(text) = answers.first().and_then(|rows| rows.first()).map(|row| table::text(row, 0)).transpose()?
        else {
            return Ok(None);
        };
        let Some(text) = text else { return Ok(None) };
        STANDARD.decode(text).ok().and_then(|key| key.try_into().ok()).map(Some).ok_or_else(garbled)
    }
}
