//! Who may write which field, and whose value stands where two people differ.

use clara_domain::mirror::Entity;

/// Who may write a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writer {
    /// Whoever holds the site.
    Anyone,
    /// People who see all sites.
    Office,
    /// The server; what a laptop sends is left out.
    Server,
    /// Nobody; refused.
    Nobody,
}

/// Whose value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clash {
    /// What was seen on site.
    Technician,
    /// Scheduling and assignment.
    Office,
    /// Both.
    Union,
    /// The greater.
    Max,
    /// The server's, until a person decides.
    Ask,
}

impl Clash {
    /// As the record of a conflict has it.
    pub fn word(self) -> &'static str {
        match self {
            Clash::Technician => "technician",
            Clash::Office => "office",
            Clash::Union => "union",
            Clash::Max => "max",
            Clash::Ask => "ask",
        }
    }
}

/// What holds for one field.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// With a new row.
    pub inserted_by: Writer,
    /// With a change.
    pub updated_by: Writer,
    /// In a clash.
    pub clash: Clash,
}

/// The rule of a field; none where the server does not know it.
pub fn rule(entity: Entity, field: &str) -> Option<Rule> {
    let table = entity.name();
    RULES.iter().find(|(of, name, ..)| *of == table && *name == field).map(|(_, _, inserted_by, updated_by, clash)| {
        Rule { inserted_by: *inserted_by, updated_by: *updated_by, clash: *clash }
    })
}

use Clash::{Ask, Max, Office as Desk, Technician, Union};
use Writer::{Anyone, Nobody, Office, Server};

#[rustfmt::skip]
const RULES: &[(&str, &str, Writer, Writer, Clash)] = &[
    ("jobs", "job_number", Office, Nobody, Desk),
    ("jobs", "customer_id", Office, Nobody, Desk),
    ("jobs", "location_id", Office, Nobody, Desk),
    ("jobs", "assigned_technician_id", Office, Office, Desk),
    ("jobs", "job_type", Office, Office, Desk),
    ("jobs", "job_status", Office, Anyone, Technician),
    ("jobs", "priority", Office, Office, Desk),
    ("jobs", "scheduled_date", Office, Office, Desk),
    ("jobs", "scheduled_time", Office, Office, Desk),
    ("jobs", "duration_estimate_minutes", Office, Office, Desk),
    ("jobs", "actual_start_time", Office, Anyone, Technician),
    ("jobs", "actual_end_time", Office, Anyone, Max),
    ("jobs", "title", Office, Office, Desk),
    ("jobs", "description", Office, Office, Desk),
    ("jobs", "special_instructions", Office, Office, Union),
    ("jobs", "checklist", Office, Anyone, Technician),
    ("jobs", "metadata", Office, Anyone, Technician),
    ("jobs", "created_at", Server, Server, Desk),
    ("jobs", "updated_at", Server, Server, Desk),
    ("jobs", "deleted_at", Nobody, Nobody, Desk),
    ("equipment_inventory", "location_id", Anyone, Office, Desk),
    ("equipment_inventory", "equipment_model_id", Anyone, Anyone, Technician),
    ("equipment_inventory", "equipment_category", Anyone, Anyone, Technician),
    ("equipment_inventory", "manual_manufacturer", Anyone, Anyone, Technician),
    ("equipment_inventory", "manual_model_number", Anyone, Anyone, Technician),
    ("equipment_inventory", "serial_number", Anyone, Anyone, Ask),
    ("equipment_inventory", "installation_date", Anyone, Anyone, Technician),
    ("equipment_inventory", "status", Anyone, Anyone, Technician),
    ("equipment_inventory", "location_detail", Anyone, Anyone, Technician),
    ("equipment_inventory", "replacement_of_equipment_id", Anyone, Anyone, Technician),
    ("equipment_inventory", "replaced_by_equipment_id", Anyone, Anyone, Technician),
    ("equipment_inventory", "components", Anyone, Anyone, Technician),
    ("equipment_inventory", "notes", Anyone, Anyone, Union),
    ("equipment_inventory", "metadata", Anyone, Anyone, Technician),
    ("equipment_inventory", "created_at", Server, Server, Desk),
    ("equipment_inventory", "updated_at", Server, Server, Desk),
    ("equipment_inventory", "deleted_at", Nobody, Nobody, Desk),
    ("job_equipment", "job_id", Anyone, Nobody, Desk),
    ("job_equipment", "equipment_id", Anyone, Nobody, Desk),
    ("job_equipment", "notes", Anyone, Anyone, Union),
    ("job_equipment", "location_id", Server, Server, Desk),
    ("job_equipment", "created_at", Server, Server, Desk),
    ("job_equipment", "deleted_at", Nobody, Nobody, Desk),
    ("inspection_records", "job_id", Anyone, Nobody, Ask),
    ("inspection_records", "equipment_id", Anyone, Nobody, Ask),
    ("inspection_records", "inspector_id", Anyone, Nobody, Ask),
    ("inspection_records", "template_id", Anyone, Nobody, Ask),
    ("inspection_records", "amends_inspection_id", Anyone, Nobody, Ask),
    ("inspection_records", "inspection_date", Anyone, Nobody, Ask),
    ("inspection_records", "inspection_type", Anyone, Nobody, Ask),
    ("inspection_records", "passed", Anyone, Nobody, Ask),
    ("inspection_records", "findings", Anyone, Nobody, Ask),
    ("inspection_records", "deficiencies", Anyone, Nobody, Ask),
    ("inspection_records", "recommendations", Anyone, Nobody, Ask),
    ("inspection_records", "measurements", Anyone, Nobody, Ask),
    ("inspection_records", "next_inspection_due", Anyone, Nobody, Ask),
    ("inspection_records", "metadata", Anyone, Nobody, Ask),
    ("inspection_records", "photo_urls", Server, Nobody, Ask),
    ("inspection_records", "location_id", Server, Nobody, Ask),
    ("inspection_records", "created_at", Server, Nobody, Ask),
    ("inspection_records", "updated_at", Server, Nobody, Ask),
    ("inspection_records", "deleted_at", Nobody, Nobody, Ask),
    ("data_capture_logs", "job_id", Anyone, Nobody, Ask),
    ("data_capture_logs", "equipment_id", Anyone, Nobody, Ask),
    ("data_capture_logs", "technician_id", Anyone, Nobody, Ask),
    ("data_capture_logs", "captured_fields", Anyone, Nobody, Ask),
    ("data_capture_logs", "missing_fields", Anyone, Nobody, Ask),
    ("data_capture_logs", "completion_percentage", Anyone, Nobody, Ask),
    ("data_capture_logs", "captured_at", Anyone, Nobody, Ask),
    ("data_capture_logs", "location_id", Server, Nobody, Ask),
    ("photos", "location_id", Anyone, Nobody, Ask),
    ("photos", "job_id", Anyone, Nobody, Ask),
    ("photos", "equipment_id", Anyone, Nobody, Ask),
    ("photos", "inspection_id", Anyone, Nobody, Ask),
    ("photos", "field_key", Anyone, Nobody, Ask),
    ("photos", "caption", Anyone, Anyone, Technician),
    ("photos", "sha256", Anyone, Nobody, Ask),
    ("photos", "mime", Anyone, Nobody, Ask),
    ("photos", "byte_count", Anyone, Nobody, Ask),
    ("photos", "width", Anyone, Nobody, Ask),
    ("photos", "height", Anyone, Nobody, Ask),
    ("photos", "taken_at", Anyone, Nobody, Ask),
    ("photos", "latitude", Anyone, Nobody, Ask),
    ("photos", "longitude", Anyone, Nobody, Ask),
    ("photos", "state", Server, Server, Ask),
    ("photos", "created_by", Server, Server, Ask),
    ("photos", "created_at", Server, Server, Ask),
    ("photos", "updated_at", Server, Server, Ask),
    ("photos", "deleted_at", Nobody, Nobody, Ask),
    ("locations", "location_name", Nobody, Office, Desk),
    ("locations", "address", Nobody, Office, Desk),
    ("locations", "latitude", Nobody, Office, Desk),
    ("locations", "longitude", Nobody, Office, Desk),
    ("locations", "access_notes", Nobody, Anyone, Union),
    ("locations", "emergency_contact_name", Nobody, Office, Desk),
    ("locations", "emergency_contact_phone", Nobody, Office, Desk),
    ("locations", "metadata", Nobody, Office, Desk),
    ("locations", "updated_at", Server, Server, Desk),
    ("performance_metrics", "function_name", Anyone, Nobody, Ask),
    ("performance_metrics", "duration_ms", Anyone, Nobody, Ask),
    ("performance_metrics", "success", Anyone, Nobody, Ask),
    ("performance_metrics", "error_message", Anyone, Nobody, Ask),
    ("performance_metrics", "metadata", Anyone, Nobody, Ask),
    ("performance_metrics", "recorded_at", Anyone, Nobody, Ask),
    ("conflicts", "resolution", Nobody, Anyone, Ask),
    ("conflicts", "resolved_by", Nobody, Server, Ask),
    ("conflicts", "resolved_at", Nobody, Server, Ask),
    ("parked_operations", "decision", Nobody, Office, Ask),
    ("parked_operations", "decision_note", Nobody, Office, Ask),
    ("parked_operations", "decided_by", Nobody, Server, Ask),
    ("parked_operations", "decided_at", Nobody, Server, Ask),
];
