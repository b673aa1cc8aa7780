//! What a laptop in a process of its own is to save and to send; passed to it in a file.

use std::error::Error;
use std::io;
use std::path::Path;

use chrono::Utc;
use clara_central::PgCentral;
use clara_central::connect::{Floor, Secret, Server};
use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_local::{DataKey, Mirror, Options, PhotoNew};
use clara_sync::{Environment, Progress, Wish, sync_once};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::shift::Chance;

/// One errand.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Errand {
    /// The profile's key.
    pub key: [u8; 32],
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its database.
    pub database: String,
    /// Its authority.
    pub ca_pem: String,
    /// The login.
    pub role: String,
    /// Its password.
    pub password: Secret,
    /// The job and the item that everything is about.
    pub job: Uuid,
    /// See `job`.
    pub item: Uuid,
    /// The person.
    pub person: Uuid,
    /// What the saves and photos are made from.
    pub seed: u64,
    /// So many inspections, each with a photo of more than one chunk.
    pub saves: u32,
}

impl Errand {
    /// Saves, says so, and syncs until nothing is left or an error ends it.
    ///
    /// # Errors
    /// Where it did not come to its end.
    pub fn run(
        &self,
        folder: &Path,
        mut acknowledge: impl FnMut(Uuid) -> io::Result<()>,
    ) -> Result<(), Box<dyn Error>> {
        let options = Options { ballast_bytes: 1 << 14, low_space_bytes: 1 << 14, ..Options::default() };
        let key = DataKey::from_bytes(self.key);
        let mut mirror = Mirror::open_with(folder, &key, Utc::now(), options)?.mirror;
        let mut chance = Chance::of(self.seed, 0);
        for number in 0..self.saves {
            let (inspection, photo) = (Uuid::now_v7(), Uuid::now_v7());
            let bytes = chance.bytes(280_000);
            let record = object(json!({
                "job_id": self.job, "equipment_id": self.item, "inspector_id": self.person,
                "inspection_date": "2026-03-02", "inspection_type": "annual", "passed": true,
                "findings": format!("Errand {} save {number}", self.seed), "deficiencies": [],
            }));
            let picture = object(json!({
                "job_id": self.job, "equipment_id": self.item, "inspection_id": inspection, "mime": "image/jpeg",
                "width": 640, "height": 480,
            }));
            mirror.write(Utc::now(), |tx| {
                tx.insert(Entity::InspectionRecords, inspection, inspection, record)?;
                tx.attach_photo(PhotoNew {
                    id: PhotoId(photo),
                    root_id: photo,
                    fields: picture,
                    bytes: &bytes,
                    thumbnail: &[],
                })
            })?;
            acknowledge(inspection)?;
            acknowledge(photo)?;
        }
        let mut central = PgCentral::new(Server {
            host: self.host.clone(),
            port: self.port,
            database: self.database.clone(),
            ca_pem: self.ca_pem.clone(),
            role: self.role.clone(),
            password: self.password.clone(),
            floor: Floor::Safe,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let report = runtime.block_on(sync_once(&mut mirror, &mut central, Wish::default(), &mut Wall));
        match report.error {
            None => Ok(()),
            Some(error) => Err(format!("{error:?}").into()),
        }
    }
}

fn object(value: Value) -> Fields {
    match value {
        Value::Object(fields) => fields,
        _ => Fields::new(),
    }
}

/// The clock on the wall.
struct Wall;

impl Environment for Wall {
    fn now(&mut self) -> chrono::DateTime<Utc> {
        Utc::now()
    }

    fn progress(&mut self, _: Progress) {}

    fn stopped(&mut self) -> bool {
        false
    }
}
