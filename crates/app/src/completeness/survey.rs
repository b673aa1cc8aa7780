//! Every item of the mirror that a filter lets through, judged: what all completeness figures are made of.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use chrono::{DateTime, Duration, NaiveDate, Utc};
use clara_contract::completeness::{CompletenessFilter, Laptop};
use clara_domain::EquipmentId;
use clara_domain::capture::{FieldCapture, FieldState};
use clara_domain::category::{Category, JobStatus};
use clara_domain::mirror::Entity;
use clara_local::table::capture::{CaptureFilter, CaptureLog};
use uuid::Uuid;

use crate::equipment::item::category_words;
use crate::error::Result;
use crate::field::Record;
use crate::view::View;

/// A laptop that says nothing for longer than this, while its person has jobs, may know what seems missing.
const SILENCE: Duration = Duration::hours(24);

/// What was found.
pub(super) struct Survey {
    pub(super) items: Vec<Surveyed>,
    pub(super) logs: Vec<CaptureLog>,
    pub(super) laptops: Vec<Laptop>,
}

/// One item.
pub(super) struct Surveyed {
    pub(super) id: EquipmentId,
    pub(super) location: Uuid,
    pub(super) category: Category,
    pub(super) fields: Vec<FieldCapture>,
    /// A silent laptop could have captured what is missing of it.
    pub(super) unknown: bool,
}

impl Surveyed {
    /// The field's state, as far as this mirror can tell; none where a silent laptop may know better.
    pub(super) fn known(&self, field: &FieldCapture) -> Option<FieldState> {
        (!(self.unknown && field.state == FieldState::Missing)).then_some(field.state)
    }
}

pub(super) fn survey(
    view: &View<'_>,
    filter: &CompletenessFilter,
    now: DateTime<Utc>,
    today: NaiveDate,
) -> Result<Survey> {
    let logs = logs(view, filter)?;
    // Of one technician: what that technician's logs are about.
    let of_technician: Option<BTreeSet<EquipmentId>> =
        filter.technician_id.map(|_| logs.iter().filter_map(|log| log.equipment_id).collect());
    let (laptops, unknown) = laptops(view, now, today)?;
    let wanted = CaptureFilter {
        location: filter.location_id,
        category: filter.category.map(Category::word),
        job: filter.job_id,
        technician: None,
        equipment: None,
    };
    let mut items = Vec::new();
    view.read.each_capture(&wanted, |head, fields| {
        if of_technician.as_ref().is_none_or(|set| set.contains(&head.equipment_id)) {
            items.push(Surveyed {
                id: head.equipment_id,
                location: head.location_id.map_or_else(Uuid::nil, |id| id.uuid()),
                category: head.category.parse().unwrap_or(Category::Other),
                fields: fields.to_vec(),
                unknown: unknown.contains(&head.equipment_id.uuid()),
            });
        }
    })?;
    Ok(Survey { items, logs, laptops })
}

fn logs(view: &View<'_>, filter: &CompletenessFilter) -> Result<Vec<CaptureLog>> {
    let mut logs = view.read.capture_logs(None)?;
    logs.retain(|log| {
        filter.job_id.is_none_or(|job| log.job_id == Some(job))
            && filter.location_id.is_none_or(|location| log.location_id == Some(location))
            && filter.technician_id.is_none_or(|user| log.technician_id == Some(user))
    });
    if let Some(category) = filter.category {
        let mut kept = Vec::new();
        for log in logs {
            let Some(id) = log.equipment_id else { continue };
            let item = view.get(Entity::EquipmentInventory, id.uuid())?;
            if item.is_some_and(|item| item.text("equipment_category").as_deref() == Some(category.word())) {
                kept.push(log);
            }
        }
        logs = kept;
    }
    Ok(logs)
}

/// The laptops, and the items that a silent one may know more of.
fn laptops(view: &View<'_>, now: DateTime<Utc>, today: NaiveDate) -> Result<(Vec<Laptop>, BTreeSet<Uuid>)> {
    let mut by_technician: HashMap<Uuid, Vec<Rc<Record>>> = HashMap::new();
    let devices = view.all(Entity::Devices)?;
    let quiet = |device: &Rc<Record>| device.moment("last_seen_at").is_none_or(|seen| now - seen > SILENCE);
    // Jobs matter only where a laptop is silent.
    let jobs = if devices.iter().any(quiet) { view.all(Entity::Jobs)? } else { Vec::new() };
    for job in jobs {
        if let Some(technician) = job.uuid("assigned_technician_id")
            && job.known("job_status") != Some(JobStatus::Cancelled)
        {
            by_technician.entry(technician).or_default().push(job);
        }
    }
    let (mut laptops, mut unknown) = (Vec::new(), BTreeSet::new());
    for device in devices {
        if device.text("revoked_at").is_some() {
            continue;
        }
        let seen = device.moment("last_seen_at");
        let user = view.follow(&device, "user_id", Entity::Users)?;
        let since = seen.map(|seen| seen.date_naive());
        let meanwhile: Vec<&Rc<Record>> = device
            .uuid("user_id")
            .and_then(|user| by_technician.get(&user))
            .into_iter()
            .flatten()
            .filter(|job| {
                let day = job.date("scheduled_date");
                day.is_some_and(|day| day <= today && since.is_none_or(|since| day >= since))
            })
            .collect();
        let silent = seen.is_none_or(|seen| now - seen > SILENCE) && !meanwhile.is_empty();
        if silent {
            for job in meanwhile {
                let links = view.by(Entity::JobEquipment, "job_id", job.id)?;
                unknown.extend(links.iter().filter_map(|link| link.uuid("equipment_id")));
            }
        }
        laptops.push(Laptop {
            name: device.word("name"),
            user: user.and_then(|user| user.text("full_name")),
            last_seen_at: device.text("last_seen_at"),
            unsent: device.count("unsent_count").unwrap_or_default(),
            silent,
        });
    }
    laptops.sort_by(|a, b| b.silent.cmp(&a.silent).then_with(|| a.last_seen_at.cmp(&b.last_seen_at)));
    Ok((laptops, unknown))
}

/// The filter, as a person would say it.
pub(super) fn words(view: &View<'_>, filter: &CompletenessFilter) -> Result<String> {
    let mut words = Vec::new();
    if let Some(location) = filter.location_id {
        words.extend(view.get(Entity::Locations, location.uuid())?.map(|site| site.word("location_name")));
    }
    words.extend(filter.category.map(|category| category_words(category).to_owned()));
    if let Some(job) = filter.job_id {
        words.extend(view.get(Entity::Jobs, job.uuid())?.map(|job| format!("job {}", job.word("job_number"))));
    }
    if let Some(user) = filter.technician_id {
        words.extend(view.get(Entity::Users, user.uuid())?.map(|user| format!("logged by {}", user.word("full_name"))));
    }
    Ok(if words.is_empty() { "All sites".into() } else { words.join(", ") })
}

/// Figures by a key.
pub(super) type Tally<K> = BTreeMap<K, Figures>;

/// Fields and weights of some items.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Figures {
    pub(super) count: clara_contract::jobs::CaptureCount,
    pub(super) unknown: u32,
    done: i64,
    required: i64,
}

impl Figures {
    pub(super) fn add(&mut self, field: &FieldCapture, known: Option<FieldState>) {
        self.required += field.weight;
        match known {
            Some(FieldState::Captured) => self.count.captured += 1,
            Some(FieldState::Justified) => self.count.justified += 1,
            Some(FieldState::Missing) => self.count.missing += 1,
            None => self.unknown += 1,
        }
        if matches!(known, Some(FieldState::Captured | FieldState::Justified)) {
            self.done += field.weight;
        }
    }

    /// Of the weight required; 100 where nothing is.
    pub(super) fn percentage(&self) -> f64 {
        if self.required == 0 {
            return 100.0;
        }
        // Weights are small whole numbers: far below where a float loses one.
        let (done, required) = (self.done as f64, self.required as f64);
        (done * 10_000.0 / required).round() / 100.0
    }
}
