//! Jobs with their equipment, the inspections done on them, and the log of what was captured.

use std::collections::BTreeSet;

use chrono::{Datelike, Duration, NaiveDate, Weekday};
use clara_domain::capture::{self, FieldState};
use clara_domain::category::{JobStatus, Severity};
use clara_domain::mirror::Entity;
use serde_json::{Value, json};

use crate::book::{Book, date, id};
use crate::catalog::Catalog;
use crate::chance;
use crate::people::user;
use crate::readings::{Failed, Occasion, Readings};
use crate::rules::{self, Requirements, Template};
use crate::sites::Item;
use crate::visits::{Outcome, Task, Visit};

/// What visits are turned into rows with.
pub(crate) struct Desk<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) templates: &'a [Template],
    pub(crate) requirements: &'a Requirements,
    pub(crate) readings: &'a Readings,
    pub(crate) today: NaiveDate,
}

/// A visit on its day.
struct Held<'a> {
    visit: &'a Visit<'a>,
    day: NaiveDate,
    job_key: String,
    /// Minutes past midnight at which it began; `None` if it has not.
    start: Option<i64>,
    minutes: i64,
}

impl Desk<'_> {
    /// Adds everything that a visit leaves behind.
    pub(crate) fn add(&self, book: &mut Book, visit: &Visit<'_>) {
        let begun = matches!(visit.status, JobStatus::InProgress | JobStatus::Completed);
        let late = (chance::swing(&format!("{}/late", visit.key)) * 12.0) as i64;
        let long = 1.0 + chance::swing(&format!("{}/long", visit.key)) * 0.2;
        let held = Held {
            visit,
            day: self.day(visit),
            job_key: visit.key.clone(),
            start: begun.then(|| visit.started.unwrap_or(visit.time + late)),
            minutes: (visit.minutes as f64 * long) as i64,
        };
        self.add_job(book, &held);
        let mut listed = BTreeSet::new();
        for (index, task) in visit.tasks.iter().enumerate() {
            let first = listed.insert(task.item.key.as_str());
            if first {
                self.add_job_equipment(book, &held, task);
            }
            if let (true, Some(start)) = (task.done, held.start) {
                let at = start + 10 + (held.minutes - 15).max(5) * index as i64 / visit.tasks.len() as i64;
                let form = if first { "form" } else { "second form" };
                self.add_inspection(book, &held, task, form, at);
            }
            if first && task.done && visit.status == JobStatus::Completed {
                self.add_log(book, &held, task.item);
            }
        }
    }

    /// Past visits of the programs fell on working days.
    fn day(&self, visit: &Visit<'_>) -> NaiveDate {
        let day = self.today - Duration::days(visit.days_ago);
        match day.weekday() {
            Weekday::Sat if visit.days_ago > 1 => day - Duration::days(1),
            Weekday::Sun if visit.days_ago > 1 => day - Duration::days(2),
            _ => day,
        }
    }

    fn add_job(&self, book: &mut Book, held: &Held<'_>) {
        let visit = held.visit;
        let end = held.start.filter(|_| visit.status == JobStatus::Completed).map(|start| start + held.minutes);
        let booked = (held.day - Duration::days(21)).min(self.today - Duration::days(3));
        let touched = match (end, held.start) {
            (Some(minutes), _) | (None, Some(minutes)) => book.moment(held.day, minutes),
            (None, None) => book.moment(booked + Duration::days(1), 9 * 60),
        };
        let checklist: Vec<Value> = visit
            .checklist
            .iter()
            .map(|(key, label, done)| json!({ "key": key, "label": label, "done": done }))
            .collect();
        book.add(
            Entity::Jobs,
            &held.job_key,
            json!({
                "job_number": visit.number,
                "customer_id": visit.site.customer_id,
                "location_id": visit.site.id,
                "assigned_technician_id": visit.technician.as_deref().map(user),
                "job_type": visit.job_type,
                "job_status": visit.status,
                "priority": visit.priority,
                "scheduled_date": date(held.day),
                "scheduled_time": format!("{:02}:{:02}:00", visit.time / 60, visit.time % 60),
                "duration_estimate_minutes": visit.minutes,
                "actual_start_time": held.start.map(|start| book.moment(held.day, start)),
                "actual_end_time": end.map(|end| book.moment(held.day, end)),
                "title": visit.title,
                "description": visit.description,
                "special_instructions": visit.special,
                "checklist": checklist,
                "metadata": {},
                "created_at": book.moment(booked, 9 * 60),
                "updated_at": touched,
            }),
        );
    }

    fn add_job_equipment(&self, book: &mut Book, held: &Held<'_>, task: &Task<'_>) {
        let booked = (held.day - Duration::days(21)).min(self.today - Duration::days(3));
        book.add(
            Entity::JobEquipment,
            &format!("{}/{}", held.job_key, task.item.key),
            json!({
                "job_id": id(Entity::Jobs, &held.job_key),
                "equipment_id": task.item.id,
                "location_id": held.visit.site.id,
                "created_at": book.moment(booked, 9 * 60),
            }),
        );
    }

    fn template(&self, key: &str) -> &Template {
        match self.templates.iter().find(|template| template.key == key) {
            Some(template) => template,
            None => panic!("there is no template {key}"),
        }
    }

    fn add_inspection(&self, book: &mut Book, held: &Held<'_>, task: &Task<'_>, form: &str, at: i64) {
        let Some(template) = task.template.map(|key| self.template(key)) else { return };
        // Not by the template: which one a unit gets goes by the season, and the id must not.
        let key = format!("{}/{}/{form}", held.job_key, task.item.key);
        let fault = match &task.outcome {
            Outcome::Fault(item) => Some(item.as_str()),
            Outcome::Chance if task.item.story.is_some() => self.readings.fault(task.item, &template.key, task.later),
            Outcome::Chance => fault(template, &key),
            Outcome::Passed | Outcome::Repaired { .. } => None,
        };
        let days_ago = (self.today - held.day).num_days();
        let occasion =
            Occasion { item: task.item, template, key: &key, day: held.day, days_ago, later: task.later, fault };
        let (mut measurements, failed) = self.readings.answers(&occasion, self.catalog);
        let mut findings = findings(&failed, &key);
        if let Outcome::Repaired { done, parts } = &task.outcome {
            findings = Some(match parts.as_slice() {
                [] => done.clone(),
                parts => format!("{done} Parts: {}.", parts.join(", ")),
            });
            if measurements.contains_key("repair_done") {
                measurements.insert("repair_done".into(), json!("Cleaned"));
            }
        }
        let serious = failed.iter().any(|(_, proposal)| proposal.severity > Severity::Recommendation);
        let unfinished = failed.iter().any(|(_, proposal)| proposal.cannot_complete);
        let recommendations: Vec<&str> = failed.iter().map(|(_, proposal)| proposal.action.as_str()).collect();
        let written = book.moment(held.day, at);
        book.add(
            Entity::InspectionRecords,
            &key,
            json!({
                "job_id": id(Entity::Jobs, &held.job_key),
                "equipment_id": task.item.id,
                "inspector_id": held.visit.technician.as_deref().map(user),
                "location_id": held.visit.site.id,
                "template_id": rules::template_id(&template.key),
                "inspection_date": date(held.day),
                "inspection_type": template.inspection_type,
                "passed": (!unfinished).then_some(!serious),
                "findings": findings,
                "deficiencies": deficiencies(&failed, &key, days_ago),
                "recommendations": (!recommendations.is_empty()).then(|| recommendations.join(". ") + "."),
                "measurements": measurements,
                "photo_urls": [],
                "next_inspection_due": due_in(&template.frequency)
                    .map(|days| days.max(held.visit.every.unwrap_or(0)))
                    .map(|days| date(held.day + Duration::days(days))),
                "metadata": {
                    "template_key": template.key,
                    "passed_by_rule": (!unfinished).then_some(!serious),
                    "out_of_limits": failed.len(),
                },
                "created_at": written,
                "updated_at": written,
            }),
        );
    }

    /// What was captured of the item by the end of that visit. The further back, the less.
    fn add_log(&self, book: &mut Book, held: &Held<'_>, item: &Item) {
        let years_ago = (self.today - held.day).num_days() as f64 / 365.0;
        let known = |field: &str| years_ago < 0.2 + chance::share(&format!("{}/{field}/since", item.key)) * 8.0;
        let mut fields = item.fields.clone();
        for field in ["serial_number", "location_detail", "installation_date"] {
            if !known(field) {
                fields.remove(field);
            }
        }
        if let Some(components) = fields.get_mut("components").and_then(Value::as_object_mut) {
            components.retain(|key, _| !key.ends_with("_size") || known(&format!("components.{key}")));
        }
        let judged = capture::judge(
            self.requirements.of(item.category),
            &capture::Item { fields, has_photo: item.has_photo && known("photo") },
        );
        let keys = |state: FieldState| -> Vec<&str> {
            judged.iter().filter(|field| field.state == state).map(|field| field.field_key.as_str()).collect()
        };
        let end = held.start.unwrap_or(held.visit.time) + held.minutes;
        book.add(
            Entity::DataCaptureLogs,
            &format!("{}/{}", held.job_key, item.key),
            json!({
                "job_id": id(Entity::Jobs, &held.job_key),
                "equipment_id": item.id,
                "technician_id": held.visit.technician.as_deref().map(user),
                "location_id": held.visit.site.id,
                "captured_fields": keys(FieldState::Captured),
                "missing_fields": keys(FieldState::Missing),
                "completion_percentage": (capture::completion_percentage(&judged) * 100.0).round() / 100.0,
                "captured_at": book.moment(held.day, end),
            }),
        );
    }
}

/// How often a visit finds something.
fn share_with_findings(template: &str) -> f64 {
    match template {
        "extinguisher_monthly" => 0.02,
        "fire_pump_run" | "sprinkler_quarterly" => 0.05,
        "hvac_filters" => 0.10,
        "hvac_cooling" | "hvac_heating" | "kitchen_hood_semiannual" => 0.16,
        "fire_pump_annual" | "standpipe_5y_flow" => 0.0,
        _ => 0.11,
    }
}

/// The item that fails, if one does: small things more often than grave ones.
fn fault<'a>(template: &'a Template, key: &str) -> Option<&'a str> {
    if chance::share(&format!("{key}/fault")) >= share_with_findings(&template.key) {
        return None;
    }
    let mut weighted = Vec::new();
    // Supply pressures hang together; one alone that fails would contradict its neighbors.
    let alone =
        |asked: &&rules::Item| asked.item_type != "computed" && asked.when.is_none() && !asked.key.ends_with("_psi");
    for asked in template.items().filter(alone) {
        let weight = match asked.deficiency.as_ref().map(|proposal| proposal.severity) {
            Some(Severity::Noncritical) => 6,
            Some(Severity::Critical) => 3,
            Some(Severity::Recommendation) => 4,
            Some(Severity::Impairment) | None => 0,
        };
        weighted.extend(std::iter::repeat_n(asked.key.as_str(), weight));
    }
    weighted.get(chance::pick(&format!("{key}/which"), weighted.len())).copied()
}

fn deficiencies(failed: &Failed<'_>, key: &str, days_ago: i64) -> Vec<Value> {
    failed
        .iter()
        .map(|(item_key, proposal)| {
            let name = format!("{key}/{item_key}");
            let fixed = days_ago > 45 && chance::share(&format!("{name}/fixed")) < 0.7;
            json!({
                "id": id(Entity::InspectionRecords, &format!("{name}/deficiency")),
                "item_key": item_key,
                "severity": proposal.severity,
                "text": proposal.text,
                "action": proposal.action,
                "status": if fixed { "fixed" } else { "open" },
            })
        })
        .collect()
}

fn findings(failed: &Failed<'_>, key: &str) -> Option<String> {
    if !failed.is_empty() {
        let texts: Vec<&str> = failed.iter().map(|(_, proposal)| proposal.text.as_str()).collect();
        return Some(texts.join(". ") + ".");
    }
    const REMARKS: [&str; 6] = [
        "Nothing unusual.",
        "Same as last visit.",
        "Cleaned while there.",
        "Owner's staff showed the way; key did not fit at first.",
        "Access was blocked by boxes, moved together with the customer.",
        "Label renewed.",
    ];
    (chance::share(&format!("{key}/remark")) < 0.2)
        .then(|| REMARKS[chance::pick(&format!("{key}/which remark"), REMARKS.len())].to_owned())
}

/// The days until the next one.
fn due_in(frequency: &str) -> Option<i64> {
    Some(match frequency {
        "weekly" => 7,
        "monthly" => 30,
        "quarterly" => 91,
        "semiannual" => 182,
        "annual" => 365,
        years => years.strip_suffix('y')?.parse::<i64>().ok()? * 365,
    })
}
