//! Moving bytes between the database and another store, one photo at a time, so that it can be stopped at any moment
//! and run again: bytes are deleted only where they were read back from their new place with the right hash.

use clara_domain::PhotoId;
use serde::Serialize;
use sqlx::Row as _;

use super::{Database, PhotoName, PhotoStore, StoreError};
use crate::connect::{Mode, Server, call_error, sql};
use crate::error::AdminError;

/// What was moved.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Photos.
    pub photos: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Photos that stayed where they were because their bytes are not what their rows say.
    pub damaged: Vec<PhotoId>,
}

/// What a look at every photo found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// In the database, with the right hash.
    pub in_database: u64,
    /// In the other store, with the right hash.
    pub in_store: u64,
    /// Nowhere, or with another hash.
    pub damaged: Vec<PhotoId>,
}

/// Photos whose bytes lie in the database and are checked; the oldest first.
const HERE: &str = "SELECT p.id, p.sha256 FROM public.photos p
    WHERE p.state = 'stored' AND p.created_at < (now() AT TIME ZONE 'UTC') - make_interval(days => $1)
      AND NOT EXISTS (SELECT FROM sync.photo_place k WHERE k.photo_id = p.id)
      AND EXISTS (SELECT FROM sync.photo_chunk c WHERE c.photo_id = p.id)
    ORDER BY p.created_at, p.id";
/// Photos that a store of this name has.
const THERE: &str = "SELECT p.id, p.sha256 FROM public.photos p JOIN sync.photo_place k ON k.photo_id = p.id
    WHERE k.place = $1 ORDER BY p.created_at, p.id";
const ALL: &str = "SELECT p.id, p.sha256 FROM public.photos p WHERE p.state = 'stored' ORDER BY p.id";

async fn names(
    database: &mut Database<'_>,
    query: sqlx::query::Query<'_, sqlx::Postgres, sqlx::postgres::PgArguments>,
) -> Result<Vec<PhotoName>, StoreError> {
    let mut tx = database.connection().begin(Mode::Snapshot).await?;
    let rows = tx.fetch_all(query).await?;
    tx.commit().await?;
    rows.iter()
        .map(|row| {
            Ok(PhotoName {
                id: PhotoId(row.try_get("id").map_err(call_error)?),
                sha256: row.try_get("sha256").map_err(call_error)?,
            })
        })
        .collect()
}

/// Moves the bytes of photos older than `days` out of the database. Laptops that still need them are told that they are
/// kept elsewhere; [`bring_back`] undoes it.
///
/// # Errors
/// [`AdminError`]; what was moved before stays moved, and the rest goes when it is run again.
pub async fn move_out(admin: &Server, store: &mut impl PhotoStore, days: u16) -> Result<Moved, AdminError> {
    let mut connection = admin.connect().await?;
    let mut database = Database::new(&mut connection);
    let mut moved = Moved::default();
    for photo in names(&mut database, sql(HERE).bind(i32::from(days))).await? {
        let Some(bytes) = database.get(&photo).await?.filter(|bytes| photo.is_of(bytes)) else {
            moved.damaged.push(photo.id);
            continue;
        };
        store.put(&photo, &bytes).await?;
        // Not what was written but what can be read: a full or lying disk must not cost a photo.
        if !store.get(&photo).await?.is_some_and(|back| photo.is_of(&back)) {
            return Err(StoreError::Changed(photo.id).into());
        }
        let mut tx = database.connection().begin(Mode::Write).await?;
        tx.execute(
            sql("INSERT INTO sync.photo_place (photo_id, place, key) VALUES ($1, $2, $3)
                 ON CONFLICT (photo_id) DO UPDATE SET place = excluded.place, key = excluded.key, moved_at = now()")
            .bind(photo.id.uuid())
            .bind(store.place())
            .bind(store.key(&photo)),
        )
        .await?;
        tx.execute(sql("DELETE FROM sync.photo_chunk WHERE photo_id = $1").bind(photo.id.uuid())).await?;
        tx.commit().await?;
        moved.photos += 1;
        moved.bytes += bytes.len() as u64;
    }
    connection.close().await;
    Ok(moved)
}

/// Puts bytes from a store back into the database, where laptops can fetch them. The store keeps its copy.
///
/// # Errors
/// As [`move_out`].
pub async fn bring_back(admin: &Server, store: &mut impl PhotoStore) -> Result<Moved, AdminError> {
    let mut connection = admin.connect().await?;
    let mut database = Database::new(&mut connection);
    let mut moved = Moved::default();
    for photo in names(&mut database, sql(THERE).bind(store.place())).await? {
        let Some(bytes) = store.get(&photo).await?.filter(|bytes| photo.is_of(bytes)) else {
            moved.damaged.push(photo.id);
            continue;
        };
        database.put(&photo, &bytes).await?;
        let mut tx = database.connection().begin(Mode::Write).await?;
        tx.execute(sql("DELETE FROM sync.photo_place WHERE photo_id = $1").bind(photo.id.uuid())).await?;
        tx.commit().await?;
        moved.photos += 1;
        moved.bytes += bytes.len() as u64;
    }
    connection.close().await;
    Ok(moved)
}

/// One photo's bytes from wherever they are: the database first, then the store. None where neither has them with the
/// right hash.
///
/// # Errors
/// [`AdminError`] where either cannot be read.
pub async fn read(admin: &Server, store: &mut impl PhotoStore, id: PhotoId) -> Result<Option<Vec<u8>>, AdminError> {
    let mut connection = admin.connect().await?;
    let mut database = Database::new(&mut connection);
    let query = sql("SELECT p.id, p.sha256 FROM public.photos p WHERE p.id = $1").bind(id.uuid());
    let mut found = None;
    if let Some(photo) = names(&mut database, query).await?.first() {
        found = database.get(photo).await?.filter(|bytes| photo.is_of(bytes));
        if found.is_none() {
            found = store.get(photo).await?.filter(|bytes| photo.is_of(bytes));
        }
    }
    connection.close().await;
    Ok(found)
}

/// Reads every stored photo and compares its hash.
///
/// # Errors
/// [`AdminError`] where either place cannot be read at all.
pub async fn verify(admin: &Server, store: &mut impl PhotoStore) -> Result<Kept, AdminError> {
    let mut connection = admin.connect().await?;
    let mut database = Database::new(&mut connection);
    let mut kept = Kept::default();
    for photo in names(&mut database, sql(ALL)).await? {
        if database.get(&photo).await?.is_some_and(|bytes| photo.is_of(&bytes)) {
            kept.in_database += 1;
        } else if store.get(&photo).await?.is_some_and(|bytes| photo.is_of(&bytes)) {
            kept.in_store += 1;
        } else {
            kept.damaged.push(photo.id);
        }
    }
    connection.close().await;
    Ok(kept)
}
