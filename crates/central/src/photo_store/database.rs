use clara_sync::MAX_CHUNK_BYTES;
use sqlx::Row as _;

use super::{PhotoName, PhotoStore, StoreError};
use crate::connect::{Connection, Mode, call_error, sql};

/// The database: `sync.photo_chunk`, where bytes arrive and where laptops fetch them.
#[derive(Debug)]
pub struct Database<'c> {
    connection: &'c mut Connection,
}

impl<'c> Database<'c> {
    /// Over an administrator's connection.
    pub fn new(connection: &'c mut Connection) -> Self {
        Self { connection }
    }

    pub(super) fn connection(&mut self) -> &mut Connection {
        self.connection
    }
}

impl PhotoStore for Database<'_> {
    fn place(&self) -> String {
        "database".to_owned()
    }

    fn key(&self, photo: &PhotoName) -> String {
        photo.id.to_string()
    }

    async fn put(&mut self, photo: &PhotoName, bytes: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.connection.begin(Mode::Write).await?;
        for (number, chunk) in (0_i32..).zip(bytes.chunks(MAX_CHUNK_BYTES)) {
            let statement = sql("INSERT INTO sync.photo_chunk (photo_id, number, bytes) VALUES ($1, $2, $3)
                 ON CONFLICT (photo_id, number) DO UPDATE SET bytes = excluded.bytes");
            tx.execute(statement.bind(photo.id.uuid()).bind(number).bind(chunk.to_vec())).await?;
        }
        Ok(tx.commit().await?)
    }

    async fn get(&mut self, photo: &PhotoName) -> Result<Option<Vec<u8>>, StoreError> {
        let mut tx = self.connection.begin(Mode::Snapshot).await?;
        let statement = sql("SELECT string_agg(c.bytes, ''::bytea ORDER BY c.number) AS whole
             FROM sync.photo_chunk c WHERE c.photo_id = $1");
        let row = tx.fetch_one(statement.bind(photo.id.uuid())).await?;
        tx.commit().await?;
        Ok(row.try_get("whole").map_err(call_error)?)
    }
}
