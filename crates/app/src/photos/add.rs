use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clara_contract::photos::{AddPhoto, PhotoTarget, PhotoTile, PickPhotos, Refused, TakenIn};
use clara_domain::PhotoId;
use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_local::table::photos::PhotoNew;
use serde_json::{Value, json};

use super::intake::{MAX_FILE_BYTES, Picture, Unfit, take_in};
use super::tile;
use crate::app::Core;
use crate::app::Open;
use crate::clock::new_id;
use crate::error::{Error, Fault, Result, Rule};
use crate::field::stamp;
use crate::inspections::draft;
use crate::view::View;

/// A file on its way in.
pub struct File {
    /// Its name, for messages.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Core {
    /// Opens the system's file dialog and takes in what is picked.
    pub(crate) fn pick_photos(&self, request: PickPhotos) -> Result<TakenIn> {
        let paths = self.pick_files().ok_or(Error::NotAllowed(Rule::NotNow))?;
        let mut taken = TakenIn { kept: Vec::new(), refused: Vec::new() };
        // One at a time: twenty photos of 40 MB must not be in memory together.
        for path in paths {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let file = match read(&path) {
                Ok(bytes) => File { name, bytes },
                Err(reason) => {
                    taken.refused.push(Refused { name, reason });
                    continue;
                }
            };
            let one = self.photos_take(&request.target, vec![file])?;
            taken.kept.extend(one.kept);
            taken.refused.extend(one.refused);
        }
        Ok(taken)
    }

    /// Takes in bytes that were dropped on the window.
    pub(crate) fn add_photo(&self, request: AddPhoto) -> Result<TakenIn> {
        if request.base64.len() > MAX_FILE_BYTES / 3 * 4 + 4 {
            let reason = Unfit::TooLarge(request.base64.len() / 4 * 3).sentence();
            return Ok(TakenIn { kept: Vec::new(), refused: vec![Refused { name: request.name, reason }] });
        }
        let bytes = STANDARD
            .decode(request.base64.as_bytes())
            .map_err(|_| Error::Given { field: "base64".into(), fault: Fault::NotBase64 })?;
        self.photos_take(&request.target, vec![File { name: request.name, bytes }])
    }

    /// Takes files in. A file that is no picture refuses itself and nothing else.
    pub(crate) fn photos_take(&self, target: &PhotoTarget, files: Vec<File>) -> Result<TakenIn> {
        let open = self.open()?;
        let place = open.read(|view| place(view, target))?;
        let mut taken = TakenIn { kept: Vec::new(), refused: Vec::new() };
        for file in files {
            match take_in(&file.bytes, self.options.clock.offset()) {
                Ok(picture) => taken.kept.push(self.keep(&open, &place, target, &picture)?),
                Err(unfit) => taken.refused.push(Refused { name: file.name, reason: unfit.sentence() }),
            }
        }
        Ok(taken)
    }

    fn keep(&self, open: &Open, place: &Fields, target: &PhotoTarget, picture: &Picture) -> Result<PhotoTile> {
        let id = PhotoId(new_id());
        let mut fields = place.clone();
        let mut put = |column: &str, value: Value| {
            if !value.is_null() {
                fields.insert(column.to_owned(), value);
            }
        };
        let said = |text: &Option<String>| text.as_deref().map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned);
        put("field_key", json!(said(&target.field_key)));
        put("caption", json!(said(&target.caption)));
        put("mime", json!(Picture::MIME));
        put("width", json!(picture.width));
        put("height", json!(picture.height));
        put("taken_at", json!(picture.taken_at.map(stamp)));
        put("latitude", json!(picture.position.map(|(latitude, _)| latitude)));
        put("longitude", json!(picture.position.map(|(_, longitude)| longitude)));
        open.write(self.now(), |write| {
            let new = PhotoNew { id, root_id: id.uuid(), fields, bytes: &picture.bytes, thumbnail: &picture.thumb };
            Ok(write.attach_photo(new)?)
        })?;
        open.read(|view| {
            let row = view.get(Entity::Photos, id.uuid())?.ok_or(Error::NotHere("photo"))?;
            tile::tile(view, &row)
        })
    }
}

/// Finds what a photo belongs to; an inspection brings its job and its item.
fn place(view: &View<'_>, target: &PhotoTarget) -> Result<Fields> {
    let (mut job, mut item) = (target.job_id.map(|id| id.uuid()), target.equipment_id.map(|id| id.uuid()));
    if let Some(inspection) = target.inspection_id {
        if let Some(draft) = draft::find(view, inspection)? {
            job = Some(draft.job_id.uuid());
            item = Some(draft.equipment_id.uuid());
        } else if view.get(Entity::InspectionRecords, inspection.uuid())?.is_some() {
            // Its list of photos is part of what was completed.
            return Err(Error::NotAllowed(Rule::Completed));
        } else {
            return Err(Error::NotHere("inspection"));
        }
    }
    if let Some(job) = job {
        view.get(Entity::Jobs, job)?.ok_or(Error::NotHere("job"))?;
    }
    if let Some(item) = item {
        view.get(Entity::EquipmentInventory, item)?.ok_or(Error::NotHere("item"))?;
    }
    let inspection = target.inspection_id.map(|id| id.uuid());
    if inspection.or(item).or(job).is_none() {
        return Err(Error::NotHere("item"));
    }
    let mut fields = Fields::new();
    for (column, id) in [("job_id", job), ("equipment_id", item), ("inspection_id", inspection)] {
        if let Some(id) = id {
            fields.insert(column.into(), json!(id));
        }
    }
    Ok(fields)
}

/// A picked file's bytes, or why not, in a sentence.
fn read(path: &std::path::Path) -> std::result::Result<Vec<u8>, String> {
    let unreadable =
        || "The file cannot be read. Your other work is safe. Check the card or cable and choose it again.".to_owned();
    let length = std::fs::metadata(path).map_err(|_| unreadable())?.len();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > MAX_FILE_BYTES {
        return Err(Unfit::TooLarge(length).sentence());
    }
    std::fs::read(path).map_err(|_| unreadable())
}
