use clara_contract::inspection::{CompleteInspection, CompletedInspection, DraftBody};
use clara_contract::jobs::DeviceState;
use clara_domain::capture::{FieldState, completion_percentage};
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_domain::{EquipmentId, InspectionId, JobId};
use serde_json::{Value, json};

use super::judge::{Outcome, next_due};
use super::open::draft_of;
use super::sheet::Opened;
use crate::app::Core;
use crate::clock::new_id;
use crate::equipment::item::Item;
use crate::error::{Error, Result, Rule};
use crate::field::{day, stamp};
use crate::jobs::device;
use crate::view::View;

/// What a completion writes.
struct Written {
    record: Fields,
    log: Fields,
    done: Done,
}

/// What it comes to.
struct Done {
    passed: Option<bool>,
    percentage: f64,
    missing: Vec<String>,
    job_id: JobId,
    equipment_id: EquipmentId,
}

impl Core {
    /// Completes a draft: the record, the data-capture log and the end of the draft are one write, or none.
    pub(crate) fn complete_inspection(&self, request: CompleteInspection) -> Result<CompletedInspection> {
        let open = self.open()?;
        let now = self.now();
        let root = request.inspection_id.uuid();
        let done = open.write(now, |write| {
            // Read in here: a save that came a moment before is in it, and one that comes after finds it completed.
            let written = {
                let read = write.read();
                self.written(&View::new(&read), request.inspection_id)?
            };
            write.insert(Entity::InspectionRecords, root, root, written.record)?;
            write.insert(Entity::DataCaptureLogs, new_id(), root, written.log)?;
            write.remove_draft(request.inspection_id)?;
            Ok(written.done)
        })?;
        let next_equipment_id = open.read(|view| next_item(view, done.job_id, done.equipment_id))?;
        Ok(CompletedInspection {
            inspection_id: request.inspection_id,
            passed: done.passed,
            completion_percentage: done.percentage,
            missing: done.missing,
            next_equipment_id,
        })
    }

    fn written(&self, view: &View<'_>, id: InspectionId) -> Result<Written> {
        let draft = draft_of(view, id)?;
        let today = self.date();
        let item = Item::find(view, draft.equipment_id)?;
        let opened = Opened::of(view, &draft, &item)?.ok_or(Error::NotAllowed(Rule::NoTemplate))?;
        let visit = opened.visit(&draft.body, today);
        let lines = visit.before_complete();
        if !lines.is_empty() {
            return Err(Error::NotAllowed(Rule::NotReady(lines)));
        }
        let by_rule = visit.outcome();
        let passed = draft.body.override_passed.or(by_rule.passed());
        let me = self.open()?.session.user_id;
        let mut photos = Vec::new();
        for photo in super::photos_of(view, id)? {
            photos.push(Value::String(format!("clara-photo:{}", photo.word("sha256"))));
        }
        let due = match &draft.body.next_due {
            Some(due) => Some(due.clone()),
            None => next_due(&opened.template.word("frequency"), today).map(day),
        };
        let record = json!({
            "job_id": draft.job_id,
            "equipment_id": draft.equipment_id,
            "inspector_id": me,
            "template_id": opened.template.id,
            "amends_inspection_id": draft.amends,
            "inspection_date": day(today),
            "inspection_type": opened.template.text("inspection_type"),
            "passed": passed,
            "findings": said(&draft.body.findings),
            "deficiencies": draft.body.deficiencies,
            "recommendations": said(&draft.body.recommendations),
            "measurements": visit.measurements(),
            "photo_urls": photos,
            "next_inspection_due": due,
            "metadata": metadata(&draft.body, by_rule, visit.out_of_limits(), &opened.template.word("template_key"), draft.started_at),
        });
        let keys = |wanted: FieldState| -> Vec<&str> {
            item.captured.iter().filter(|f| f.state == wanted).map(|f| f.field_key.as_str()).collect()
        };
        let percentage = (completion_percentage(&item.captured) * 100.0).round() / 100.0;
        let log = json!({
            "job_id": draft.job_id,
            "equipment_id": draft.equipment_id,
            "technician_id": me,
            "captured_fields": keys(FieldState::Captured),
            "missing_fields": keys(FieldState::Missing),
            "completion_percentage": percentage,
            "captured_at": stamp(self.now()),
        });
        Ok(Written {
            record: fields(record)?,
            log: fields(log)?,
            done: Done {
                passed,
                percentage,
                missing: item.missing(),
                job_id: draft.job_id,
                equipment_id: draft.equipment_id,
            },
        })
    }
}

fn fields(value: Value) -> Result<Fields> {
    let Value::Object(mut fields) = value else { return Err(Error::Bug("a row that is no object")) };
    // A column at its default is not sent.
    fields.retain(|_, value| !value.is_null());
    Ok(fields)
}

fn said(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// What a reader of the record may ask later: by which rule, what was skipped and why, who overruled what.
fn metadata(
    body: &DraftBody,
    by_rule: Outcome,
    out_of_limits: u32,
    template_key: &str,
    started_at: chrono::DateTime<chrono::Utc>,
) -> Value {
    let mut kept = json!({
        "template_key": template_key,
        "passed_by_rule": by_rule.passed(),
        "out_of_limits": out_of_limits,
        "started_at": stamp(started_at),
    });
    if let Value::Object(kept) = &mut kept {
        if !body.not_tested.is_empty() {
            kept.insert("not_tested".into(), json!(body.not_tested));
        }
        if !body.confirmed.is_empty() {
            kept.insert("confirmed".into(), json!(body.confirmed));
        }
        if let Some(passed) = body.override_passed {
            kept.insert("override".into(), json!({"passed": passed, "reason": body.override_reason}));
        }
    }
    kept
}

/// The next item of the job that is not done, in walking order, beginning behind this one.
fn next_item(view: &View<'_>, job: JobId, after: EquipmentId) -> Result<Option<EquipmentId>> {
    let devices = device::devices(view, job)?;
    let here = devices.iter().position(|device| device.item.id() == after).map_or(0, |at| at + 1);
    let open = |state: DeviceState| matches!(state, DeviceState::NotStarted | DeviceState::Started);
    let ahead = devices.iter().skip(here).chain(devices.iter().take(here));
    Ok(ahead.filter(|device| open(device.state())).map(|device| device.item.id()).next())
}
