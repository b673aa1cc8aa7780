//! Both sides compared, bucket by bucket, and healed row by row. Nothing is ever wiped because of a mismatch.

use std::collections::{BTreeMap, BTreeSet};

use clara_domain::DeviceId;
use clara_domain::mirror::{Entity, TABLES};
use uuid::Uuid;

use crate::central::{Bucket, Central, PullRequest, RowKey};
use crate::cursor::Cursor;
use crate::engine::{Environment, apply, pull, trust};
use crate::plan::Refusal;
use crate::replica::{Repair, Replica};
use crate::report::{Progress, SyncError, SyncReport};

/// Rows asked for in one call.
const ROWS_AT_ONCE: usize = 500;
/// Buckets whose keys are held in memory together, of 256.
const BUCKETS_AT_ONCE: usize = 64;

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
        // Most differences are rows that changed since the pull. Take those the ordinary way first.
        pull(replica, central, device, report).await?;
        buckets = differing(&central.buckets(table.entity).await?.1, &replica.buckets(table.entity)?);
        if buckets.is_empty() {
            continue;
        }
        // Others go on working. What the server has the same before and after a pull, and the mirror has otherwise
        // after it, no pull will ever bring. Anything else is on its way, and fetched alone would stand in the mirror
        // without what was done together with it.
        let before = central.bucket_keys(table.entity, &buckets).await?;
        pull(replica, central, device, report).await?;
        let ours = replica.bucket_keys(table.entity, &buckets)?;
        let after = central.bucket_keys(table.entity, &buckets).await?;
        let (stale, gone) = lost(&before, &ours, &after);
        if let Some(repair) = mend(replica, central, device, table.entity, &stale, &gone, report).await? {
            repairs.push(repair);
            pull(replica, central, device, report).await?;
        }
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
    device: DeviceId,
    snapshot: &Cursor,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let repairs = level(replica, central, device, snapshot, env, report).await?;
    replica.audited(&repairs, env.now())?;
    report.repairs = Some(repairs);
    Ok(())
}

/// Where more has changed than one pull brings: the same way, but nothing of it is a repair.
pub(crate) async fn catch_up<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    snapshot: &Cursor,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    level(replica, central, device, snapshot, env, report).await?;
    replica.audited(&[], env.now())?;
    Ok(())
}

/// Makes every table equal to the server's and moves the cursor.
async fn level<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    snapshot: &Cursor,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<Vec<Repair>, SyncError> {
    let mut repairs = Vec::new();
    for table in TABLES {
        if env.stopped() {
            return Err(SyncError::Stopped);
        }
        env.progress(Progress::Checking { entity: table.entity });
        let buckets = differing(&central.buckets(table.entity).await?.1, &replica.buckets(table.entity)?);
        let mut all = Repair { entity: table.entity, refetched: 0, purged: 0 };
        for buckets in buckets.chunks(BUCKETS_AT_ONCE) {
            if let Some(repair) = heal(replica, central, device, table.entity, buckets, report).await? {
                all.refetched += repair.refetched;
                all.purged += repair.purged;
            }
        }
        if all.refetched > 0 || all.purged > 0 {
            repairs.push(all);
        }
    }
    // What came meanwhile is fetched before the end is taken down: only a pull says whether the server is still the one
    // that was compared with, and the login still ours.
    let pulled = central.pull(&PullRequest { device, cursor: snapshot.clone() }).await?;
    trust(&pulled, report)?;
    replica.end_reconcile(snapshot, env.now())?;
    apply(replica, &pulled, report)?;
    Ok(repairs)
}

/// Fetches rows that the laptop lost sight of: operations that were withdrawn or declined.
pub(crate) async fn refetch<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    let mut by_table: BTreeMap<Entity, Vec<Uuid>> = BTreeMap::new();
    for (entity, id) in replica.state()?.refetch {
        by_table.entry(entity).or_default().push(id);
    }
    for (entity, ids) in by_table {
        fetch(replica, central, device, entity, &ids, report).await?;
    }
    Ok(())
}

async fn heal<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
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
    mend(replica, central, device, entity, &stale, &gone, report).await
}

/// Fetches what the mirror lacks or has in another version, and purges what the server does not have.
async fn mend<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    entity: Entity,
    stale: &[Uuid],
    gone: &[Uuid],
    report: &mut SyncReport,
) -> Result<Option<Repair>, SyncError> {
    let fetched = fetch(replica, central, device, entity, stale, report).await?;
    if !gone.is_empty() {
        still_ours(central, device).await?;
        report.changed.join(replica.repair(entity, &[], gone)?);
    }
    let purged = u32::try_from(gone.len()).unwrap_or(u32::MAX);
    Ok((fetched > 0 || purged > 0).then_some(Repair { entity, refetched: fetched, purged }))
}

async fn fetch<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    entity: Entity,
    ids: &[Uuid],
    report: &mut SyncReport,
) -> Result<u32, SyncError> {
    let mut fetched = 0;
    for ids in ids.chunks(ROWS_AT_ONCE) {
        let rows = central.rows(entity, ids).await?;
        let there: BTreeSet<Uuid> = rows.iter().map(|row| row.id).collect();
        let gone: Vec<Uuid> = ids.iter().copied().filter(|id| !there.contains(id)).collect();
        if !gone.is_empty() {
            still_ours(central, device).await?;
        }
        report.changed.join(replica.repair(entity, &rows, &gone)?);
        report.rows += rows.len() as u64;
        fetched += u32::try_from(rows.len()).unwrap_or(u32::MAX);
    }
    Ok(fetched)
}

/// A login that was taken away is not refused rows, it is shown none. Nothing is purged on the word of a server that does
/// not know us any more, and no table is taken for empty.
pub(crate) async fn still_ours<C: Central>(central: &mut C, device: DeviceId) -> Result<(), SyncError> {
    if central.hello(device).await?.device_known { Ok(()) } else { Err(SyncError::Refused(Refusal::DeviceUnknown)) }
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

/// As [`compare`], of those keys alone that were the same on the server before and after ours were read.
fn lost(before: &[RowKey], ours: &[RowKey], after: &[RowKey]) -> (Vec<Uuid>, Vec<Uuid>) {
    let before: BTreeMap<Uuid, i64> = before.iter().map(|key| (key.id, key.row_ver)).collect();
    let (mut stale, mut gone) = compare(after, ours);
    let after: BTreeMap<Uuid, i64> = after.iter().map(|key| (key.id, key.row_ver)).collect();
    let stood = |id: &Uuid| before.get(id) == after.get(id);
    stale.retain(stood);
    gone.retain(stood);
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
    fn what_changed_while_the_mirror_was_looked_at_is_not_taken_for_lost() {
        let key = |id, row_ver| RowKey { id: Uuid::from_u128(id), row_ver };
        // 1 is equal, 2 changed meanwhile, 3 came meanwhile, 4 went meanwhile; 5 is stale, 6 missing, 7 long gone.
        let before = [key(1, 1), key(2, 1), key(4, 1), key(5, 9), key(6, 1)];
        let ours = [key(1, 1), key(2, 1), key(4, 1), key(5, 8), key(7, 1)];
        let after = [key(1, 1), key(2, 2), key(3, 1), key(5, 9), key(6, 1)];
        let (stale, gone) = lost(&before, &ours, &after);
        assert_eq!(stale, [Uuid::from_u128(5), Uuid::from_u128(6)]);
        assert_eq!(gone, [Uuid::from_u128(7)]);
    }

    #[test]
    fn a_bucket_only_one_side_has_differs() {
        let bucket = |bucket, sum| Bucket { bucket, count: 1, sum, xor: 0 };
        assert_eq!(differing(&[bucket(1, 1), bucket(2, 2)], &[bucket(1, 1), bucket(2, 3), bucket(9, 1)]), [2, 9]);
    }
}
