//! Both sides compared, bucket by bucket, and healed row by row. Nothing is ever wiped because of a mismatch.

use std::collections::{BTreeMap, BTreeSet};

use clara_domain::DeviceId;
use clara_domain::mirror::{Entity, TABLES};
use uuid::Uuid;

use crate::central::{Bucket, Central, RowKey};
use crate::cursor::Cursor;
use crate::engine::{Environment, pull};
use crate::replica::{Repair, Replica};
use crate::report::{Progress, SyncError, SyncReport};

/// Rows asked for in one call.
const ROWS_AT_ONCE: usize = 500;

/// Compares every table after a pull and puts right what differs.
pub(crate) async fn run_audit<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let mut repairs = Vec::new();
    for table in TABLES {
        env.progress(Progress::Checking { entity: table.entity });
        let mut buckets = differing(&central.buckets(table.entity).await?.1, &replica.buckets(table.entity)?);
        if buckets.is_empty() {
            continue;
        }
        // Most differences are rows that changed since the pull. Take those the ordinary way first, so that what
        // remains is worth a line in the repair log.
        pull(replica, central, device, report).await?;
        buckets = differing(&central.buckets(table.entity).await?.1, &replica.buckets(table.entity)?);
        repairs.extend(heal(replica, central, table.entity, &buckets, report).await?);
    }
    replica.audited(&repairs, env.now())?;
    report.repairs = Some(repairs);
    Ok(())
}

/// After a restore the cursor means nothing: every table is compared, what differs is fetched, and the mirror then
/// stands at the snapshot read before the first comparison. What changed during it comes with the next pull.
pub(crate) async fn reconcile<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    snapshot: &Cursor,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let mut repairs = Vec::new();
    for table in TABLES {
        if env.stopped() {
            return Err(SyncError::Stopped);
        }
        env.progress(Progress::Checking { entity: table.entity });
        let buckets = differing(&central.buckets(table.entity).await?.1, &replica.buckets(table.entity)?);
        repairs.extend(heal(replica, central, table.entity, &buckets, report).await?);
    }
    let now = env.now();
    replica.end_reconcile(snapshot, now)?;
    replica.audited(&repairs, now)?;
    report.repairs = Some(repairs);
    Ok(())
}

/// Fetches rows that the laptop lost sight of: operations that were withdrawn or declined.
pub(crate) async fn refetch<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let mut by_table: BTreeMap<Entity, Vec<Uuid>> = BTreeMap::new();
    for (entity, id) in replica.state()?.refetch {
        by_table.entry(entity).or_default().push(id);
    }
    for (entity, ids) in by_table {
        fetch(replica, central, entity, &ids, report).await?;
    }
    Ok(())
}

async fn heal<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    entity: Entity,
    buckets: &[i16],
    report: &mut SyncReport,
) -> Result<Option<Repair>, SyncError> {
    if buckets.is_empty() {
        return Ok(None);
    }
    let theirs = central.bucket_keys(entity, buckets).await?;
    let ours = replica.bucket_keys(entity, buckets)?;
    let (stale, gone) = compare(&theirs, &ours);
    let fetched = fetch(replica, central, entity, &stale, report).await?;
    if !gone.is_empty() {
        report.changed.join(replica.repair(entity, &[], &gone)?);
    }
    let purged = u32::try_from(gone.len()).unwrap_or(u32::MAX);
    Ok((fetched > 0 || purged > 0).then_some(Repair { entity, refetched: fetched, purged }))
}

async fn fetch<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    entity: Entity,
    ids: &[Uuid],
    report: &mut SyncReport,
) -> Result<u32, SyncError> {
    let mut fetched = 0;
    for ids in ids.chunks(ROWS_AT_ONCE) {
        let rows = central.rows(entity, ids).await?;
        let there: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
        let gone: Vec<Uuid> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
        report.changed.join(replica.repair(entity, &rows, &gone)?);
        report.rows += rows.len() as u64;
        fetched += u32::try_from(rows.len()).unwrap_or(u32::MAX);
    }
    Ok(fetched)
}

/// Buckets that are not equal on both sides.
fn differing(theirs: &[Bucket], ours: &[Bucket]) -> Vec<i16> {
    let mut sides: BTreeMap<i16, (Option<Bucket>, Option<Bucket>)> = BTreeMap::new();
    for bucket in theirs {
        sides.entry(bucket.bucket).or_default().0 = Some(*bucket);
    }
    for bucket in ours {
        sides.entry(bucket.bucket).or_default().1 = Some(*bucket);
    }
    sides.into_iter().filter(|(_, (theirs, ours))| theirs != ours).map(|(number, _)| number).collect()
}

/// Keys to fetch (theirs that we lack or have in another version) and keys to purge (ours that they do not have).
fn compare(theirs: &[RowKey], ours: &[RowKey]) -> (Vec<Uuid>, Vec<Uuid>) {
    let theirs_by_id: BTreeMap<Uuid, i64> = theirs.iter().map(|key| (key.id, key.row_ver)).collect();
    let ours_by_id: BTreeMap<Uuid, i64> = ours.iter().map(|key| (key.id, key.row_ver)).collect();
    let stale =
        theirs_by_id.iter().filter(|(id, version)| ours_by_id.get(id) != Some(version)).map(|(id, _)| *id).collect();
    let gone = ours_by_id.keys().filter(|id| !theirs_by_id.contains_key(id)).copied().collect();
    (stale, gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_in_an_older_version_is_fetched_and_one_they_do_not_have_is_purged() {
        let key = |id, row_ver| RowKey { id: Uuid::from_u128(id), row_ver };
        let (stale, gone) = compare(&[key(1, 1), key(2, 5), key(3, 1)], &[key(1, 1), key(2, 4), key(4, 1)]);
        assert_eq!(stale, [Uuid::from_u128(2), Uuid::from_u128(3)]);
        assert_eq!(gone, [Uuid::from_u128(4)]);
    }

    #[test]
    fn a_version_that_went_back_is_fetched_too() {
        let key = |row_ver| RowKey { id: Uuid::from_u128(1), row_ver };
        let (stale, _) = compare(&[key(3)], &[key(9)]);
        assert_eq!(stale.len(), 1, "a restored server has lower versions, and it is right");
    }

    #[test]
    fn a_bucket_only_one_side_has_differs() {
        let bucket = |bucket, sum| Bucket { bucket, count: 1, sum, xor: 0 };
        assert_eq!(differing(&[bucket(1, 1), bucket(2, 2)], &[bucket(1, 1), bucket(2, 3), bucket(9, 1)]), [2, 9]);
    }
}
