use std::rc::Rc;

use clara_contract::Empty;
use clara_contract::photos::{CaptionPhoto, PhotoTile, RemovePhoto};
use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use serde_json::json;

use super::tile;
use crate::app::Core;
use crate::error::{Error, Result, Rule};
use crate::field::Record;
use crate::view::View;

impl Core {
    /// Changes a caption.
    pub(crate) fn caption_photo(&self, request: CaptionPhoto) -> Result<PhotoTile> {
        let open = self.open()?;
        let id = request.photo_id;
        open.read(|view| find(view, id))?;
        let caption = request.caption.trim();
        let caption = if caption.is_empty() { json!(null) } else { json!(caption) };
        open.change(self.now(), Entity::Photos, id.uuid(), id.uuid(), json!({"caption": caption}))?;
        open.read(|view| tile::tile(view, &*find(view, id)?))
    }

    /// Takes a photo off its item. One that a completed inspection refers to stays.
    pub(crate) fn remove_photo(&self, request: RemovePhoto) -> Result<Empty> {
        let open = self.open()?;
        let id = request.photo_id;
        open.read(|view| {
            let photo = find(view, id)?;
            match view.follow(&photo, "inspection_id", Entity::InspectionRecords)? {
                Some(_) => Err(Error::NotAllowed(Rule::PhotoOfRecord)),
                None => Ok(()),
            }
        })?;
        open.write(self.now(), |write| Ok(write.delete(Entity::Photos, id.uuid(), id.uuid())?))?;
        Ok(Empty {})
    }
}

fn find(view: &View<'_>, id: PhotoId) -> Result<Rc<Record>> {
    view.get(Entity::Photos, id.uuid())?.filter(|photo| !photo.gone()).ok_or(Error::NotHere("photo"))
}
