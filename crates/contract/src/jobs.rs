//! Today, the list of jobs, one job.

use clara_domain::category::{Category, JobStatus};
use clara_domain::{EquipmentId, InspectionId, JobId, LocationId};

use crate::sync::SyncStatus;

wire! {
    /// The first screen.
    pub struct Today {
        /// `YYYY-MM-DD`.
        pub date: String,
        /// The job in progress, or the next one.
        pub now: Option<NowJob>,
        /// The rest of today's jobs.
        pub later: Vec<JobRow>,
        /// The next working day with jobs.
        pub next_day: Option<NextDay>,
        /// What exists only on this laptop, most recent first, at most six.
        pub only_here: Vec<crate::sync::WorkItem>,
        /// What needs a person, most pressing first.
        pub needs_you: Vec<crate::sync::WorkItem>,
        /// Missing fields at the site of `now`, in words.
        pub gaps_here: Option<GapSummary>,
        /// The light at the top right.
        pub sync: SyncStatus,
    }

    /// The job a technician is at.
    pub struct NowJob {
        /// Its row.
        pub job: JobRow,
        /// Street and city.
        pub address: String,
        /// Notes worth reading before the door, one line each.
        pub notes: Vec<String>,
        /// Since when work goes on, RFC 3339.
        pub started_at: Option<String>,
        /// Devices by category, in the order of the enum.
        pub devices: Vec<CategoryProgress>,
        /// The inspection to go on with.
        pub resume: Option<Resume>,
    }

    /// Where a technician left off.
    pub struct Resume {
        /// The item.
        pub equipment_id: EquipmentId,
        /// Its tag or name.
        pub tag: String,
        /// "fire pump", "backflow"…
        pub what: String,
        /// A draft exists.
        pub draft: bool,
    }

    /// How far a category is at a job: one state per device, in walking order.
    pub struct CategoryProgress {
        /// Which.
        pub category: Category,
        /// Devices done.
        pub done: u32,
        /// Devices at the job.
        pub total: u32,
        /// One per device.
        pub devices: Vec<DeviceState>,
    }

    /// Where an item stands at a job.
    #[derive(Copy, Eq)]
    pub enum DeviceState {
        /// Nothing yet.
        NotStarted,
        /// A draft.
        Started,
        /// Completed and passed.
        Passed,
        /// Completed and not passed.
        Failed,
    }

    /// Jobs of the next working day.
    pub struct NextDay {
        /// `YYYY-MM-DD`.
        pub date: String,
        /// How many.
        pub jobs: u32,
    }

    /// Missing fields in words.
    pub struct GapSummary {
        /// How many.
        pub fields: u32,
        /// "3 serials, 2 photos, 1 date".
        pub words: String,
        /// A guess at the time it takes.
        pub minutes: u32,
    }

    /// One job in a list.
    pub struct JobRow {
        /// Which.
        pub job_id: JobId,
        /// The work order number.
        pub job_number: String,
        /// What.
        pub title: String,
        /// Where.
        pub location_id: LocationId,
        /// The site's name.
        pub location_name: String,
        /// The customer's name.
        pub customer_name: String,
        /// `job_type`.
        pub job_type: String,
        /// Its state.
        pub status: JobStatus,
        /// `job_priority`.
        pub priority: String,
        /// `YYYY-MM-DD`.
        pub scheduled_date: String,
        /// `HH:MM`.
        pub scheduled_time: Option<String>,
        /// Planned minutes.
        pub duration_minutes: Option<u32>,
        /// Whose job it is.
        pub technician: Option<String>,
        /// Devices in words: "Backflow 2, extinguishers 14".
        pub devices_words: String,
        /// Devices at the job.
        pub devices_total: u32,
        /// Devices with a completed inspection at this job.
        pub devices_done: u32,
        /// Required fields of its devices.
        pub capture: CaptureCount,
        /// Something of it is only on this laptop.
        pub saved_here: bool,
    }

    /// Fields captured, justified and missing. Unknown ones are counted by the manager's view alone.
    #[derive(Copy, Eq, Default)]
    pub struct CaptureCount {
        /// With a value.
        pub captured: u32,
        /// Without, with a reason.
        pub justified: u32,
        /// Without.
        pub missing: u32,
    }

    /// Which jobs.
    pub struct ListJobs {
        /// Only those of one state.
        pub status: Option<JobStatus>,
        /// Only mine.
        pub mine: bool,
        /// In number, title, site, customer.
        pub text: Option<String>,
        /// At most; 200 if absent.
        pub limit: Option<u32>,
    }

    /// Which job.
    pub struct OpenJob {
        /// Which.
        pub job_id: JobId,
    }

    /// A job with all a technician needs at the door.
    pub struct JobSheet {
        /// Its row.
        pub job: JobRow,
        /// What is to be done.
        pub description: Option<String>,
        /// From the office.
        pub special_instructions: Option<String>,
        /// The site.
        pub site: Site,
        /// In walking order, grouped by place.
        pub devices: Vec<JobDevice>,
        /// The job's own checklist.
        pub checklist: Vec<CheckItem>,
        /// When work began, RFC 3339.
        pub started_at: Option<String>,
        /// When work ended, RFC 3339.
        pub ended_at: Option<String>,
        /// What keeps the job from closing, in words; empty when it can close.
        pub before_close: Vec<String>,
        /// All gaps at the job.
        pub gaps: Option<GapSummary>,
    }

    /// A site as the technician meets it.
    pub struct Site {
        /// Which.
        pub location_id: LocationId,
        /// Its name.
        pub name: String,
        /// Street and city.
        pub address: String,
        /// Whom to call before touching anything; stays on top.
        pub safety_note: Option<String>,
        /// One line each.
        pub access_notes: Vec<String>,
        /// Contact at the site.
        pub contact: Option<String>,
        /// Their number.
        pub contact_phone: Option<String>,
    }

    /// One item at a job.
    pub struct JobDevice {
        /// Which.
        pub equipment_id: EquipmentId,
        /// Its tag, or its maker and model.
        pub tag: String,
        /// Its category.
        pub category: Category,
        /// Maker.
        pub manufacturer: Option<String>,
        /// Model number.
        pub model_number: Option<String>,
        /// Group head: "Pump room B2".
        pub place: String,
        /// Required fields.
        pub capture: CaptureCount,
        /// "serial", "photo": labels of missing fields.
        pub missing: Vec<String>,
        /// Where it stands at this job.
        pub state: DeviceState,
        /// Readings out of limits in the draft or record of this job.
        pub out_of_limits: u32,
        /// Answers given of answers required, in the draft.
        pub answered: Option<(u32, u32)>,
        /// The last completed visit, `YYYY-MM-DD`.
        pub last_visit: Option<String>,
        /// How it ended.
        pub last_passed: Option<bool>,
        /// The inspection at this job, draft or record.
        pub inspection_id: Option<InspectionId>,
        /// Retired, replaced or removed meanwhile.
        pub status: String,
    }

    /// One line of a job's checklist.
    pub struct CheckItem {
        /// Its key.
        pub key: String,
        /// For a person.
        pub label: String,
        /// Ticked.
        pub done: bool,
    }

    /// Ticks or unticks a line.
    pub struct CheckJobItem {
        /// Which job.
        pub job_id: JobId,
        /// Which line.
        pub key: String,
        /// Ticked.
        pub done: bool,
    }

    /// Closes a job. With gaps it can still be closed, with a reason for each field or one for all.
    pub struct CompleteJob {
        /// Which job.
        pub job_id: JobId,
        /// Why fields stay missing or devices uninspected; required where there are any.
        pub reason: Option<String>,
    }
}
