//! Inspections: opened as a draft, saved at every change, completed once, amended after.

use std::rc::Rc;

use clara_domain::InspectionId;
use clara_domain::mirror::Entity;

use crate::error::Result;
use crate::field::Record;
use crate::view::View;

mod choose;
mod complete;
pub(crate) mod draft;
mod judge;
mod open;
mod save;
mod sheet;
mod template;

/// Photos of an inspection, draft or record, oldest first.
pub(crate) fn photos_of(view: &View<'_>, id: InspectionId) -> Result<impl Iterator<Item = Rc<Record>> + use<>> {
    let mut photos = view.by(Entity::Photos, "inspection_id", id.uuid())?;
    photos.sort_by_key(|photo| photo.id);
    Ok(photos.into_iter())
}
