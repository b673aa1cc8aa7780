//! Photos: what is shown, and how they come in. No path crosses this border: pictures are picked in the program behind
//! the window, or arrive as bytes, and are shown through the `photo:` scheme by id.

use clara_domain::{EquipmentId, InspectionId, JobId, PhotoId};

wire! {
    /// One picture in a row or grid.
    pub struct PhotoTile {
        /// Which; shown as `photo://localhost/<id>` and `photo://localhost/<id>?size=thumb`.
        pub photo_id: PhotoId,
        /// For a person.
        pub caption: Option<String>,
        /// What it is evidence of: `photo`, `nameplate`, an item's key.
        pub field_key: Option<String>,
        /// RFC 3339.
        pub taken_at: Option<String>,
        /// Position that goes with it; shown before it is sent.
        pub position: Option<(f64, f64)>,
        /// Where its bytes are.
        pub state: PhotoState,
        /// Pixels.
        pub width: u32,
        /// Pixels.
        pub height: u32,
        /// Bytes.
        pub byte_count: u32,
    }

    /// Where the bytes of a photo are.
    #[derive(Copy, Eq)]
    pub enum PhotoState {
        /// Here; the server does not have them.
        Waiting,
        /// On their way.
        Sending,
        /// On the server, by hash.
        OnServer,
        /// On the server and not on this laptop.
        Remote,
        /// The local bytes are gone or were changed: take it again.
        Damaged,
    }

    /// What a photo belongs to.
    pub struct PhotoTarget {
        /// The item.
        pub equipment_id: Option<EquipmentId>,
        /// The job.
        pub job_id: Option<JobId>,
        /// The inspection, draft or not.
        pub inspection_id: Option<InspectionId>,
        /// What it is evidence of.
        pub field_key: Option<String>,
        /// For a person.
        pub caption: Option<String>,
    }

    /// Opens the system's file dialog and takes in what is picked.
    pub struct PickPhotos {
        /// What they belong to.
        pub target: PhotoTarget,
    }

    /// Takes in bytes that were dropped on the window.
    pub struct AddPhoto {
        /// What it belongs to.
        pub target: PhotoTarget,
        /// The file's name, shown in messages only.
        pub name: String,
        /// Its bytes, base64.
        pub base64: String,
    }

    /// What came in and what did not.
    pub struct TakenIn {
        /// Pictures kept.
        pub kept: Vec<PhotoTile>,
        /// Files refused, each with a sentence.
        pub refused: Vec<Refused>,
    }

    /// A file that is no picture.
    pub struct Refused {
        /// Its name.
        pub name: String,
        /// Why, and what to do.
        pub reason: String,
    }

    /// Changes a caption.
    pub struct CaptionPhoto {
        /// Which.
        pub photo_id: PhotoId,
        /// The new one.
        pub caption: String,
    }

    /// Takes a photo off its item.
    pub struct RemovePhoto {
        /// Which.
        pub photo_id: PhotoId,
    }
}
