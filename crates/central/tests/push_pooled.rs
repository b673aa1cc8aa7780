//! The same client through PgBouncer in transaction mode, with fewer connections than laptops.
#![allow(clippy::unwrap_used)]

mod company;

use clara_central::PgCentral;
use clara_cluster::PgBouncer;
use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_domain::operation::Outcome;
use clara_sync::{Central, ChunkAck, PhotoAsk};
use company::{ANNA, Company, job, pump, site};
use serde_json::json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_laptops_over_a_pool_of_one_to_three_get_each_their_own_answers() {
    let company = Company::open().await;
    // One device each: pushes of one device wait for each other.
    company.sql(
        "INSERT INTO sync.device (id, user_id, name) SELECT ('00000000-0000-4000-8000-00000000e00' || n)::uuid,
            '00000000-0000-4000-8000-000000000001', 'spare ' || n FROM generate_series(1, 6) n",
    );
    for pool in [1, 3] {
        let pooler = PgBouncer::start(company.cluster(), pool).unwrap();
        let mut laptops = Vec::new();
        for number in 1..=6 {
            let mut server = company.server("anna", "anna");
            server.port = pooler.port();
            let mut laptop = company.laptop(ANNA);
            laptop.device = company::id(&format!("e00{number}")).into();
            laptop.seq = i64::from(pool) * 1000;
            laptop.central = PgCentral::new(server);
            laptops.push(laptop);
        }
        let work = laptops.into_iter().map(|mut laptop| {
            tokio::spawn(async move {
                for round in 0..15_u8 {
                    let hello = laptop.central.hello(laptop.device).await.unwrap();
                    assert_eq!(hello.user_id.uuid(), laptop.person);
                    let inspection = laptop.inspection(1);
                    let bytes = vec![round; 1000];
                    let hash: String = Sha256::digest(&bytes).iter().map(|b| format!("{b:02x}")).collect();
                    let photo = PhotoId(Uuid::now_v7());
                    let row = laptop.insert(
                        Entity::Photos,
                        photo.0,
                        json!({
                            "inspection_id": inspection.row_id, "job_id": job(1), "sha256": hash, "mime": "image/png",
                            "byte_count": 1000,
                        }),
                    );
                    let receipts = laptop.push(&[inspection.clone(), row]).await;
                    assert!(receipts.iter().all(|r| r.outcome == Outcome::Applied), "{receipts:?}");
                    let pull = laptop.pull(&hello.snapshot).await;
                    let mine = company::rows(&pull, Entity::InspectionRecords);
                    assert!(mine.iter().any(|(id, _)| *id == inspection.row_id), "a later pull shows what was applied");
                    let rows = laptop.central.rows(Entity::EquipmentInventory, &[pump(1), pump(3)]).await.unwrap();
                    assert_eq!(rows.iter().map(|r| r.id).collect::<Vec<_>>(), [pump(1)]);
                    let page = laptop.central.page(Entity::Locations, Some(site(1)), 10).await.unwrap();
                    assert_eq!(page.rows.iter().map(|r| r.id).collect::<Vec<_>>(), [site(2)]);
                    assert_eq!(laptop.central.photo_ask(photo, 1).await.unwrap(), PhotoAsk::Missing(vec![0]));
                    laptop.central.photo_chunk(photo, 0, bytes.clone()).await.unwrap();
                    assert_eq!(laptop.central.photo_finish(photo).await.unwrap(), ChunkAck::Stored);
                    assert_eq!(laptop.central.photo_fetch(photo, 0).await.unwrap(), Some(bytes));
                }
            })
        });
        for laptop in work.collect::<Vec<_>>() {
            laptop.await.unwrap();
        }
    }
    assert_eq!(company.sql("SELECT count(*), count(DISTINCT id) FROM inspection_records"), "180|180");
}
