//! A laptop gets its login: the office enrolls, the laptop claims.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Duration, Utc};
use clara_domain::{DeviceId, UserId};
use clara_sync::CentralError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sqlx::Row as _;
use uuid::Uuid;

use crate::connect::{Floor, Mode, Secret, Server, SyncTx, call_error, sql};
use crate::error::AdminError;
use crate::rescue::read_recipient;

/// The format this program writes and reads.
pub const ENROLMENT_FORMAT: u32 = 1;
const CODE_PREFIX: &str = "clara1:";

/// Whom the office means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// By `users.id`.
    Id(UserId),
    /// By `users.email`, in any case.
    Email(String),
}

impl fmt::Display for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Person::Id(id) => write!(f, "{}", id.uuid()),
            Person::Email(email) => f.write_str(email),
        }
    }
}

/// What to enroll.
#[derive(Debug, Clone)]
pub struct Enroll {
    /// Whose laptop.
    pub person: Person,
    /// What the office calls it.
    pub device_name: String,
    /// How long the enrolment can be claimed; the company's setting where none is given.
    pub valid_for: Option<Duration>,
    /// Host and port as laptops reach the server, where they differ from the administrator's.
    pub address: Option<(String, u16)>,
}

/// The enrolment file: all that a laptop needs for its first contact, and a one-time secret. Whoever has it can claim
/// the login until it is claimed or expires, and no longer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Enrolment {
    /// [`ENROLMENT_FORMAT`].
    pub format: u32,
    /// The company's name, for the person.
    pub company: String,
    /// Server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Database.
    pub database: String,
    /// The authority to prove the server by.
    pub ca_pem: String,
    /// Login role.
    pub role: String,
    /// The laptop's id.
    pub device_id: DeviceId,
    /// The person's.
    pub user_id: UserId,
    /// The person's name.
    pub full_name: String,
    /// The one-time password.
    pub secret: Secret,
    /// Until when it can be claimed.
    pub expires_at: DateTime<Utc>,
    /// The public half of the company's recovery key. Missing in enrolments of before there was one: the laptop hears
    /// of it at a later sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_recipient: Option<String>,
}

/// Why a text is no enrolment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadEnrolment {
    /// Cut off, altered, or something else altogether.
    #[error("the enrolment file is damaged or is no enrolment file; ask the office to send it again")]
    Broken,
    /// Of a newer program.
    #[error("the enrolment file has format {0}; this program reads format {ENROLMENT_FORMAT}. Update Clara Field")]
    Format(u32),
}

impl BadEnrolment {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            BadEnrolment::Broken => "enrolment_broken",
            BadEnrolment::Format(_) => "enrolment_format",
        }
    }
}

impl Enrolment {
    /// Reads a file or a code.
    ///
    /// # Errors
    /// [`BadEnrolment`].
    pub fn parse(text: &str) -> Result<Self, BadEnrolment> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let text = text.trim();
        let decoded;
        let json = match text.strip_prefix(CODE_PREFIX) {
            Some(code) => {
                let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
                decoded = URL_SAFE_NO_PAD.decode(code).map_err(|_| BadEnrolment::Broken)?;
                decoded.as_slice()
            }
            None => text.as_bytes(),
        };
        let Format { format } = serde_json::from_slice(json).map_err(|_| BadEnrolment::Broken)?;
        if format != ENROLMENT_FORMAT {
            return Err(BadEnrolment::Format(format));
        }
        serde_json::from_slice(json).map_err(|_| BadEnrolment::Broken)
    }

    /// The file's text.
    pub fn to_file(&self) -> String {
        let value = serde_json::json!(self);
        format!("{value:#}\n")
    }

    /// The same on one line, for a message.
    pub fn to_code(&self) -> String {
        format!("{CODE_PREFIX}{}", URL_SAFE_NO_PAD.encode(serde_json::json!(self).to_string()))
    }

    /// The server, with a password.
    pub fn server(&self, password: Secret, floor: Floor) -> Server {
        Server {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            ca_pem: self.ca_pem.clone(),
            role: self.role.clone(),
            password,
            floor,
        }
    }
}

/// Makes the login of a laptop and its one-time secret.
///
/// # Errors
/// [`AdminError::NoPerson`] where nobody active is meant.
pub async fn enroll(admin: &Server, ask: &Enroll, now: DateTime<Utc>) -> Result<Enrolment, AdminError> {
    let secret = Secret::random()?;
    let device = Uuid::now_v7();
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let user = find_person(&mut tx, &ask.person).await?;
    let row = tx
        .fetch_one(sql("SELECT (SELECT value #>> '{}' FROM app.settings WHERE key = 'company') AS company,
                    (SELECT (value #>> '{}')::bigint FROM app.settings WHERE key = 'enrolment_hours') AS hours"))
        .await?;
    let company: Option<String> = row.try_get("company").map_err(call_error)?;
    let hours: Option<i64> = row.try_get("hours").map_err(call_error)?;
    let valid_for = ask.valid_for.unwrap_or_else(|| Duration::hours(hours.unwrap_or(72)));
    let expires_at = now + valid_for;
    let row = tx
        .fetch_one(
            sql("SELECT app.enroll($1, $2, $3, $4, $5, $6)::text AS role")
                .bind(user.0)
                .bind(device)
                .bind(ask.device_name.clone())
                .bind(verifier(&secret))
                .bind(Sha256::digest(secret.expose().as_bytes()).to_vec())
                .bind(expires_at),
        )
        .await?;
    let role: String = row.try_get("role").map_err(call_error)?;
    let recovery_recipient = read_recipient(&mut tx).await?;
    tx.commit().await?;
    connection.close().await;
    let (host, port) = ask.address.clone().unwrap_or_else(|| (admin.host.clone(), admin.port));
    Ok(Enrolment {
        format: ENROLMENT_FORMAT,
        company: company.unwrap_or_default(),
        host,
        port,
        database: admin.database.clone(),
        ca_pem: admin.ca_pem.clone(),
        role,
        device_id: DeviceId(device),
        user_id: UserId(user.0),
        full_name: user.1,
        secret,
        expires_at,
        recovery_recipient,
    })
}

pub(crate) async fn find_person(tx: &mut SyncTx<'_>, person: &Person) -> Result<(Uuid, String), AdminError> {
    let (id, email) = match person {
        Person::Id(id) => (Some(id.uuid()), None),
        Person::Email(email) => (None, Some(email.clone())),
    };
    let row = tx
        .fetch_optional(
            sql("SELECT id, full_name FROM public.users
                 WHERE (id = $1 OR lower(email) = lower($2)) AND deleted_at IS NULL AND is_active")
            .bind(id)
            .bind(email),
        )
        .await?
        .ok_or_else(|| AdminError::NoPerson(person.to_string()))?;
    Ok((row.try_get("id").map_err(call_error)?, row.try_get("full_name").map_err(call_error)?))
}

/// What the server keeps instead of a password.
fn verifier(secret: &Secret) -> String {
    postgres_protocol::password::scram_sha_256(secret.expose().as_bytes())
}

/// Why a laptop could not take its login over.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// The secret was used, or replaced by a newer enrolment, or the laptop was revoked.
    #[error("this enrolment file has been used already, or was withdrawn; ask the office for a new one")]
    Used,
    /// Too late.
    #[error("this enrolment file has expired; ask the office for a new one")]
    Expired,
    /// The server has no such enrolment.
    #[error("the server does not know this enrolment; ask the office for a new one")]
    Unknown,
    /// The server could not be spoken to.
    #[error(transparent)]
    Central(CentralError),
}

impl ClaimError {
    /// For programs.
    pub fn code(&self) -> &'static str {
        match self {
            ClaimError::Used => "enrolment_used",
            ClaimError::Expired => "enrolment_expired",
            ClaimError::Unknown => "enrolment_unknown",
            ClaimError::Central(_) => "central",
        }
    }
}

impl From<CentralError> for ClaimError {
    fn from(error: CentralError) -> Self {
        match &error {
            CentralError::Refused { code, .. } => match code.as_str() {
                "CLE01" => ClaimError::Used,
                "CLE02" => ClaimError::Expired,
                "CLE03" => ClaimError::Unknown,
                _ => ClaimError::Central(error),
            },
            _ => ClaimError::Central(error),
        }
    }
}

/// Takes the login over: from now on it has `password`, which never leaves this machine. Keep the password where it
/// survives a crash **before** calling this; calling again with the same one after a lost answer succeeds.
///
/// # Errors
/// [`ClaimError`].
pub async fn claim(
    enrolment: &Enrolment,
    password: &Secret,
    floor: Floor,
    now: DateTime<Utc>,
) -> Result<Server, ClaimError> {
    let server = enrolment.server(password.clone(), floor);
    let mut connection = match enrolment.server(enrolment.secret.clone(), floor).connect().await {
        Ok(connection) => connection,
        Err(CentralError::LoginRefused(_) | CentralError::DeviceRefused(_)) => {
            // The secret is no password any more. Did we do that ourselves, and miss the answer?
            return match server.connect().await {
                Ok(connection) => {
                    connection.close().await;
                    Ok(server)
                }
                Err(CentralError::LoginRefused(_) | CentralError::DeviceRefused(_)) if enrolment.expires_at <= now => {
                    Err(ClaimError::Expired)
                }
                Err(CentralError::LoginRefused(_) | CentralError::DeviceRefused(_)) => Err(ClaimError::Used),
                Err(other) => Err(other.into()),
            };
        }
        Err(other) => return Err(other.into()),
    };
    let mut tx = connection.begin(Mode::Write).await?;
    tx.execute(
        sql("SELECT sync.claim($1, $2, $3)")
            .bind(enrolment.device_id.uuid())
            .bind(enrolment.secret.expose().to_owned())
            .bind(verifier(password)),
    )
    .await?;
    tx.commit().await?;
    connection.close().await;
    Ok(server)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn enrolment() -> Enrolment {
        Enrolment {
            format: 1,
            company: "Ash & Ember".into(),
            host: "db.example".into(),
            port: 5432,
            database: "clara".into(),
            ca_pem: "-----BEGIN CERTIFICATE-----\n".into(),
            role: "clara_dana".into(),
            device_id: DeviceId(Uuid::from_u128(1)),
            user_id: UserId(Uuid::from_u128(2)),
            full_name: "Dana".into(),
            secret: Secret::new("one-time"),
            expires_at: DateTime::UNIX_EPOCH,
            recovery_recipient: None,
        }
    }

    #[test]
    fn an_enrolment_survives_as_a_file_and_as_a_code_broken_over_lines() {
        let enrolment = enrolment();
        let code = enrolment.to_code();
        let (head, tail) = code.split_at(40);
        for text in [enrolment.to_file(), format!(" {head}\n  {tail}\n")] {
            let read = Enrolment::parse(&text).unwrap();
            assert_eq!((read.role.as_str(), read.secret.expose()), ("clara_dana", "one-time"));
        }
    }

    #[test]
    fn a_cut_or_foreign_file_is_broken_and_a_newer_one_says_so() {
        let file = enrolment().to_file();
        let cut = file.get(..file.len() / 2).unwrap();
        for text in [cut, "", "{}", "clara1:%%%", "<html>"] {
            assert_eq!(Enrolment::parse(text).unwrap_err(), BadEnrolment::Broken, "{text}");
        }
        let newer = file.replace("\"format\": 1", "\"format\": 2");
        assert_eq!(Enrolment::parse(&newer).unwrap_err(), BadEnrolment::Format(2));
    }

    #[test]
    fn the_secret_of_an_enrolment_is_not_printed_by_accident() {
        assert!(!format!("{:?}", enrolment()).contains("one-time"));
    }
}
