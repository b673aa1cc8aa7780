use clara_central::enroll::{BadEnrolment, ClaimError, Enrolment, claim};
use clara_central::{PgCentral, Secret, Server};
use clara_contract::session::{Enroll, Session};
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
        let before = folder.read()?;
        // The same person again, after a lost login or on a new device id: the work that is here stays theirs.
        if before.as_ref().is_some_and(|known| known.user_id != enrolment.user_id) {
            return Err(Error::NotAllowed(Rule::AlreadyEnrolled));
        }
        let key = match self.opened().filter(|open| !open.session.demo) {
            Some(open) => open.key.clone(),
            None => self.key_for(&folder, before.is_some(), request.passphrase.as_deref())?,
        };
        if let Some(recipient) = &enrolment.recovery_recipient {
            crate::rescue::learn(&Vault::at(&folder.keys(), self.options.keyring), &key, recipient);
        }
        let password = kept_password(&folder, &key, before.is_some())?;
        let floor = self.options.floor;
        let (server, hello) = {
            let (enrolment, password, now) = (enrolment.clone(), password, self.now());
            apart(move || async move { contact(&enrolment, &password, floor, now).await })?
        }?;
        self.close();
        let role: Role = hello.role.parse().unwrap_or(Role::Technician);
        let opened = Mirror::open(&folder.mirror(), &DataKey::from_bytes(*key.bytes()), self.now())?;
        opened.mirror.write(self.now(), |write| {
            write.enroll(LocalProfile {
                device: enrolment.device_id,
                user: enrolment.user_id,
                role: role.word().into(),
            })
        })?;
        drop(opened);
        let profile = Profile {
            version: 1,
            user_id: enrolment.user_id,
            full_name: enrolment.full_name.clone(),
            role,
            device_id: enrolment.device_id,
            device_name: device_name.into(),
            company: enrolment.company.clone(),
            server: Some(ServerAddress {
                host: server.host,
                port: server.port,
                database: server.database,
                ca_pem: server.ca_pem,
                login: server.role,
            }),
        };
        if before.is_some() {
            let (pending, login) = (folder.keys().join(PENDING), folder.login());
            std::fs::rename(pending, login).map_err(|error| Error::File("login", error))?;
        }
        folder.write(&profile)?;
        let open = self.open_profile(&folder, &profile, key)?;
        Ok(self.refreshed(&open))
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

/// The password that this laptop chose, or chooses now. An enrolment after the first chooses a new one.
fn kept_password(folder: &Folder, key: &Key, again: bool) -> Result<Secret> {
    let pending = folder.keys().join(PENDING);
    let known = if again { pending.clone() } else { folder.login() };
    if let Ok(sealed) = std::fs::read(&known)
        && let Some(password) = open_with_key(key, LOGIN, &sealed)
        && let Ok(password) = String::from_utf8(password.to_vec())
    {
        return Ok(Secret::new(password));
    }
    let password = Secret::random().map_err(VaultError::from)?;
    let sealed = seal_with_key(key, LOGIN, password.expose().as_bytes())?;
    write_private(&known, &sealed).map_err(|error| Error::File("login", error))?;
    Ok(password)
}

async fn contact(
    enrolment: &Enrolment,
    password: &Secret,
    floor: clara_central::Floor,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(Server, Hello)> {
    let server = claim(enrolment, password, floor, now).await.map_err(|error| match error {
        ClaimError::Used | ClaimError::Expired | ClaimError::Unknown => Error::Enrolment(EnrolmentFault::Refused),
        ClaimError::Central(error) => Error::Central(error),
    })?;
    let mut central = PgCentral::new(server.clone());
    let hello = central.hello(enrolment.device_id).await?;
    central.close().await;
    if hello.user_id != enrolment.user_id {
        return Err(Error::Central(CentralError::DeviceRefused("another person".into())));
    }
    Ok((server, hello))
}

/// Runs a conversation with the server on a thread of its own: the caller may be a thread that drives tasks, on which
/// nothing may block on another runtime.
fn apart<T, F>(talk: impl FnOnce() -> F + Send + 'static) -> Result<T>
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
