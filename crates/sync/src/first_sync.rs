//! The first sync: table by table, page by page, each page in a transaction of its own on both sides, so that a cut or
//! a kill loses one page at most. Sites and today's work come first; the catalogue last.

use clara_domain::DeviceId;
use clara_domain::mirror::{Entity, TABLES};

use crate::audit::still_ours;
use crate::central::Central;
use crate::cursor::Cursor;
use crate::engine::Environment;
use crate::overlap::overlap;
use crate::push::push_all;
use crate::replica::Replica;
use crate::report::{Progress, SyncError, SyncReport};

/// Rows of a page: large enough that round trips do not count, small enough that two pages, which is what a kill can
/// cost, are little of a large catalogue.
const PAGE_ROWS: u32 = 1_000;

pub(crate) async fn first_sync<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    device: DeviceId,
    begin_at: Option<&Cursor>,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<(), SyncError> {
    if let Some(snapshot) = begin_at {
        replica.begin_first_sync(snapshot)?;
    }
    let mut bookmarks = replica.state()?.bookmarks;
    let order = |entity| TABLES.iter().position(|table| table.entity == entity);
    bookmarks.sort_by_key(|bookmark| order(bookmark.entity));
    for bookmark in bookmarks.into_iter().filter(|bookmark| !bookmark.done) {
        let mut rows = u64::try_from(bookmark.rows).unwrap_or(0);
        let mut page = central.page(bookmark.entity, bookmark.after, PAGE_ROWS).await?;
        loop {
            if env.stopped() {
                return Err(SyncError::Stopped);
            }
            if page.rows.is_empty() {
                still_ours(central, device).await?;
            }
            rows += page.rows.len() as u64;
            report.rows += page.rows.len() as u64;
            let next = match page.rows.last() {
                Some(row) if !page.last => {
                    // The server makes the next page while this one is stored.
                    let question = central.page(bookmark.entity, Some(row.id), PAGE_ROWS);
                    let (next, stored) =
                        overlap(question, || replica.apply_page(bookmark.entity, &page.rows, page.last)).await;
                    report.changed.join(stored?);
                    Some(next?)
                }
                _ => {
                    report.changed.join(replica.apply_page(bookmark.entity, &page.rows, page.last)?);
                    None
                }
            };
            env.progress(Progress::Receiving { entity: bookmark.entity, rows });
            match next {
                Some(next) => page = next,
                None => break,
            }
            // The technician may already be at work while the catalogue still comes in.
            push_all(replica, central, device, env, report).await?;
        }
    }
    while let Some(rows) = replica.index_catalogue()? {
        env.progress(Progress::Receiving { entity: Entity::EquipmentModels, rows });
        if env.stopped() {
            return Err(SyncError::Stopped);
        }
    }
    replica.end_first_sync()?;
    Ok(())
}
