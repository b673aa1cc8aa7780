//! The catalogue: models, their specs, their known problems.

use clara_domain::category::Category;
use clara_domain::{LocationId, ModelId};

wire! {
    /// What can be read of a model number.
    pub struct SearchSpecs {
        /// As typed.
        pub text: String,
        /// Which models.
        pub within: SpecScope,
        /// The site in front of the technician, for order and for `this_site`.
        pub location_id: Option<LocationId>,
        /// At most; 50 if absent.
        pub limit: Option<u32>,
    }

    /// Which models.
    #[derive(Copy, Eq)]
    pub enum SpecScope {
        /// All.
        All,
        /// Those installed somewhere in this mirror.
        InOurCare,
        /// Those installed at the site.
        ThisSite,
    }

    /// What was found.
    pub struct SpecsFound {
        /// How the text was read, look-alikes folded.
        pub read_as: String,
        /// Best first.
        pub models: Vec<FoundModel>,
        /// Counts for the three filters.
        pub all: u32,
        /// Counts for the three filters.
        pub in_our_care: u32,
        /// Counts for the three filters.
        pub this_site: u32,
        /// Models in this mirror.
        pub catalogue: u32,
        /// The catalogue still comes in: percent.
        pub still_coming: Option<u32>,
    }

    /// One model in the list.
    pub struct FoundModel {
        /// Which.
        pub model_id: ModelId,
        /// As the maker writes it.
        pub model_number: String,
        /// Matched letters: start and end in characters, and whether a letter was read as another.
        pub matched: Vec<(u32, u32, bool)>,
        /// Maker.
        pub manufacturer: String,
        /// Trade name.
        pub product_name: Option<String>,
        /// Its category.
        pub category: Category,
        /// Last year made.
        pub year_discontinued: Option<u32>,
        /// The model that replaced it.
        pub replaced_by: Option<String>,
        /// Installed in this mirror.
        pub in_our_care: u32,
        /// Installed at the site.
        pub on_this_site: u32,
        /// One character differs.
        pub one_off: bool,
    }

    /// Which model.
    pub struct OpenModel {
        /// Which.
        pub model_id: ModelId,
    }

    /// A model's sheet.
    pub struct ModelSheet {
        /// Which.
        pub model_id: ModelId,
        /// As the maker writes it.
        pub model_number: String,
        /// Maker.
        pub manufacturer: String,
        /// Trade name.
        pub product_name: Option<String>,
        /// Its category.
        pub category: Category,
        /// Electrical, pressure, temperature, flow, physical.
        pub specs: Vec<SpecGroup>,
        /// Between which values its own readings may lie, by label.
        pub limits: Vec<SpecLimit>,
        /// Years made.
        pub years: Option<String>,
        /// The model that replaced it.
        pub replaced_by: Option<ModelId>,
        /// Its number.
        pub replaced_by_number: Option<String>,
        /// Words of care.
        pub maintenance_notes: Option<String>,
        /// Where the figures are from.
        pub data_source: Option<String>,
        /// 0 to 1.
        pub confidence: Option<f64>,
        /// Known problems, most frequent first.
        pub problems: Vec<Problem>,
        /// Installed in this mirror.
        pub in_our_care: u32,
        /// The maker's support line.
        pub support_phone: Option<String>,
        /// The maker's page.
        pub website: Option<String>,
    }

    /// Specs of one kind.
    pub struct SpecGroup {
        /// "Electrical".
        pub title: String,
        /// Label and value with unit.
        pub lines: Vec<(String, String)>,
    }

    /// A model's own limits of one reading, in words.
    pub struct SpecLimit {
        /// The reading, as templates name it.
        pub item_key: String,
        /// For a person.
        pub label: String,
        /// "110 to 154 psi"; outside it the reading fails.
        pub allowed: Option<String>,
        /// Outside it a person looks twice.
        pub likely: Option<String>,
        /// Outside it the gauge or the person is wrong.
        pub possible: Option<String>,
        /// Who says so.
        pub source: String,
    }

    /// A known problem.
    pub struct Problem {
        /// What happens.
        pub description: String,
        /// What is seen.
        pub symptoms: Vec<String>,
        /// Why.
        pub root_cause: Option<String>,
        /// What helps.
        pub solution: Option<String>,
        /// `problem_severity`.
        pub severity: String,
        /// `problem_frequency`.
        pub frequency: String,
        /// "5-10 years".
        pub typical_age_range: Option<String>,
        /// Parts.
        pub related_parts: Vec<String>,
    }
}
