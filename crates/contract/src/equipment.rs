//! Items installed at a site.

use clara_domain::capture::FieldCapture;
use clara_domain::category::Category;
use clara_domain::{EquipmentId, InspectionId, JobId, LocationId, ModelId};

use crate::jobs::CaptureCount;
use crate::photos::PhotoTile;
use crate::specs::{Problem, SpecGroup, SpecLimit};

wire! {
    /// Which items.
    pub struct ListEquipment {
        /// In tag, serial, maker, model, place; look-alike letters forgiven.
        pub text: Option<String>,
        /// Only one category.
        pub category: Option<Category>,
        /// Only one site.
        pub location_id: Option<LocationId>,
        /// Only those with missing fields.
        pub gaps_only: bool,
        /// At most; 200 if absent.
        pub limit: Option<u32>,
    }

    /// One item in a list.
    pub struct EquipmentRow {
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
        /// Serial number.
        pub serial_number: Option<String>,
        /// Its site.
        pub location_id: LocationId,
        /// The site's name.
        pub location_name: String,
        /// Where at the site.
        pub location_detail: Option<String>,
        /// `equipment_status`.
        pub status: String,
        /// Required fields.
        pub capture: CaptureCount,
    }

    /// Which item.
    pub struct OpenEquipment {
        /// Which.
        pub equipment_id: EquipmentId,
    }

    /// An item with its plate, specs, problems, photos and history.
    pub struct EquipmentSheet {
        /// Its row.
        pub row: EquipmentRow,
        /// The catalogue's model, if known.
        pub model_id: Option<ModelId>,
        /// The model's trade name.
        pub product_name: Option<String>,
        /// The plate: every required field and those with a value.
        pub plate: Vec<PlateField>,
        /// Required fields, judged.
        pub fields: Vec<FieldCapture>,
        /// Factory specs.
        pub specs: Vec<SpecGroup>,
        /// Between which values the model's own readings may lie.
        pub limits: Vec<SpecLimit>,
        /// Where the specs are from.
        pub data_source: Option<String>,
        /// Known problems, most frequent first.
        pub problems: Vec<Problem>,
        /// Photos, newest first.
        pub photos: Vec<PhotoTile>,
        /// Visits, newest first.
        pub history: Vec<Visit>,
        /// What its gauges showed when they were last read, newest visit first.
        pub last_readings: Vec<LastReading>,
        /// An open job it belongs to.
        pub job_id: Option<JobId>,
        /// What it replaced.
        pub replaced: Option<EquipmentId>,
        /// What replaced it.
        pub replaced_by: Option<EquipmentId>,
        /// Free notes.
        pub notes: Option<String>,
        /// Something of it is only on this laptop.
        pub saved_here: bool,
    }

    /// One line of the nameplate.
    pub struct PlateField {
        /// `serial_number`, `components.belt_size`…
        pub field_key: String,
        /// For a person.
        pub label: String,
        /// The value.
        pub value: Option<String>,
        /// Typed, scanned, confirmed today, carried over.
        pub source: Option<String>,
        /// Required of this category.
        pub required: bool,
        /// Can be typed here (manufacturer and model of a catalogue model cannot).
        pub editable: bool,
        /// The reason it is not there.
        pub reason: Option<String>,
        /// Where on the machine it is usually found.
        pub hint: Option<String>,
    }

    /// One visit in the history.
    pub struct Visit {
        /// Which.
        pub inspection_id: InspectionId,
        /// `YYYY-MM-DD`.
        pub date: String,
        /// What was done.
        pub inspection_type: String,
        /// How it ended.
        pub passed: Option<bool>,
        /// In one sentence.
        pub summary: String,
        /// Who.
        pub inspector: Option<String>,
        /// Only on this laptop.
        pub saved_here: bool,
        /// It amends another.
        pub amends: Option<InspectionId>,
    }

    /// A reading as it was last taken.
    pub struct LastReading {
        /// Of what.
        pub label: String,
        /// The figure.
        pub value: String,
        /// Its unit.
        pub unit: Option<String>,
        /// `YYYY-MM-DD`.
        pub date: String,
        /// At what visit.
        pub inspection_type: String,
    }

    /// Writes one field of the plate.
    pub struct CaptureField {
        /// Which item.
        pub equipment_id: EquipmentId,
        /// Which field.
        pub field_key: String,
        /// The value; empty takes it away.
        pub value: String,
        /// `typed`, `scanned`, `confirmed`.
        pub source: String,
    }

    /// Says why a field cannot be captured.
    pub struct JustifyField {
        /// Which item.
        pub equipment_id: EquipmentId,
        /// Which field.
        pub field_key: String,
        /// `unreadable`, `inaccessible`, `not_present`; none takes the reason away.
        pub reason: Option<String>,
    }

    /// A new item found on site.
    pub struct AddEquipment {
        /// Its site.
        pub location_id: LocationId,
        /// The job it was found at; it joins that job.
        pub job_id: Option<JobId>,
        /// Its category.
        pub category: Category,
        /// The catalogue's model.
        pub model_id: Option<ModelId>,
        /// As read, where the catalogue does not have it.
        pub manual_manufacturer: Option<String>,
        /// As read, where the catalogue does not have it.
        pub manual_model_number: Option<String>,
        /// As read.
        pub serial_number: Option<String>,
        /// Where at the site.
        pub location_detail: Option<String>,
        /// Its tag.
        pub tag: Option<String>,
        /// The item it stands in for; both are linked and the old one is marked replaced.
        pub replaces: Option<EquipmentId>,
    }
}
