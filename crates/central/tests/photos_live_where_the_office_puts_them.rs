//! Bytes of photos: in the database, in a folder, and back, with the same hash everywhere.
#![allow(clippy::unwrap_used)]

mod support;

use std::path::Path;

use chrono::Utc;
use clara_central::photo_store::{Folder, Kept, PhotoName, PhotoStore, StoreError, bring_back, move_out, read, verify};
use clara_central::seed_demo::seed_demo;
use clara_central::{AdminError, PgCentral, Server};
use clara_domain::PhotoId;
use clara_sync::{Central as _, CentralError};
use support::{company, laptop, psql};
use tempfile::TempDir;
use uuid::Uuid;

async fn with_photos(database: &str) -> (Server, Vec<PhotoId>) {
    let admin = company(database).await;
    seed_demo(&admin, Utc::now().date_naive(), Utc::now()).await.unwrap();
    let ids = psql(database, "SELECT id FROM photos WHERE state = 'stored' ORDER BY id");
    let ids: Vec<PhotoId> = ids.lines().map(|id| id.parse().unwrap()).collect();
    assert!(ids.len() > 3, "the demo has photos");
    (admin, ids)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap().flat_map(|entry| std::fs::read_dir(entry.unwrap().path()).unwrap());
    entries.map(|entry| entry.unwrap().path()).collect()
}

async fn fetched(central: &mut PgCentral, id: PhotoId) -> Result<Vec<u8>, CentralError> {
    let (mut bytes, mut number) = (Vec::new(), 0);
    while let Some(chunk) = central.photo_fetch(id, number).await? {
        bytes.extend(chunk);
        number += 1;
    }
    Ok(bytes)
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_move_out_and_come_back_and_a_laptop_is_told_where_they_are() {
    let (admin, photos) = with_photos("moves").await;
    let manager: Uuid = psql("moves", "SELECT id FROM users WHERE role = 'manager' LIMIT 1").parse().unwrap();
    let mut central = PgCentral::new(laptop(&admin, manager.into()).await);
    let before = fetched(&mut central, photos[0]).await.unwrap();
    assert!(!before.is_empty());
    let rows = psql("moves", "SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM photos p");

    let folder = TempDir::new().unwrap();
    let mut store = Folder::open(folder.path()).unwrap();
    let moved = move_out(&admin, &mut store, 0).await.unwrap();
    assert_eq!((moved.photos as usize, moved.damaged.len()), (photos.len(), 0));
    assert_eq!(psql("moves", "SELECT count(*) FROM sync.photo_chunk"), "0", "the database is rid of them");
    assert_eq!(
        psql("moves", "SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM photos p"),
        rows,
        "no row changed, so nothing travels to any laptop"
    );

    let told = fetched(&mut central, photos[0]).await.unwrap_err();
    assert!(matches!(&told, CentralError::Refused { code, .. } if code == "CL012"), "not an empty file: {told}");
    assert_eq!(read(&admin, &mut store, photos[0]).await.unwrap().as_deref(), Some(before.as_slice()));
    let kept = verify(&admin, &mut store).await.unwrap();
    assert_eq!(kept, Kept { in_database: 0, in_store: photos.len() as u64, damaged: vec![] });
    assert_eq!(move_out(&admin, &mut store, 0).await.unwrap().photos, 0, "a second run finds nothing to do");

    let back = bring_back(&admin, &mut store).await.unwrap();
    assert_eq!((back.photos, back.bytes), (moved.photos, moved.bytes));
    assert_eq!(fetched(&mut central, photos[0]).await.unwrap(), before);
    assert_eq!(psql("moves", "SELECT count(*) FROM sync.photo_place"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_with_other_bytes_than_its_row_says_is_neither_moved_nor_deleted() {
    let (admin, photos) = with_photos("damages").await;
    psql(
        "damages",
        &format!("UPDATE sync.photo_chunk SET bytes = 'no picture' WHERE photo_id = '{}'", photos[1].uuid()),
    );
    let folder = TempDir::new().unwrap();
    let mut store = Folder::open(folder.path()).unwrap();
    let moved = move_out(&admin, &mut store, 0).await.unwrap();
    assert_eq!(moved.damaged, [photos[1]]);
    assert_eq!(psql("damages", "SELECT photo_id FROM sync.photo_chunk"), photos[1].uuid().to_string());

    // A file in the folder is tampered with.
    let path = files(folder.path()).pop().unwrap();
    std::fs::write(&path, "tampered").unwrap();
    let kept = verify(&admin, &mut store).await.unwrap();
    assert_eq!(kept.damaged.len(), 2);
    let back = bring_back(&admin, &mut store).await.unwrap();
    assert_eq!((back.photos as usize, back.damaged.len()), (photos.len() - 2, 1), "what is wrong is not brought back");
}

/// A disk that says yes and keeps nothing.
struct Forgetful;

impl PhotoStore for Forgetful {
    fn place(&self) -> String {
        "nowhere".to_owned()
    }
    fn key(&self, photo: &PhotoName) -> String {
        photo.sha256.clone()
    }
    async fn put(&mut self, _: &PhotoName, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
    async fn get(&mut self, _: &PhotoName) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_deleted_for_a_store_that_does_not_give_back_what_it_took() {
    let (admin, photos) = with_photos("lies").await;
    let chunks = psql("lies", "SELECT count(*) FROM sync.photo_chunk");
    let error = move_out(&admin, &mut Forgetful, 0).await.unwrap_err();
    assert!(matches!(error, AdminError::Store(StoreError::Changed(_))), "{error}");
    assert_eq!(psql("lies", "SELECT count(*) FROM sync.photo_chunk"), chunks);
    assert_eq!(psql("lies", "SELECT count(*) FROM sync.photo_place"), "0");
    assert!(Folder::open(Path::new("/nonexistent/disk")).is_err(), "a disk that is not mounted is no empty store");

    // A hash is the row's, and rows come from laptops: it must not be a path.
    let folder = TempDir::new().unwrap();
    let mut store = Folder::open(folder.path()).unwrap();
    for sha256 in ["../../etc/passwd", "ab", "", &"A".repeat(64), &format!("../{}", "a".repeat(61))] {
        let name = PhotoName { id: photos[0], sha256: sha256.to_owned() };
        assert!(matches!(store.put(&name, b"x").await, Err(StoreError::BadHash(_))), "{sha256}");
    }
}
