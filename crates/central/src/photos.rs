//! The photo lane: `sync.photo_*`. Bytes travel apart from the row, a chunk at a time, each in its own transaction.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_domain::PhotoId;
use clara_sync::{CentralError, ChunkAck, MAX_CHUNK_BYTES, PhotoAsk};
use sqlx::Row as _;

use crate::client::{PgCentral, in_time};
use crate::connect::{Mode, call_error, sql};
use crate::hello::garbled;
use crate::message::Message;
use crate::table::{integer, text};

pub(crate) async fn ask(central: &mut PgCentral, photo: PhotoId, chunks: i32) -> Result<PhotoAsk, CentralError> {
    let message = Message::snapshot()
        .sql("SELECT t.state,array_to_string(t.missing,' ') FROM sync.photo_ask(")
        .uuid(photo.uuid())
        .sql(",")
        .integer(chunks.into())
        .sql("::integer) t")
        .end();
    let answers = central.exchange(message).await?;
    let Some(row) = answers.first().and_then(|rows| rows.first()) else { return Ok(PhotoAsk::NoRow) };
    Ok(match text(row, 0)? {
        Some("stored") => PhotoAsk::Stored,
        Some("waiting") => {
            let numbers = text(row, 1)?.unwrap_or_default();
            let numbers = numbers.split_whitespace().map(str::parse).collect::<Result<_, _>>();
            PhotoAsk::Missing(numbers.map_err(|_| garbled())?)
        }
        _ => PhotoAsk::NoRow,
    })
}

pub(crate) async fn store_chunk(
    central: &mut PgCentral,
    photo: PhotoId,
    number: i32,
    bytes: &[u8],
) -> Result<(), CentralError> {
    if bytes.is_empty() || bytes.len() > MAX_CHUNK_BYTES {
        return Err(CentralError::Refused {
            code: "chunk_size".to_owned(),
            message: format!("a chunk of {} bytes cannot be sent", bytes.len()),
        });
    }
    if central.is_near() {
        return store_near(central, photo, number, bytes).await;
    }
    let message = Message::write()
        .sql("SELECT sync.photo_chunk(")
        .uuid(photo.uuid())
        .sql(",")
        .integer(number.into())
        .sql("::integer,")
        .bytes(bytes)
        .sql(")")
        .end();
    central.exchange(message).await.map(drop)
}

async fn store_near(central: &mut PgCentral, photo: PhotoId, number: i32, bytes: &[u8]) -> Result<(), CentralError> {
    let mut connection = central.take_connection().await?;
    in_time(async {
        let mut tx = connection.begin(Mode::Write).await?;
        let statement = sql("SELECT sync.photo_chunk($1, $2, $3)").bind(photo.uuid()).bind(number).bind(bytes);
        tx.execute(statement).await?;
        tx.commit().await
    })
    .await?;
    central.keep(connection);
    Ok(())
}

pub(crate) async fn finish(central: &mut PgCentral, photo: PhotoId) -> Result<ChunkAck, CentralError> {
    let message = Message::write().sql("SELECT sync.photo_finish(").uuid(photo.uuid()).sql(")::integer").end();
    let answers = central.exchange(message).await?;
    let row = answers.first().and_then(|rows| rows.first()).ok_or_else(garbled)?;
    Ok(if integer(row, 0)? == 1 { ChunkAck::Stored } else { ChunkAck::Mismatch })
}

pub(crate) async fn fetch(
    central: &mut PgCentral,
    photo: PhotoId,
    number: i32,
) -> Result<Option<Vec<u8>>, CentralError> {
    if central.is_near() {
        return fetch_near(central, photo, number).await;
    }
    let message = Message::snapshot()
        .sql("SELECT encode(sync.photo_fetch(")
        .uuid(photo.uuid())
        .sql(",")
        .integer(number.into())
        .sql("::integer),'base64')")
        .end()
        .awaits(MAX_CHUNK_BYTES * 4 / 3);
    let answers = central.exchange(message).await?;
    let Some(encoded) = answers.first().and_then(|rows| rows.first()).map(|row| text(row, 0)).transpose()?.flatten()
    else {
        return Ok(None);
    };
    // PostgreSQL breaks base64 into lines.
    let encoded: Vec<u8> = encoded.bytes().filter(|byte| *byte != b'\n').collect();
    STANDARD.decode(encoded).map(Some).map_err(|_| garbled())
}

async fn fetch_near(central: &mut PgCentral, photo: PhotoId, number: i32) -> Result<Option<Vec<u8>>, CentralError> {
    let mut connection = central.take_connection().await?;
    let bytes = in_time(async {
        let mut tx = connection.begin(Mode::Snapshot).await?;
        let statement = sql("SELECT sync.photo_fetch($1, $2)").bind(photo.uuid()).bind(number);
        let row = tx.fetch_one(statement).await?;
        tx.commit().await?;
        row.try_get(0).map_err(call_error)
    })
    .await?;
    central.keep(connection);
    Ok(bytes)
}
