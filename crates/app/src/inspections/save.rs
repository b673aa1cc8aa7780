use clara_contract::inspection::{SaveInspection, SavedInspection};

use super::open::draft_of;
use super::sheet::Opened;
use crate::app::Core;
use crate::equipment::item::Item;
use crate::error::{Error, Result, Rule};
use crate::field::stamp;
use crate::view::View;

impl Core {
    /// Saves the whole of a draft. When this returns it is on the disk twice.
    pub(crate) fn save_inspection(&self, request: SaveInspection) -> Result<SavedInspection> {
        let open = self.open()?;
        let now = self.now();
        let draft = open.write(now, |write| {
            let mut draft = {
                let read = write.read();
                draft_of(&View::new(&read), request.inspection_id)?
            };
            draft.body = request.body;
            draft.saved_at = now;
            write.save_draft(draft.save()?)?;
            Ok(draft)
        })?;
        open.read(|view| {
            let item = Item::find(view, draft.equipment_id)?;
            let opened = Opened::of(view, &draft, &item)?.ok_or(Error::NotAllowed(Rule::NoTemplate))?;
            let visit = opened.visit(&draft.body, self.date());
            Ok(SavedInspection {
                saved_at: stamp(now),
                sections: visit.sections(),
                before_complete: visit.before_complete(),
            })
        })
    }
}
