//! An item at a job: what was done with it there, and what is missing.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use clara_contract::jobs::{CaptureCount, CategoryProgress, DeviceState, GapSummary, JobDevice};
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use clara_domain::{InspectionId, JobId};

use crate::equipment::item::{Item, category_words, join};
use crate::error::Result;
use crate::field::Record;
use crate::inspections::draft::{self, Draft};
use crate::view::View;

/// One item at a job.
pub(crate) struct Device {
    pub(crate) item: Rc<Item>,
    /// The newest record of this item at this job.
    pub(crate) record: Option<Rc<Record>>,
    pub(crate) draft: Option<Draft>,
}

impl Device {
    pub(crate) fn state(&self) -> DeviceState {
        match (&self.record, &self.draft) {
            (Some(record), _) if record.flag("passed") == Some(true) => DeviceState::Passed,
            (Some(_), _) => DeviceState::Failed,
            (None, Some(_)) => DeviceState::Started,
            (None, None) => DeviceState::NotStarted,
        }
    }

    pub(crate) fn place(&self) -> String {
        self.item.record.text("location_detail").unwrap_or_else(|| "No place noted".into())
    }

    /// As the job's page shows it.
    pub(crate) fn sheet(&self, view: &View<'_>) -> Result<JobDevice> {
        let visit = latest_visit(view, self.item.record.id)?;
        let progress = match (&self.record, &self.draft) {
            (None, Some(draft)) => draft::progress(view, draft, &self.item)?,
            _ => None,
        };
        let out_of_limits = match (&self.record, &progress) {
            (Some(record), _) => draft::out_of_limits_kept(record),
            (None, Some(progress)) => progress.out_of_limits,
            (None, None) => 0,
        };
        Ok(JobDevice {
            equipment_id: self.item.id(),
            tag: self.item.tag(),
            category: self.item.category,
            manufacturer: self.item.manufacturer.clone(),
            model_number: self.item.model_number.clone(),
            place: self.place(),
            capture: self.item.count(),
            missing: self.item.missing(),
            state: self.state(),
            out_of_limits,
            answered: progress.map(|progress| progress.answered),
            last_visit: visit.as_ref().and_then(|visit| visit.text("inspection_date")),
            last_passed: visit.as_ref().and_then(|visit| visit.flag("passed")),
            inspection_id: (self.record.as_ref().map(|record| InspectionId(record.id)))
                .or_else(|| self.draft.as_ref().map(|draft| draft.inspection_id)),
            status: self.item.record.text("status").unwrap_or_else(|| "active".into()),
        })
    }
}

/// The items of a job, in walking order: by place, then category, then tag.
pub(crate) fn devices(view: &View<'_>, job_id: JobId) -> Result<Vec<Device>> {
    let mut records: HashMap<uuid::Uuid, Rc<Record>> = HashMap::new();
    for record in view.by(Entity::InspectionRecords, "job_id", job_id.uuid())? {
        let Some(item) = record.uuid("equipment_id") else { continue };
        let newer = records.get(&item).is_none_or(|known| known.id < record.id);
        if newer {
            records.insert(item, record);
        }
    }
    let mut drafts: HashMap<uuid::Uuid, Draft> =
        draft::of_job(view, job_id)?.into_iter().map(|draft| (draft.equipment_id.uuid(), draft)).collect();
    let mut devices: Vec<(Device, String)> = Vec::new();
    for link in view.by(Entity::JobEquipment, "job_id", job_id.uuid())? {
        let Some(id) = link.uuid("equipment_id") else { continue };
        let Some(record) = view.get(Entity::EquipmentInventory, id)?.filter(|record| !record.gone()) else { continue };
        let item = view.item(record)?;
        let tag = item.tag();
        devices.push((Device { item, record: records.remove(&id), draft: drafts.remove(&id) }, tag));
    }
    devices.sort_by(|(a, tag_a), (b, tag_b)| {
        a.place()
            .cmp(&b.place())
            .then(a.item.category.cmp(&b.item.category))
            .then_with(|| natural(tag_a).cmp(&natural(tag_b)))
    });
    devices.dedup_by(|(a, _), (b, _)| a.item.record.id == b.item.record.id);
    Ok(devices.into_iter().map(|(device, _)| device).collect())
}

/// Tags sort as a person counts: E-2 before E-10.
fn natural(tag: &str) -> (String, u64) {
    let digits = tag.len() - tag.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    let (head, tail) = tag.split_at(tag.len() - digits);
    (head.to_owned(), tail.parse().unwrap_or(0))
}

/// The newest completed visit.
pub(crate) fn latest_visit(view: &View<'_>, equipment: uuid::Uuid) -> Result<Option<Rc<Record>>> {
    let visits = view.by(Entity::InspectionRecords, "equipment_id", equipment)?;
    Ok(visits.into_iter().max_by_key(|visit| (visit.date("inspection_date"), visit.id)))
}

/// Devices by category, in the order of the enum.
pub(crate) fn progress(devices: &[Device]) -> Vec<CategoryProgress> {
    let mut by_category: BTreeMap<Category, Vec<DeviceState>> = BTreeMap::new();
    for device in devices {
        by_category.entry(device.item.category).or_default().push(device.state());
    }
    by_category
        .into_iter()
        .map(|(category, devices)| CategoryProgress {
            category,
            done: size(devices.iter().filter(|state| done(**state)).count()),
            total: size(devices.len()),
            devices,
        })
        .collect()
}

pub(crate) fn done(state: DeviceState) -> bool {
    matches!(state, DeviceState::Passed | DeviceState::Failed)
}

pub(crate) fn size(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// "Backflow 2, extinguishers 14".
pub(crate) fn words(devices: &[Device]) -> String {
    let mut text = String::new();
    for part in progress(devices) {
        let word = category_words(part.category);
        if text.is_empty() {
            text = format!("{word} {}", part.total);
        } else {
            let word = if word.starts_with("HVAC") { word.to_owned() } else { word.to_lowercase() };
            text = format!("{text}, {word} {}", part.total);
        }
    }
    text
}

/// Required fields of all devices.
pub(crate) fn capture(devices: &[Device]) -> CaptureCount {
    let mut total = CaptureCount::default();
    for device in devices {
        join(&mut total, device.item.count());
    }
    total
}

/// What is missing, in words; none where nothing is.
pub(crate) fn gaps(devices: &[Device]) -> Option<GapSummary> {
    let mut by_label: BTreeMap<String, u32> = BTreeMap::new();
    for label in devices.iter().flat_map(|device| device.item.missing()) {
        *by_label.entry(label.to_lowercase()).or_default() += 1;
    }
    let fields: u32 = by_label.values().sum();
    let mut parts: Vec<(String, u32)> = by_label.into_iter().collect();
    parts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let words: Vec<String> = parts
        .into_iter()
        .map(|(label, count)| format!("{count} {label}{}", if count == 1 { "" } else { "s" }))
        .collect();
    // Reading and typing one plate field takes about forty seconds with gloves off.
    (fields > 0).then(|| GapSummary { fields, words: words.join(", "), minutes: (fields * 2).div_ceil(3) })
}
