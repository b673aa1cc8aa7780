//! What exists only on this laptop, and how it goes out.

use clara_domain::{EquipmentId, JobId};
use uuid::Uuid;

wire! {
    /// The light at the top right, and the Sync page's head.
    pub struct SyncStatus {
        /// The network, as far as known.
        pub net: Net,
        /// The technician chose to work offline.
        pub work_offline: bool,
        /// Things only on this laptop: inspections, drafts, fields, photos, as a person counts them.
        pub only_here: u32,
        /// Of these, on their way.
        pub sending: u32,
        /// Photos whose bytes the server lacks.
        pub photos_waiting: u32,
        /// Their bytes.
        #[ts(type = "number")]
        pub photo_bytes_waiting: u64,
        /// Conflicts, parked and rejected.
        pub needs_you: u32,
        /// Everything the program was given is durable in database and spool, and no save is under way. What is typed
        /// and was not given yet, only the window knows.
        pub safe_to_close: bool,
        /// The photo that goes up now.
        pub photo: Option<PhotoProgress>,
        /// The person stopped the photos: work goes on, and they wait until the person sends them.
        pub photos_held: bool,
        /// Operations the server confirmed in the last seven days.
        pub on_server_week: u32,
        /// Photos the server confirmed in the last seven days.
        pub photos_on_server_week: u32,
        /// RFC 3339.
        pub oldest_unsent_at: Option<String>,
        /// RFC 3339: the last receipt.
        pub last_receipt_at: Option<String>,
        /// RFC 3339: the last sync that ended well.
        pub last_success_at: Option<String>,
        /// Why the last attempt did not, for a person.
        pub last_problem: Option<crate::Failure>,
        /// The first sync, while it goes on.
        pub first_sync: Option<FirstSync>,
        /// The lane that moves now.
        pub activity: Activity,
        /// Server clock minus laptop clock, in milliseconds.
        #[ts(type = "number | null")]
        pub clock_offset_ms: Option<i64>,
        /// There is no server: the demo.
        pub demo: bool,
    }

    /// What is known of the network.
    #[derive(Copy, Eq)]
    pub enum Net {
        /// Not tried yet.
        Unknown,
        /// The server answered last time.
        Online,
        /// It did not.
        NotReachable,
        /// It refused the login, or could not prove itself.
        Refused,
    }

    /// What the engine does now.
    #[derive(Copy, Eq)]
    pub enum Activity {
        /// Nothing.
        Idle,
        /// Connecting.
        Connecting,
        /// Work goes up.
        Sending,
        /// Changes come down.
        Receiving,
        /// Photos go up.
        SendingPhotos,
        /// Both sides are compared.
        Checking,
    }

    /// A photo on its way up.
    #[derive(Copy, Eq)]
    pub struct PhotoProgress {
        /// The first of this sync is 1.
        pub number: u32,
        /// Photos of this sync, as far as known.
        pub of: u32,
        /// Of its bytes, those that the server has.
        #[ts(type = "number")]
        pub bytes_done: u64,
        /// Its bytes.
        #[ts(type = "number")]
        pub byte_count: u64,
    }

    /// Stops the photos between two chunks, or sends them.
    pub struct HoldPhotos {
        /// Hold them back.
        pub hold: bool,
    }

    /// Progress of a first sync.
    pub struct FirstSync {
        /// Tables done of tables in all, by rows where known.
        pub percent: u32,
        /// Today's sites are complete: work can start.
        pub can_start: bool,
        /// What comes in now, in words.
        pub now: String,
        /// Rows so far.
        pub rows: u32,
    }

    /// Which of the things that are only here.
    #[derive(Copy, Eq, Default)]
    pub struct ListWork {
        /// At most so many of each state, the oldest; 200 where nothing is said.
        pub limit: Option<u32>,
        /// This one in any case.
        #[ts(type = "string | null")]
        pub also: Option<Uuid>,
    }

    /// A page of them.
    pub struct WorkList {
        /// Newest first.
        pub items: Vec<WorkItem>,
        /// So many more are saved on this laptop.
        pub more: u32,
    }

    /// A thing a person knows, and where it is.
    pub struct WorkItem {
        /// The operation, draft or photo.
        #[ts(type = "string")]
        pub id: Uuid,
        /// What sort of thing.
        pub kind: WorkKind,
        /// "FP-1 annual flow test".
        pub title: String,
        /// "41 readings, 1 out of limits".
        pub detail: String,
        /// Where it is.
        pub state: WorkState,
        /// RFC 3339.
        pub saved_at: String,
        /// Why, where it needs a person.
        pub reason: Option<String>,
        /// What can be done.
        pub actions: Vec<WorkAction>,
        /// Where to go.
        pub job_id: Option<JobId>,
        /// Where to go.
        pub equipment_id: Option<EquipmentId>,
    }

    /// What sort of thing.
    #[derive(Copy, Eq)]
    pub enum WorkKind {
        /// An inspection not completed yet.
        Draft,
        /// A completed inspection.
        Inspection,
        /// Fields of an item.
        Equipment,
        /// A job's state or checklist.
        Job,
        /// A data-capture log.
        CaptureLog,
        /// A photo.
        Photo,
        /// A decision on a conflict or on parked work.
        Decision,
        /// Anything else.
        Other,
    }

    /// Where a thing is; the words of the status vocabulary.
    #[derive(Copy, Eq)]
    pub enum WorkState {
        /// On disk, twice.
        Saved,
        /// On its way.
        Sending,
        /// Confirmed.
        OnServer,
        /// The bytes of a photo wait.
        PhotoWaiting,
        /// Refused; can be corrected.
        NeedsYou,
        /// Kept, waits for a decision.
        Parked,
        /// Two people changed one field.
        Conflict,
        /// Sealed: the site is no longer in scope.
        Sealed,
    }

    /// What can be done with a thing that does not go by itself.
    #[derive(Copy, Eq)]
    pub enum WorkAction {
        /// Send it again.
        Retry,
        /// Ask a manager to decide.
        HandToOffice,
        /// Correct it: opens where it was made.
        Edit,
        /// Save it as a file.
        Export,
        /// Withdraw it, with undo: the server's value comes back.
        Withdraw,
    }

    /// Does one of them.
    pub struct ActOnWork {
        /// The operation.
        #[ts(type = "string")]
        pub id: Uuid,
        /// What.
        pub action: WorkAction,
    }

    /// What came of it.
    pub struct ActedOnWork {
        /// The list as it is now.
        pub items: Vec<WorkItem>,
        /// As in [`WorkList`].
        pub more: u32,
        /// The file that an export wrote.
        pub saved: Option<SavedFile>,
    }

    /// A file that a person may want to find again.
    pub struct SavedFile {
        /// Its name.
        pub name: String,
        /// Where it lies, with its name.
        pub path: String,
    }

    /// Switches the network off for this app, or on.
    pub struct WorkOffline {
        /// Off the network.
        pub offline: bool,
    }

    /// What a check against the server put right.
    pub struct Checked {
        /// Tables compared.
        pub tables: u32,
        /// Rows compared.
        pub rows: u32,
        /// Per table: fetched again, taken away.
        pub repairs: Vec<(String, u32, u32)>,
    }
}
