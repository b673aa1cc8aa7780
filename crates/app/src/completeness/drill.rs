use clara_contract::completeness::{Drill, DrillRow};
use clara_domain::capture::{FieldCapture, FieldState};
use clara_domain::mirror::Entity;

use super::survey::{Surveyed, survey};
use crate::app::Core;
use crate::equipment::item::Item;
use crate::error::Result;
use crate::field::spoken;
use crate::jobs::device::{latest_visit, size};
use crate::view::View;

/// Rows behind a number, where no other limit is asked for.
const LIMIT: u32 = 500;

impl Core {
    /// The items behind a number: those with something missing or justified.
    pub(crate) fn drill_completeness(&self, request: Drill) -> Result<Vec<DrillRow>> {
        let (now, today) = (self.now(), self.date());
        self.open()?.read(|view| {
            let found = survey(view, &request.filter, now, today)?;
            let mut rows = Vec::new();
            for surveyed in &found.items {
                let asked = |field: &FieldCapture| request.field_key.as_ref().is_none_or(|key| *key == field.field_key);
                let open = |field: &FieldCapture| !matches!(surveyed.known(field), Some(FieldState::Captured) | None);
                if surveyed.fields.iter().any(|field| asked(field) && open(field)) {
                    rows.push(row(view, &Item::find(view, surveyed.id)?, surveyed, request.field_key.as_deref())?);
                }
            }
            rows.sort_by(|a, b| {
                b.missing
                    .len()
                    .cmp(&a.missing.len())
                    .then_with(|| (&a.location_name, &a.tag).cmp(&(&b.location_name, &b.tag)))
            });
            rows.truncate(request.limit.unwrap_or(LIMIT) as usize);
            Ok(rows)
        })
    }
}

/// One item. What a silent laptop may know is not called missing.
pub(super) fn row(view: &View<'_>, item: &Item, surveyed: &Surveyed, only: Option<&str>) -> Result<DrillRow> {
    let site = view.get(Entity::Locations, surveyed.location)?;
    let visit = latest_visit(view, item.record.id)?;
    let inspector = match &visit {
        Some(visit) => view.follow(visit, "inspector_id", Entity::Users)?,
        None => None,
    };
    let fields = || item.captured.iter().filter(|field| only.is_none_or(|only| only == field.field_key));
    let words = |reason: &str| spoken(&reason.replace('_', " ").into()).unwrap_or_default();
    Ok(DrillRow {
        equipment_id: item.id(),
        tag: item.tag(),
        category: item.category,
        location_name: site.map(|site| site.word("location_name")).unwrap_or_default(),
        location_detail: item.record.text("location_detail"),
        missing: fields()
            .filter(|field| surveyed.known(field) == Some(FieldState::Missing))
            .map(|field| field.label.clone())
            .collect(),
        justified: fields()
            .filter(|field| field.state == FieldState::Justified)
            .map(|field| format!("{}: {}", field.label, words(field.reason.as_deref().unwrap_or_default())))
            .collect(),
        last_visit: visit.as_ref().and_then(|visit| visit.text("inspection_date")),
        last_inspector: inspector.and_then(|user| user.text("full_name")),
        photos: size(view.by(Entity::Photos, "equipment_id", item.record.id)?.len()),
    })
}
