use clara_contract::inspection::{InspectionSheet, OpenInspection};
use clara_domain::InspectionId;
use clara_domain::mirror::Entity;

use super::choose::fitting;
use super::draft::{self, Draft};
use super::sheet::{body_of, job, last_visit, of_draft, of_record};
use crate::app::Core;
use crate::clock::new_id;
use crate::equipment::item::Item;
use crate::error::{Error, Result, Rule};
use crate::view::View;

/// What opening found.
enum Found {
    Draft(Draft),
    /// A draft to be kept first.
    New(Draft),
    Record(std::rc::Rc<crate::field::Record>),
}

impl Core {
    /// Opens the draft of an item at a job, or its completed inspection, or begins one.
    pub(crate) fn open_inspection(&self, request: OpenInspection) -> Result<InspectionSheet> {
        let open = self.open()?;
        let now = self.now();
        let seen = open.read(|view| {
            Ok(match find(view, &request, now)? {
                Found::Record(record) => Some(of_record(view, &record)?),
                Found::Draft(draft) => Some(of_draft(view, &draft, self.date())?),
                Found::New(_) => None,
            })
        })?;
        if let Some(sheet) = seen {
            return Ok(sheet);
        }
        let draft = open.write(now, |write| {
            // Looked for again in here: two screens that open the same item at once get one draft.
            let found = {
                let read = write.read();
                find(&View::new(&read), &request, now)?
            };
            match found {
                Found::Record(_) => Err(Error::NotAllowed(Rule::Completed)),
                Found::Draft(draft) => Ok(draft),
                Found::New(draft) => {
                    write.save_draft(draft.save()?)?;
                    Ok(draft)
                }
            }
        })?;
        open.read(|view| of_draft(view, &draft, self.date()))
    }
}

fn find(view: &View<'_>, request: &OpenInspection, now: chrono::DateTime<chrono::Utc>) -> Result<Found> {
    let job = job(view, request.job_id.uuid())?;
    let item = Item::find(view, request.equipment_id)?;
    if item.record.uuid("location_id") != job.uuid("location_id") {
        return Err(Error::NotAllowed(Rule::OtherSite));
    }
    let of_item = |draft: &Draft| draft.equipment_id == request.equipment_id && draft.amends == request.amends;
    let drafts = view.read.drafts(Some(request.job_id))?.into_iter().filter(|draft| !draft.sealed).map(Draft::of);
    let known = drafts.filter(of_item).max_by_key(|draft| (draft.touched(), draft.saved_at));
    let last = last_visit(view, &item, known.as_ref())?;
    let template_id = |wanted: Option<uuid::Uuid>| -> Result<uuid::Uuid> {
        let templates = fitting(view, &item, &job, last.as_deref())?;
        let chosen = match wanted {
            Some(wanted) => templates.iter().find(|template| template.id == wanted),
            None => templates.first(),
        };
        chosen.map(|template| template.id).ok_or(Error::NotAllowed(Rule::NoTemplate))
    };
    if let Some(mut draft) = known {
        let wanted = match (request.template_id, draft.template_id) {
            (Some(wanted), _) => template_id(Some(wanted))?,
            (None, Some(known)) => known,
            (None, None) => template_id(None)?,
        };
        if draft.template_id == Some(wanted) {
            return Ok(Found::Draft(draft));
        }
        // Another template: answers to the same questions stay.
        draft.template_id = Some(wanted);
        return Ok(Found::New(draft));
    }
    let records = view.by(Entity::InspectionRecords, "job_id", request.job_id.uuid())?;
    let mut done: Vec<_> =
        records.into_iter().filter(|record| record.uuid("equipment_id") == Some(item.record.id)).collect();
    done.sort_by_key(|record| record.id);
    let fresh = Draft {
        inspection_id: InspectionId(new_id()),
        job_id: request.job_id,
        equipment_id: request.equipment_id,
        template_id: None,
        amends: request.amends,
        body: Default::default(),
        started_at: now,
        saved_at: now,
    };
    match request.amends {
        Some(amended) => {
            let record = view.get(Entity::InspectionRecords, amended.uuid())?.ok_or(Error::NotHere("inspection"))?;
            let template = match record.uuid("template_id") {
                Some(template) => template,
                None => template_id(None)?,
            };
            Ok(Found::New(Draft { template_id: Some(template), body: body_of(&record), ..fresh }))
        }
        None => match done.pop() {
            Some(record) => Ok(Found::Record(record)),
            None => Ok(Found::New(Draft { template_id: Some(template_id(request.template_id)?), ..fresh })),
        },
    }
}

/// The draft, or what became of it.
pub(super) fn draft_of(view: &View<'_>, id: InspectionId) -> Result<Draft> {
    match draft::find(view, id)? {
        Some(draft) => Ok(draft),
        None if view.get(Entity::InspectionRecords, id.uuid())?.is_some() => Err(Error::NotAllowed(Rule::Completed)),
        None => Err(Error::NotHere("inspection")),
    }
}
