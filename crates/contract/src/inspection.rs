//! One inspection, from the first key to completion.

use std::collections::BTreeMap;

use clara_domain::category::{Category, Severity};
use clara_domain::limit::{Limits, Verdict};
use clara_domain::{EquipmentId, InspectionId, JobId};
use uuid::Uuid;

use crate::jobs::CaptureCount;
use crate::photos::PhotoTile;

wire! {
    /// Opens the draft of an item at a job, or begins one.
    pub struct OpenInspection {
        /// The job.
        pub job_id: JobId,
        /// The item.
        pub equipment_id: EquipmentId,
        /// Another template than the one that fits the job.
        #[ts(type = "string | null")]
        pub template_id: Option<Uuid>,
        /// Amends a completed one.
        pub amends: Option<InspectionId>,
    }

    /// All that the inspection screen shows.
    pub struct InspectionSheet {
        /// Which; the draft's id is the record's id.
        pub inspection_id: InspectionId,
        /// The job.
        pub job_id: JobId,
        /// The item.
        pub equipment_id: EquipmentId,
        /// Its tag.
        pub tag: String,
        /// Its category.
        pub category: Category,
        /// Maker.
        pub manufacturer: Option<String>,
        /// Model number.
        pub model_number: Option<String>,
        /// The site's name.
        pub location_name: String,
        /// Template, standard and edition in words.
        pub template_name: String,
        /// "NFPA 25, 2023, rev 3".
        pub template_source: String,
        /// Templates that fit the item.
        pub templates: Vec<TemplateChoice>,
        /// Sections in order; each is a step.
        pub sections: Vec<Section>,
        /// What was entered.
        pub body: DraftBody,
        /// Photos of this inspection.
        pub photos: Vec<PhotoTile>,
        /// Required fields of the item.
        pub capture: CaptureCount,
        /// The last visit, `YYYY-MM-DD`.
        pub last_visit: Option<String>,
        /// When the draft was last made durable, RFC 3339; none for one not touched yet.
        pub saved_at: Option<String>,
        /// Completed: read only.
        pub completed: bool,
        /// Due next, proposed, `YYYY-MM-DD`.
        pub proposed_due: Option<String>,
        /// Problems of the model that deficiencies can be picked from.
        pub problems: Vec<crate::specs::Problem>,
        /// What keeps it from completion, in words; empty when it can complete.
        pub before_complete: Vec<String>,
    }

    /// A template that fits.
    pub struct TemplateChoice {
        /// Which.
        #[ts(type = "string")]
        pub template_id: Uuid,
        /// For a person.
        pub name: String,
        /// The one in use.
        pub current: bool,
    }

    /// One step of an inspection.
    pub struct Section {
        /// For a person.
        pub title: String,
        /// In order.
        pub items: Vec<ItemSheet>,
        /// Items answered, skipped ones included.
        pub answered: u32,
    }

    /// One thing to read, choose or tick.
    pub struct ItemSheet {
        /// Its key in `measurements`.
        pub key: String,
        /// For a person.
        pub label: String,
        /// How it is answered.
        pub item_type: ItemType,
        /// `psi`, `psid`, `gpm`…
        pub unit: Option<String>,
        /// Completion waits for it.
        pub required: bool,
        /// For a choice.
        pub choices: Vec<String>,
        /// Bounds of a number.
        pub limits: Limits,
        /// Standard and section, or "company default".
        pub limit_source: Option<String>,
        /// The rule in one sentence.
        pub why: Option<String>,
        /// The last visit's value.
        pub last: Option<String>,
        /// What the value is worth.
        pub verdict: Verdict,
        /// "0.2 low", "same as 2025", "min 2.0".
        pub verdict_words: String,
        /// Proposed where it fails.
        pub proposed: Option<ProposedDeficiency>,
        /// Computed from others; not typed.
        pub computed_from: Option<String>,
        /// What a computed item comes to, as text; none where a part of it is not read yet.
        pub value: Option<String>,
    }

    /// How an item is answered.
    #[derive(Copy, Eq)]
    pub enum ItemType {
        /// Yes or no.
        YesNo,
        /// One of some words.
        Choice,
        /// A number with a unit.
        Number,
        /// Words.
        Text,
        /// A day.
        Date,
        /// At least one picture.
        Photo,
        /// From other answers.
        Computed,
    }

    /// A deficiency that a failed item suggests.
    pub struct ProposedDeficiency {
        /// How grave.
        pub severity: Severity,
        /// What is wrong.
        pub text: String,
        /// What to do.
        pub action: Option<String>,
    }

    /// What a technician entered; the whole of it is saved at every change.
    #[derive(Default)]
    pub struct DraftBody {
        /// Item key to answer: "yes", "no", a number as typed, words, a date.
        #[serde(default)]
        pub answers: BTreeMap<String, String>,
        /// Item key to the reason it was not tested.
        #[serde(default)]
        pub not_tested: BTreeMap<String, String>,
        /// Item keys of suspicious readings that were read again.
        #[serde(default)]
        pub confirmed: Vec<String>,
        /// Findings in words.
        #[serde(default)]
        pub findings: String,
        /// Recommendations in words.
        #[serde(default)]
        pub recommendations: String,
        /// What is wrong.
        #[serde(default)]
        pub deficiencies: Vec<Deficiency>,
        /// `YYYY-MM-DD`.
        #[serde(default)]
        pub next_due: Option<String>,
        /// The technician's own verdict where it differs from the rule's, and why.
        #[serde(default)]
        pub override_passed: Option<bool>,
        /// Why.
        #[serde(default)]
        pub override_reason: Option<String>,
    }

    /// One deficiency.
    pub struct Deficiency {
        /// Its own id.
        #[ts(type = "string")]
        pub id: Uuid,
        /// How grave.
        pub severity: Severity,
        /// What is wrong.
        pub text: String,
        /// What to do.
        pub action: Option<String>,
        /// The item it came from.
        pub item_key: Option<String>,
    }

    /// Saves a draft.
    pub struct SaveInspection {
        /// Which.
        pub inspection_id: InspectionId,
        /// All of it.
        pub body: DraftBody,
    }

    /// The draft is on disk, twice.
    pub struct SavedInspection {
        /// RFC 3339.
        pub saved_at: String,
        /// Every section judged again.
        pub sections: Vec<Section>,
        /// What keeps it from completion.
        pub before_complete: Vec<String>,
    }

    /// Completes a draft: it becomes a record that only amendments can change.
    pub struct CompleteInspection {
        /// Which.
        pub inspection_id: InspectionId,
    }

    /// What completion made.
    pub struct CompletedInspection {
        /// Which.
        pub inspection_id: InspectionId,
        /// How it ended.
        pub passed: Option<bool>,
        /// Of the item's required fields.
        pub completion_percentage: f64,
        /// Still missing, by label.
        pub missing: Vec<String>,
        /// The next item of the job that is not done.
        pub next_equipment_id: Option<EquipmentId>,
    }
}
