//! The light: what is only here, what moves, what needs a person.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clara_contract::sync::{Activity, FirstSync, Net, SyncStatus};
use clara_domain::mirror::Entity;
use clara_local::{Mirror, MirrorError};
use serde_json::Value;

use super::light::Light;
use super::work;
use crate::error::{Error, Result};
use crate::field::stamp;
use crate::view::View;

/// A save takes less, and the light must not flicker with each.
const SETTLING: Duration = Duration::from_millis(300);

/// The whole of it. `light` is none where there is no server.
pub(crate) fn assemble(
    mirror: &Mirror,
    light: Option<&Light>,
    offline: bool,
    now: DateTime<Utc>,
) -> Result<SyncStatus> {
    // Before the reading, so that it does not wait with a view of the mirror in hand.
    let safe_to_close = mirror.settled_within(SETTLING);
    mirror.read(|read| {
        let view = View::new(read);
        let figures = read.sync_figures(now)?;
        let counted = work::counted(&view)?;
        let first = figures.first_sync.filter(|_| !figures.mirrored && light.is_some());
        Ok::<_, Error>(SyncStatus {
            net: light.map_or(Net::Unknown, |light| light.net.into()),
            work_offline: offline,
            only_here: counted.only_here,
            sending: light.map_or(0, |light| light.sending.min(counted.only_here)),
            photos_waiting: figures.photos_waiting,
            photo_bytes_waiting: figures.photo_bytes_waiting,
            photo: light.and_then(|light| light.photo),
            photos_held: light.is_some_and(|light| light.photos_held),
            needs_you: counted.needs_you,
            safe_to_close,
            on_server_week: figures.on_server_week,
            photos_on_server_week: figures.photos_on_server_week,
            oldest_unsent_at: counted.oldest.map(stamp),
            last_receipt_at: figures.last_receipt_at.map(stamp),
            last_success_at: match read.setting(super::LAST_SUCCESS)? {
                Some(Value::String(at)) => Some(at),
                _ => None,
            },
            last_problem: light.and_then(|light| match light.damaged {
                true => Some(Error::Mirror(MirrorError::Stopped).into()),
                false => light.last_problem.clone(),
            }),
            first_sync: first.map(|first| FirstSync {
                percent: first.tables_done * 100 / first.tables.max(1),
                can_start: first.can_start,
                now: first.now.map(coming).unwrap_or_default().into(),
                rows: u32::try_from(first.rows).unwrap_or(u32::MAX),
            }),
            activity: light.map_or(Activity::Idle, |light| light.activity),
            clock_offset_ms: figures.clock_offset_ms,
            demo: light.is_none(),
        })
    })
}

/// How much the office is told is still here: things, and since when.
pub(super) fn unsent(mirror: &Mirror) -> Result<(u32, Option<DateTime<Utc>>)> {
    mirror.read(|read| {
        let counted = work::counted(&View::new(read))?;
        Ok((counted.only_here, counted.oldest))
    })
}

/// What comes in, as a person would call it.
fn coming(entity: Entity) -> &'static str {
    match entity {
        Entity::Users | Entity::Devices => "people",
        Entity::Customers | Entity::Locations => "sites",
        Entity::Jobs | Entity::JobEquipment => "jobs",
        Entity::EquipmentInventory => "equipment",
        Entity::Templates | Entity::TemplateItems | Entity::CaptureRequirements => "inspection forms",
        Entity::InspectionRecords | Entity::DataCaptureLogs => "history",
        Entity::Photos => "photos",
        Entity::Conflicts | Entity::ParkedOperations => "decisions",
        Entity::Manufacturers | Entity::EquipmentModels | Entity::SpecLimits | Entity::CommonProblems => "the catalog",
        Entity::PerformanceMetrics => "",
    }
}
