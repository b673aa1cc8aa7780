//! The audit: buckets of hashes, and the keys in a bucket that differs.

use clara_domain::mirror::Entity;
use clara_sync::{Bucket, CentralError, Cursor, RowKey};

use crate::client::PgCentral;
use crate::hello::garbled;
use crate::message::Message;
use crate::reply::Reply;
use crate::table::{self, integer, present, uuid};

const BUCKETS: &str = "SELECT b.bucket,count(*),sum(b.hash)::text,bit_xor(b.hash) FROM (\
    SELECT get_byte(uuid_send(t.id),0) AS bucket,\
    ('x'||encode(substring(sha256(convert_to(t.id::text||':'||t.row_ver::text,'UTF8')) FOR 8),'hex'))::bit(64)::bigint \
    AS hash";

pub(crate) async fn buckets(central: &mut PgCentral, entity: Entity) -> Result<(Cursor, Vec<Bucket>), CentralError> {
    let (source, _) = table::of(entity)?;
    let message = Message::snapshot()
        .sql("SELECT pg_current_snapshot()::text")
        .end()
        .sql(BUCKETS)
        .sql(source.from)
        .sql(") b GROUP BY b.bucket ORDER BY b.bucket")
        .end();
    let answers = central.exchange(message).await?;
    let [snapshot, rows] = answers.as_slice() else { return Err(garbled()) };
    let cursor = present(snapshot.first().ok_or_else(garbled)?, 0)?.parse().map_err(|_| garbled())?;
    let buckets = rows.iter().map(read_bucket).collect::<Result<_, _>>()?;
    Ok((cursor, buckets))
}

fn read_bucket(row: Reply<'_>) -> Result<Bucket, CentralError> {
    // A sum of up to 2^63 rows fits; what the mirror keeps is its low 64 bits.
    let sum: i128 = present(row, 2)?.parse().map_err(|_| garbled())?;
    Ok(Bucket {
        bucket: i16::try_from(integer(row, 0)?).map_err(|_| garbled())?,
        count: integer(row, 1)?,
        sum: sum as i64,
        xor: integer(row, 3)?,
    })
}

pub(crate) async fn bucket_keys(
    central: &mut PgCentral,
    entity: Entity,
    buckets: &[i16],
) -> Result<Vec<RowKey>, CentralError> {
    let (source, _) = table::of(entity)?;
    let mut message = Message::snapshot()
        .sql("SELECT t.id,t.row_ver")
        .sql(source.from)
        .sql(" WHERE get_byte(uuid_send(t.id),0) IN (-1");
    for bucket in buckets {
        message = message.sql(",").integer((*bucket).into());
    }
    let answers = central.exchange(message.sql(") ORDER BY t.id").end()).await?;
    let rows = answers.first().ok_or_else(garbled)?;
    rows.iter().map(|row| Ok(RowKey { id: uuid(row, 0)?, row_ver: integer(row, 1)? })).collect()
}
