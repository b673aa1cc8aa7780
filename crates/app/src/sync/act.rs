use clara_contract::sync::{ActOnWork, ActedOnWork, ListWork, SavedFile, WorkAction, WorkList};
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_domain::{InspectionId, OpId};
use clara_local::OpState;
use serde_json::json;

use crate::app::{Core, Open};
use crate::error::{Error, Result, Rule};
use crate::inspections::{draft, photos_of};
use crate::vault::write_private;

impl Core {
    /// Does one of the actions that an item offers.
    pub(crate) fn act_on_work(&self, request: ActOnWork) -> Result<ActedOnWork> {
        let open = self.open()?;
        let op_id = OpId(request.id);
        let mut saved = None;
        let line = open.read(|view| Ok(view.read.operation(op_id)?))?;
        match (request.action, line) {
            (WorkAction::Withdraw, None) => self.discard_draft(&open, InspectionId(request.id))?,
            (_, None) => return Err(Error::NotHere("work")),
            (WorkAction::Retry, Some(line)) if line.state == OpState::Rejected => {
                open.write(self.now(), |write| Ok(write.send_again(op_id, Fields::new())?))?;
            }
            (WorkAction::HandToOffice, Some(line)) if line.state == OpState::Rejected => {
                open.write(self.now(), |write| Ok(write.hand_over(op_id)?))?;
            }
            // A completed inspection is a promise to the customer: it is corrected, not taken back.
            (WorkAction::Withdraw, Some(line)) if line.operation.entity != Entity::InspectionRecords => {
                open.write(self.now(), |write| Ok(write.withdraw_whole(op_id)?))?;
            }
            (WorkAction::Export, Some(line)) => {
                let text = json!({"operation": line.operation, "state": line.state, "receipt": line.receipt});
                let name = format!("{}.json", request.id);
                let path = self.options.profile.join("exports").join(&name);
                write_private(&path, format!("{text:#}\n").as_bytes()).map_err(|error| Error::File("export", error))?;
                let path = std::path::absolute(&path).unwrap_or(path);
                saved = Some(SavedFile { name, path: path.display().to_string() });
            }
            _ => return Err(Error::NotAllowed(Rule::NotNow)),
        }
        let WorkList { items, more } = self.list_work(ListWork::default())?;
        Ok(ActedOnWork { items, more, saved })
    }

    /// Throws a draft away, with the photos that were taken for it.
    fn discard_draft(&self, open: &Open, id: InspectionId) -> Result<()> {
        let photos = open.read(|view| {
            draft::find(view, id)?.ok_or(Error::NotHere("work"))?;
            Ok(photos_of(view, id)?.map(|photo| photo.id).collect::<Vec<_>>())
        })?;
        open.write(self.now(), |write| {
            for photo in photos {
                write.delete(Entity::Photos, photo, photo)?;
            }
            Ok(write.remove_draft(id)?)
        })
    }
}
