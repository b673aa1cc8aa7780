//! How complete the captured data is, and where it is not.

use clara_domain::category::Category;
use clara_domain::{EquipmentId, JobId, LocationId, UserId};

use crate::jobs::CaptureCount;

wire! {
    /// Which part of the mirror.
    #[derive(Default)]
    pub struct CompletenessFilter {
        /// Only one site.
        pub location_id: Option<LocationId>,
        /// Only one category.
        pub category: Option<Category>,
        /// Only one job's items.
        pub job_id: Option<JobId>,
        /// Only what one technician logged.
        pub technician_id: Option<UserId>,
    }

    /// The manager's page; every number opens into the rows behind it.
    pub struct Completeness {
        /// RFC 3339: the moment of the last pull, or of the demo.
        pub as_of: Option<String>,
        /// In words.
        pub filter_words: String,
        /// All required fields.
        pub total: CaptureCount,
        /// Fields that a silent laptop could know of.
        pub unknown: u32,
        /// Captured and justified weight over required weight.
        pub percentage: f64,
        /// One row per category.
        pub categories: Vec<CategoryCompleteness>,
        /// Most missing first.
        pub sites: Vec<SiteCompleteness>,
        /// From the logs.
        pub technicians: Vec<TechnicianCompleteness>,
        /// From the logs, month by month, oldest first.
        pub trend: Vec<TrendPoint>,
        /// Freshness.
        pub laptops: Vec<Laptop>,
        /// Most missing first: the gap that matters.
        pub top_gaps: Vec<TopGap>,
    }

    /// One row of the heat map.
    pub struct CategoryCompleteness {
        /// Which.
        pub category: Category,
        /// Items.
        pub items: u32,
        /// One per field required of the category.
        pub cells: Vec<HeatCell>,
    }

    /// One cell of the heat map.
    pub struct HeatCell {
        /// Which field.
        pub field_key: String,
        /// For a person.
        pub label: String,
        /// Its fields.
        pub count: CaptureCount,
        /// Captured and justified, of required.
        pub percentage: f64,
    }

    /// One site.
    pub struct SiteCompleteness {
        /// Which.
        pub location_id: LocationId,
        /// Its name.
        pub name: String,
        /// Its fields.
        pub count: CaptureCount,
        /// Captured and justified, of required.
        pub percentage: f64,
    }

    /// One technician's logs. For coaching, not for ranking: fewer than five logs show no figure.
    pub struct TechnicianCompleteness {
        /// Who.
        pub user_id: UserId,
        /// Their name.
        pub name: String,
        /// How many logs.
        pub logs: u32,
        /// Median of `completion_percentage`.
        pub median: Option<f64>,
        /// Lower and upper quartile.
        pub quartiles: Option<(f64, f64)>,
    }

    /// One month.
    pub struct TrendPoint {
        /// `YYYY-MM`.
        pub month: String,
        /// Mean of `completion_percentage`.
        pub percentage: f64,
        /// How many logs.
        pub logs: u32,
    }

    /// One laptop's freshness.
    pub struct Laptop {
        /// Its name.
        pub name: String,
        /// Whose.
        pub user: Option<String>,
        /// RFC 3339.
        pub last_seen_at: Option<String>,
        /// Items it said it still held.
        pub unsent: u32,
        /// Silent for more than a day while its person had jobs.
        pub silent: bool,
    }

    /// One gap worth closing.
    pub struct TopGap {
        /// Which field.
        pub field_key: String,
        /// For a person.
        pub label: String,
        /// On what.
        pub category: Category,
        /// How many are missing.
        pub missing: u32,
    }

    /// The rows behind a number.
    pub struct Drill {
        /// Which part.
        pub filter: CompletenessFilter,
        /// Which field.
        pub field_key: Option<String>,
        /// At most; 500 if absent.
        pub limit: Option<u32>,
    }

    /// One item behind a number.
    pub struct DrillRow {
        /// Which.
        pub equipment_id: EquipmentId,
        /// Its tag.
        pub tag: String,
        /// Its category.
        pub category: Category,
        /// Its site.
        pub location_name: String,
        /// Where at the site.
        pub location_detail: Option<String>,
        /// Labels of fields missing.
        pub missing: Vec<String>,
        /// Labels of fields justified, with the reason.
        pub justified: Vec<String>,
        /// Last visit, `YYYY-MM-DD`.
        pub last_visit: Option<String>,
        /// Who was there last.
        pub last_inspector: Option<String>,
        /// Photos.
        pub photos: u32,
    }

    /// A table as text, to be saved.
    pub struct Csv {
        /// A good name for the file.
        pub name: String,
        /// Its text.
        pub text: String,
    }
}
