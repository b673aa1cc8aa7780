//! What a start of the app finds.

use std::path::Path;

use clara_domain::{EquipmentId, InspectionId, JobId};
use clara_local::{DraftSave, Mirror, MirrorError, OpenError, Opened};
use clara_tests::Content;
use clara_tests::shift::{PUMP, key, options, time};
use serde_json::json;
use uuid::Uuid;

/// Opens a profile of a shift as the app does.
pub fn open(folder: &Path) -> Result<Opened, OpenError> {
    Mirror::open_with(folder, &key(), time(1 << 12), options())
}

/// Saves a draft, as the person does next; it needs no row of the server's.
pub fn save_something(mirror: &Mirror) -> Result<(), MirrorError> {
    let save = DraftSave {
        id: InspectionId(Uuid::from_u128(0x5afe)),
        job_id: JobId(Uuid::from_u128(0x10)),
        equipment_id: EquipmentId(PUMP),
        template_id: None,
        body: json!({ "findings": "the next save" }),
    };
    mirror.write(time(1 << 12), |tx| tx.save_draft(save)).map(|_| ())
}

/// Opens and says what is wrong. `allowed` are the digests it may have: what was acknowledged last, and what was being
/// saved; none before the profile itself was acknowledged.
pub fn look(folder: &Path, allowed: Option<&[String]>, and_go_on: bool) -> Result<(), String> {
    let opened = open(folder).map_err(|error| format!("it does not open: {error:?}"))?;
    let Some(allowed) = allowed else { return Ok(()) };
    if opened.report.rebuilt.is_some() {
        return Err(format!("the database did not survive: {:?}", opened.report));
    }
    let found = Content::of(&opened.mirror).map_err(|error| format!("it cannot be read: {error:?}"))?.digest();
    if !allowed.contains(&found) {
        return Err(format!("it holds something else than was acknowledged: {found} and not {allowed:?}"));
    }
    if !and_go_on {
        return Ok(());
    }
    // Work goes on, and the next start finds both copies in agreement.
    save_something(&opened.mirror).map_err(|error| format!("nothing can be saved: {error:?}"))?;
    let after = Content::of(&opened.mirror).map_err(|error| format!("{error:?}"))?.digest();
    drop(opened);
    let again = open(folder).map_err(|error| format!("it does not open twice: {error:?}"))?;
    if again.report.taken_over > 0 || again.report.rebuilt.is_some() {
        return Err(format!("the second start still puts things right: {:?}", again.report));
    }
    let twice = Content::of(&again.mirror).map_err(|error| format!("{error:?}"))?.digest();
    if twice != after { Err(format!("the second start finds something else: {twice} and not {after}")) } else { Ok(()) }
}
