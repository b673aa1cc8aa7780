use std::path::Path;

use clara_central::enroll::{BadEnrolment, ClaimError, Enrolment, claim};
use clara_central::{PgCentral, Secret, Server};
use clara_contract::session::{Enroll, Session};
use clara_domain::DeviceId;
use clara_domain::category::Role;
use clara_local::{DataKey, Mirror, Profile as LocalProfile};
use clara_sync::{Central, CentralError, Hello};

use super::open::LOGIN;
use super::profile::{Folder, Profile, ServerAddress};
use crate::app::Core;
use crate::error::{EnrolmentFault, Error, Fault, Result, Rule};
use crate::vault::{Key, Vault, VaultError, open_with_key, seal_with_key, write_private};

/// The password of an enrolment after the first, until the server has taken it.
const PENDING: &str = "login.pending";

impl Core {
    /// Makes this laptop a person's. Cut short at any point, it can be done again with the same file: key and password
    /// are kept before the server is asked, and the profile's card is written last.
    pub(crate) fn enroll(&self, request: Enroll) -> Result<Session> {
        let _one_at_a_time = self.opening.lock();
        let enrolment = Enrolment::parse(&request.enrolment).map_err(|error| {
            Error::Enrolment(match error {
                BadEnrolment::Broken => EnrolmentFault::Broken,
                BadEnrolment::Format(_) => EnrolmentFault::Newer,
            })
        })?;
        let device_name = request.device_name.trim();
        if device_name.is_empty() {
            return Err(Error::Given { field: "device_name".into(), fault: Fault::Empty });
        }
        let folder = Folder::at(&self.options.profile);
        self.go_on_leaving(&folder)?;
        self.go_on_leaving(&folder.demo())?;
        let before = folder.read()?;
        // The same person again, after a lost login or on a new device id: the work that is here stays theirs.
        if before.as_ref().is_some_and(|known| known.user_id != enrolment.user_id) {
            return Err(Error::NotAllowed(Rule::AlreadyEnrolled));
        }
        let ask = Ask { enrolment: &enrolment, device_name, passphrase: request.passphrase.as_deref() };
        if before.is_some() && Vault::at(&folder.keys(), self.options.keyring).revoked().is_some() {
            return self.reopen(&folder, &ask);
        }
        let key = match self.opened().filter(|open| !open.session.demo) {
            Some(open) => open.key.clone(),
            None => self.key_for(&folder, before.is_some(), request.passphrase.as_deref())?,
        };
        if let Some(recipient) = &enrolment.recovery_recipient {
            crate::rescue::learn(&Vault::at(&folder.keys(), self.options.keyring), &key, recipient);
        }
        let password = kept_password(&folder, &key, before.is_some())?;
        let contact = self.contact(&enrolment, password, None)?;
        self.close();
        let profile = self.settle(&folder, &ask, contact, &key)?;
        if before.is_some() {
            let (pending, login) = (folder.keys().join(PENDING), folder.login());
            std::fs::rename(pending, login).map_err(|error| Error::File("login", error))?;
        }
        folder.write(&profile)?;
        let open = self.open_profile(&folder, &profile, key)?;
        Ok(self.refreshed(&open))
    }

    /// The mirror is this laptop's from now on; the card that says so is for the caller to write.
    pub(super) fn settle(&self, folder: &Folder, ask: &Ask<'_>, contact: Contact, key: &Key) -> Result<Profile> {
        let (enrolment, server) = (ask.enrolment, contact.server);
        let role: Role = contact.hello.role.parse().unwrap_or(Role::Technician);
        let opened = Mirror::open(&folder.mirror(), &DataKey::from_bytes(*key.bytes()), self.now())?;
        opened.mirror.write(self.now(), |write| {
            write.enroll(LocalProfile {
                device: enrolment.device_id,
                user: enrolment.user_id,
                role: role.word().into(),
            })
        })?;
        Ok(Profile {
            version: 1,
            user_id: enrolment.user_id,
            full_name: enrolment.full_name.clone(),
            role,
            device_id: enrolment.device_id,
            device_name: ask.device_name.into(),
            company: enrolment.company.clone(),
            server: Some(ServerAddress {
                host: server.host,
                port: server.port,
                database: server.database,
                ca_pem: server.ca_pem,
                login: server.role,
            }),
        })
    }

    /// Claims the login. `locked_for`: the laptop whose lock key is asked for.
    pub(super) fn contact(
        &self,
        enrolment: &Enrolment,
        password: Secret,
        locked_for: Option<DeviceId>,
    ) -> Result<Contact> {
        let (enrolment, floor, now) = (enrolment.clone(), self.options.floor, self.now());
        apart(move || async move { contact(&enrolment, &password, floor, now, locked_for).await })?
    }

    /// The profile's key: the one that is there, or a new one.
    fn key_for(&self, folder: &Folder, enrolled: bool, passphrase: Option<&str>) -> Result<Key> {
        let vault = Vault::at(&folder.keys(), self.options.keyring);
        if vault.exists() {
            match vault.open(None) {
                Err(VaultError::PassphraseNeeded) => match vault.open(passphrase) {
                    // Nothing was ever saved under it: an enrolment that was cut short, with another passphrase.
                    Err(VaultError::WrongPassphrase) if !enrolled && !folder.mirror().exists() => {}
                    other => return Ok(other?),
                },
                other => return Ok(other?),
            }
        }
        let key = Key::random()?;
        vault.keep(&key, passphrase)?;
        Ok(key)
    }
}

/// What a person gave to enrol with.
pub(super) struct Ask<'a> {
    pub(super) enrolment: &'a Enrolment,
    pub(super) device_name: &'a str,
    pub(super) passphrase: Option<&'a str>,
}

/// What the server said.
pub(super) struct Contact {
    server: Server,
    hello: Hello,
    /// The lock key that was asked for, where the server keeps it.
    pub(super) lock_key: Option<[u8; 32]>,
}

/// The password that this laptop chose, or chooses now. An enrolment after the first chooses a new one.
fn kept_password(folder: &Folder, key: &Key, again: bool) -> Result<Secret> {
    password_in(&if again { folder.keys().join(PENDING) } else { folder.login() }, key)
}

/// The password that is kept in a file, or a new one that is kept there.
pub(super) fn password_in(known: &Path, key: &Key) -> Result<Secret> {
    if let Ok(sealed) = std::fs::read(known)
        && let Some(password) = open_with_key(key, LOGIN, &sealed)
        && let Ok(password) = String::from_utf8(password.to_vec())
    {
        return Ok(Secret::new(password));
    }
    let password = Secret::random().map_err(VaultError::from)?;
    keep_password(known, key, &password)?;
    Ok(password)
}

pub(super) fn keep_password(file: &Path, key: &Key, password: &Secret) -> Result<()> {
    let sealed = seal_with_key(key, LOGIN, password.expose().as_bytes())?;
    write_private(file, &sealed).map_err(|error| Error::File("login", error))
}

async fn contact(
    enrolment: &Enrolment,
    password: &Secret,
    floor: clara_central::Floor,
    now: chrono::DateTime<chrono::Utc>,
    locked_for: Option<DeviceId>,
) -> Result<Contact> {
    let server = claim(enrolment, password, floor, now).await.map_err(|error| match error {
        ClaimError::Used | ClaimError::Expired | ClaimError::Unknown => Error::Enrolment(EnrolmentFault::Refused),
        ClaimError::Central(error) => Error::Central(error),
    })?;
    let mut central = PgCentral::new(server.clone());
    let hello = central.hello(enrolment.device_id).await?;
    let lock_key = match locked_for {
        None => None,
        Some(laptop) => match central.lock_key_of(laptop).await {
            // A server of yesterday keeps none.
            Err(CentralError::Refused { .. }) => None,
            other => other?,
        },
    };
    central.close().await;
    if hello.user_id != enrolment.user_id {
        return Err(Error::Central(CentralError::DeviceRefused("another person".into())));
    }
    Ok(Contact { server, hello, lock_key })
}

/// Runs a conversation with the server on a thread of its own: the caller may be a thread that drives tasks, on which
/// nothing may block on another runtime.
pub(crate) fn apart<T, F>(talk: impl FnOnce() -> F + Send + 'static) -> Result<T>
where
    T: Send + 'static,
    F: Future<Output = T>,
{
    let thread = std::thread::Builder::new().name("enrol".into()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok::<_, std::io::Error>(runtime.block_on(talk()))
    });
    let joined = thread.map_err(|error| Error::File("thread", error))?.join();
    joined.map_err(|_| Error::Bug("enrolment"))?.map_err(|error| Error::File("thread", error))
}
