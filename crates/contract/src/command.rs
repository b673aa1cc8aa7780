use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::backups::{Backup, RestoreBackup, RestoredBackup};
use crate::completeness::{Completeness, CompletenessFilter, Csv, Drill, DrillRow};
use crate::conflicts::{ConflictCard, DecideParked, ParkedCard, ResolveConflict};
use crate::equipment::{
    AddEquipment, CaptureField, EquipmentRow, EquipmentSheet, JustifyField, ListEquipment, OpenEquipment,
};
use crate::inspection::{
    CompleteInspection, CompletedInspection, InspectionSheet, OpenInspection, SaveInspection, SavedInspection,
};
use crate::jobs::{CheckJobItem, CompleteJob, JobRow, JobSheet, ListJobs, OpenJob, Today};
use crate::photos::{AddPhoto, CaptionPhoto, PhotoTile, PickPhotos, RemovePhoto, TakenIn};
use crate::rescue::{RescueMade, RescueState};
use crate::session::{CloseWindow, Enroll, Session, Start, Unlock};
use crate::specs::{ModelSheet, OpenModel, SearchSpecs, SpecsFound};
use crate::sync::{ActOnWork, ActedOnWork, Checked, HoldPhotos, ListWork, SyncStatus, WorkList, WorkOffline};

/// Nothing to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Empty {}

/// What the program says to the window by itself, on the event `clara`.
#[expect(clippy::large_enum_variant, reason = "made once, serialised at once, never stored")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Rows of these tables changed: screens that show them read again.
    Changed {
        /// Table names.
        entities: Vec<String>,
    },
    /// The light changed.
    Sync {
        /// The whole of it.
        status: SyncStatus,
    },
    /// The office ended this laptop's access: the work was locked, and `start` says what becomes of it.
    Revoked {},
    /// The person closes the window: what is typed is saved now, and `close_window` says how that went.
    Closing {},
}

/// Calls `$callback!` with every command: `name(Request) -> Answer`, in the order of the screens. The list expands to
/// [`COMMANDS`], to the TypeScript map and to the shell's handlers, so that a missing adapter does not compile.
#[macro_export]
macro_rules! commands {
    ($callback:ident) => {
        $callback! {
            start(Empty) -> Start,
            try_demo(Empty) -> Session,
            enroll(Enroll) -> Session,
            unlock(Unlock) -> Session,
            lock(Empty) -> Start,
            sign_out(Empty) -> Start,
            close_window(CloseWindow) -> Empty,
            today(Empty) -> Today,
            list_jobs(ListJobs) -> Vec<JobRow>,
            open_job(OpenJob) -> JobSheet,
            start_job(OpenJob) -> JobSheet,
            check_job_item(CheckJobItem) -> JobSheet,
            complete_job(CompleteJob) -> JobSheet,
            list_equipment(ListEquipment) -> Vec<EquipmentRow>,
            open_equipment(OpenEquipment) -> EquipmentSheet,
            capture_field(CaptureField) -> EquipmentSheet,
            justify_field(JustifyField) -> EquipmentSheet,
            add_equipment(AddEquipment) -> EquipmentSheet,
            open_inspection(OpenInspection) -> InspectionSheet,
            save_inspection(SaveInspection) -> SavedInspection,
            complete_inspection(CompleteInspection) -> CompletedInspection,
            pick_photos(PickPhotos) -> TakenIn,
            add_photo(AddPhoto) -> TakenIn,
            caption_photo(CaptionPhoto) -> PhotoTile,
            remove_photo(RemovePhoto) -> Empty,
            search_specs(SearchSpecs) -> SpecsFound,
            open_model(OpenModel) -> ModelSheet,
            completeness(CompletenessFilter) -> Completeness,
            drill_completeness(Drill) -> Vec<DrillRow>,
            export_completeness(CompletenessFilter) -> Csv,
            sync_status(Empty) -> SyncStatus,
            sync_now(Empty) -> SyncStatus,
            work_offline(WorkOffline) -> SyncStatus,
            hold_photos(HoldPhotos) -> SyncStatus,
            check_server(Empty) -> Checked,
            list_backups(Empty) -> Vec<Backup>,
            restore_backup(RestoreBackup) -> RestoredBackup,
            rescue_state(Empty) -> RescueState,
            make_rescue(Empty) -> RescueMade,
            list_work(ListWork) -> WorkList,
            act_on_work(ActOnWork) -> ActedOnWork,
            list_conflicts(Empty) -> Vec<ConflictCard>,
            resolve_conflict(ResolveConflict) -> Vec<ConflictCard>,
            list_parked(Empty) -> Vec<ParkedCard>,
            decide_parked(DecideParked) -> Vec<ParkedCard>,
        }
    };
}

macro_rules! list {
    ($($name:ident ($request:ty) -> $answer:ty,)+) => {
        /// Every command's name: what the shell declares and the window may call.
        pub const COMMANDS: &[&str] = &[$(stringify!($name)),+];

        pub(crate) fn signatures(config: &ts_rs::Config) -> Vec<(&'static str, String, String)> {
            vec![$((
                stringify!($name),
                <$request as TS>::name(config),
                <$answer as TS>::name(config),
            )),+]
        }

        pub(crate) fn roots(visit: &mut impl ts_rs::TypeVisitor) {
            $(
                visit.visit::<$request>();
                visit.visit::<$answer>();
                <$request as TS>::visit_dependencies(visit);
                <$answer as TS>::visit_dependencies(visit);
                <$answer as TS>::visit_generics(visit);
            )+
            visit.visit::<Event>();
            visit.visit::<crate::Failure>();
        }
    };
}
commands!(list);
