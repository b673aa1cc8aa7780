//! A private server with the demo company, and two enrolled profiles.

use std::path::{Path, PathBuf};

use chrono::{Local, Utc};
use clara_app::{App, Options};
use clara_central::enroll::{Enroll, Person, enroll};
use clara_central::init::init;
use clara_central::rescue::recovery_recipient;
use clara_central::seed_demo::seed_demo;
use clara_central::{Floor, Secret, Server};
use clara_cluster::{Cluster, ClusterOptions};
use clara_contract::Empty;
use clara_contract::session::{Enroll as EnrollRequest, StartState, Unlock};
use clara_domain::UserId;
use clara_domain::category::Role;

use crate::central::{make_key, wait};
use crate::error::Error;
use crate::output::Output;

/// Opens the demo's profiles where there is no keyring. The company is made up, and so is this.
pub(super) const PASSPHRASE: &str = "keystone demo";

/// Somebody with a laptop.
pub(super) struct Actor {
    pub(super) name: String,
    user_id: UserId,
    pub(super) folder: PathBuf,
}

/// All that a story needs. Dropping it stops the server.
pub(super) struct Stage {
    pub(super) cluster: Cluster,
    admin: Server,
    pub(super) technician: Actor,
    pub(super) manager: Actor,
    /// Removed with the stage where no folder was asked for.
    _temporary: Option<Temporary>,
}

struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _left_for_the_system = std::fs::remove_dir_all(&self.0);
    }
}

impl Stage {
    pub(super) fn set(folder: Option<&Path>, output: &Output) -> Result<Stage, Error> {
        let (folder, temporary) = match folder {
            Some(folder) => (folder.to_owned(), None),
            None => {
                let folder = std::env::temp_dir().join(format!("clara-demo-{}", uuid::Uuid::now_v7()));
                (folder.clone(), Some(Temporary(folder)))
            }
        };
        std::fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        let folder = folder.canonicalize().map_err(Error::file(&folder))?;
        output.note("Starting a private PostgreSQL…");
        let kept = temporary.is_none();
        let cluster = Cluster::start(ClusterOptions {
            folder: kept.then(|| folder.join("cluster")),
            port: None,
            keep: kept,
            settings: Vec::new(),
        })?;
        for note in cluster.notes() {
            output.note(note);
        }
        let admin = Server {
            host: cluster.host().to_owned(),
            port: cluster.port(),
            database: "clara".into(),
            ca_pem: cluster.ca_pem().to_owned(),
            role: cluster.admin_user().to_owned(),
            password: Secret::new(cluster.admin_password()),
            // Ours, on this machine, and nobody else's.
            floor: Floor::AnyOnLoopback,
        };
        output.note("Making the database and loading the demo company…");
        wait(init(&admin, clara_demo::COMPANY))?;
        // Whatever is sealed in the demo can be opened in the demo: its key is no secret, and lies beside it.
        let safe = folder.join("recovery.key");
        if wait(recovery_recipient(&admin))?.is_none() {
            make_key(&admin, clara_demo::COMPANY, &safe)?;
            output.note(&format!("The demo company's recovery key is {}.", safe.display()));
        }
        let seeded = wait(seed_demo(&admin, Local::now().date_naive(), Local::now()))?;
        let actor = |role: Role, word: &str| {
            let person = seeded.people.iter().find(|person| person.role == role);
            let person = person.ok_or_else(|| Error::Story(format!("the demo company has no {word}")))?;
            Ok::<_, Error>(Actor {
                name: person.full_name.clone(),
                user_id: UserId(person.user_id),
                folder: folder.join(word),
            })
        };
        let technician = actor(Role::Technician, "technician")?;
        let manager = actor(Role::Manager, "manager")?;
        let stage = Stage { cluster, admin, technician, manager, _temporary: temporary };
        for actor in [&stage.technician, &stage.manager] {
            stage.enroll(actor, output)?;
        }
        Ok(stage)
    }

    /// Enrols the profile, unless it is and its login still works.
    fn enroll(&self, actor: &Actor, output: &Output) -> Result<(), Error> {
        let app = app(&actor.folder);
        let known = match app.start(Empty {})?.state {
            StartState::Fresh | StartState::Revoked | StartState::SignedOut => false,
            StartState::Locked => app.unlock(Unlock { passphrase: PASSPHRASE.into() }).is_ok(),
            StartState::Open => true,
        };
        if known && app.sync_now(Empty {})?.last_problem.is_none() {
            app.close();
            return Ok(());
        }
        output.note(&format!("Enrolling a laptop for {}…", actor.name));
        let ask = Enroll {
            person: Person::Id(actor.user_id),
            device_name: format!("Laptop of {}", actor.name),
            valid_for: None,
            address: None,
        };
        let enrolment = wait(enroll(&self.admin, &ask, Utc::now()))?;
        app.enroll(EnrollRequest {
            enrolment: enrolment.to_file(),
            device_name: ask.device_name,
            passphrase: Some(PASSPHRASE.into()),
        })?;
        app.close();
        Ok(())
    }

    /// Opens an enrolled profile.
    pub(super) fn open(&self, actor: &Actor) -> Result<App, Error> {
        let app = app(&actor.folder);
        if matches!(app.start(Empty {})?.state, StartState::Locked) {
            app.unlock(Unlock { passphrase: PASSPHRASE.into() })?;
        }
        Ok(app)
    }
}

fn app(folder: &Path) -> App {
    App::new(Options { background: false, floor: Floor::AnyOnLoopback, ..Options::here(folder.to_owned()) })
}
