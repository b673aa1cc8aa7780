//! Buckets of hashes, and the keys in a bucket.

use std::collections::BTreeMap;

use clara_domain::mirror::Entity;
use clara_sync::{Bucket, CentralError, Cursor, RowKey};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Server;

fn bucket_of(id: Uuid) -> i16 {
    i16::from(id.as_bytes()[0])
}

fn hash(id: Uuid, row_ver: i64) -> i64 {
    let digest = Sha256::digest(format!("{id}:{row_ver}"));
    digest.first_chunk::<8>().copied().map_or(0, i64::from_be_bytes)
}

impl Server {
    /// The buckets of a table within scope.
    pub fn buckets(&mut self, user: Uuid, entity: Entity) -> Result<(Cursor, Vec<Bucket>), CentralError> {
        let mut buckets: BTreeMap<i16, Bucket> = BTreeMap::new();
        for row in self.visible_rows(user, entity)? {
            let number = bucket_of(row.id);
            let bucket = buckets.entry(number).or_insert(Bucket { bucket: number, count: 0, sum: 0, xor: 0 });
            let hash = hash(row.id, row.row_ver);
            bucket.count += 1;
            bucket.sum = bucket.sum.wrapping_add(hash);
            bucket.xor ^= hash;
        }
        Ok((self.snapshot(), buckets.into_values().collect()))
    }

    /// The keys in some buckets.
    pub fn bucket_keys(&mut self, user: Uuid, entity: Entity, buckets: &[i16]) -> Result<Vec<RowKey>, CentralError> {
        Ok(self
            .visible_rows(user, entity)?
            .filter(|row| buckets.contains(&bucket_of(row.id)))
            .map(|row| RowKey { id: row.id, row_ver: row.row_ver })
            .collect())
    }
}
