//! The photo lane: `sync.photo_*`. Bytes travel apart from the row, a chunk at a time, each in its own transaction.

use clara_domain::PhotoId;
use clara_sync::{CentralError, ChunkAck, MAX_CHUNK_BYTES, PhotoAsk};

use crate::client::PgCentral;
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
    bytes: Vec<u8>,
) -> Result<(), CentralError> {
    if bytes.is_empty() || bytes.len() > MAX_CHUNK_BYTES {
        return Err(CentralError::Refused {
            code: "chunk_size".to_owned(),
            message: format!("a chunk of {} bytes cannot be sent", bytes.len()),
        });
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
    let message = Message::snapshot()
        .sql("SELECT sync.photo_fetch(")
        .uuid(photo.uuid())
        .sql(",")
        .integer(number.into())
        .sql("::integer)")
        .end()
        .binary();
    let answers = central.exchange(message).await?;
    let row = answers.first().and_then(|rows| rows.first()).ok_or_else(garbled)?;
    Ok(row.value(0).ok_or_else(garbled)?.map(<[u8]>::to_vec))
}
