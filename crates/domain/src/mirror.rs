//! The tables that both databases hold, described once. Each side expands [`mirrored!`](crate::mirrored) into its
//! own SQL at compile time, so that a column is added here, in one migration for each side, and nowhere else.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How a column's values are represented in a [`Cell`](crate::row::Cell).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A PostgreSQL enum; text here.
    Enum,
    /// A uuid; lower-case hyphenated text here.
    Uuid,
    /// JSON; compact text here.
    Json,
    /// `YYYY-MM-DD`.
    Date,
    /// `HH:MM:SS`.
    Time,
    /// UTC, `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
    Timestamp,
    /// 64-bit integer.
    Int,
    /// 64-bit float; PostgreSQL `numeric` arrives as one too.
    Real,
    /// 0 or 1.
    Bool,
}

/// Which rows of a table a person's laptop holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everybody's: the catalogue and the rules.
    Global,
    /// Rows of a site, by the column `location_id` (`id` in `locations` itself).
    Location,
    /// Customers: those with a site in scope.
    Customer,
}

/// One column of a mirrored table. `id` and `row_ver` are not listed: every table has them.
#[derive(Debug)]
pub struct Column {
    /// Its name on both sides.
    pub name: &'static str,
    /// Its representation.
    pub kind: Kind,
}

impl Column {
    /// JSON objects that two people may fill at once; they merge key by key. `checklist` is an array on disk whose
    /// items are told apart by their `key`.
    pub fn merges_by_key(&self) -> bool {
        matches!(self.name, "components" | "measurements" | "checklist" | "metadata")
    }
}

/// One mirrored table.
#[derive(Debug)]
pub struct Table {
    /// Which.
    pub entity: Entity,
    /// The table's name in the mirror; in PostgreSQL the same, save where `central` says otherwise.
    pub name: &'static str,
    /// Who holds its rows.
    pub scope: Scope,
    /// In the order in which cells travel.
    pub columns: &'static [Column],
}

impl Table {
    /// The column of that name.
    pub fn column(&self, name: &str) -> Option<&'static Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The position of a column among the cells.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

/// Calls `$callback!` once with every mirrored table, parents before children: the order of first sync and of apply.
/// Sites and today's work come before the catalogue, so that a technician can start while that still arrives.
///
/// The shape is `Variant table_name Scope { column: Kind, … }` repeated.
#[macro_export]
macro_rules! mirrored {
    ($callback:ident) => {
        $callback! {
            Users users Global {
                full_name: Text, role: Enum, is_active: Bool, certification_numbers: Json, deleted_at: Timestamp,
            }
            Devices devices Global {
                user_id: Uuid, name: Text, app_version: Text, last_seen_at: Timestamp, unsent_count: Int,
                oldest_unsent_at: Timestamp, revoked_at: Timestamp,
            }
            Customers customers Customer {
                company_name: Text, primary_contact_name: Text, primary_contact_email: Text,
                primary_contact_phone: Text, billing_address: Text, service_address: Text, notes: Text,
                metadata: Json, created_at: Timestamp, updated_at: Timestamp, deleted_at: Timestamp,
            }
            Locations locations Location {
                customer_id: Uuid, location_name: Text, address: Text, latitude: Real, longitude: Real,
                access_notes: Text, emergency_contact_name: Text, emergency_contact_phone: Text,
                metadata: Json, created_at: Timestamp, updated_at: Timestamp, deleted_at: Timestamp,
            }
            Jobs jobs Location {
                job_number: Text, customer_id: Uuid, location_id: Uuid, assigned_technician_id: Uuid,
                job_type: Enum, job_status: Enum, priority: Enum, scheduled_date: Date, scheduled_time: Time,
                duration_estimate_minutes: Int, actual_start_time: Timestamp, actual_end_time: Timestamp,
                title: Text, description: Text, special_instructions: Text, checklist: Json,
                metadata: Json, created_at: Timestamp, updated_at: Timestamp, deleted_at: Timestamp,
            }
            EquipmentInventory equipment_inventory Location {
                location_id: Uuid, equipment_model_id: Uuid, equipment_category: Enum,
                manual_manufacturer: Text, manual_model_number: Text, serial_number: Text,
                installation_date: Date, status: Enum, location_detail: Text,
                replacement_of_equipment_id: Uuid, replaced_by_equipment_id: Uuid, components: Json,
                notes: Text, metadata: Json, created_at: Timestamp, updated_at: Timestamp,
                deleted_at: Timestamp,
            }
            JobEquipment job_equipment Location {
                job_id: Uuid, equipment_id: Uuid, location_id: Uuid, notes: Text, created_at: Timestamp,
                deleted_at: Timestamp,
            }
            Templates inspection_templates Global {
                template_key: Text, name: Text, equipment_category: Enum, inspection_type: Text,
                standard: Text, edition: Text, revision: Int, frequency: Text, is_active: Bool,
                deleted_at: Timestamp,
            }
            TemplateItems template_items Global {
                template_id: Uuid, item_key: Text, section: Text, position: Int, label: Text,
                item_type: Enum, unit: Text, is_required: Bool, choices: Json, limit_min: Real,
                limit_max: Real, impossible_min: Real, impossible_max: Real, suspicious_min: Real,
                suspicious_max: Real, limit_source: Text, why: Text, condition: Json,
                deficiency: Json, deleted_at: Timestamp,
            }
            CaptureRequirements capture_requirements Global {
                equipment_category: Enum, field_key: Text, label: Text, weight: Int, position: Int,
                condition: Json, hint: Text, deleted_at: Timestamp,
            }
            InspectionRecords inspection_records Location {
                job_id: Uuid, equipment_id: Uuid, inspector_id: Uuid, location_id: Uuid,
                template_id: Uuid, amends_inspection_id: Uuid, inspection_date: Date,
                inspection_type: Text, passed: Bool, findings: Text, deficiencies: Json,
                recommendations: Text, measurements: Json, photo_urls: Json, next_inspection_due: Date,
                metadata: Json, created_at: Timestamp, updated_at: Timestamp, deleted_at: Timestamp,
            }
            DataCaptureLogs data_capture_logs Location {
                job_id: Uuid, equipment_id: Uuid, technician_id: Uuid, location_id: Uuid,
                captured_fields: Json, missing_fields: Json, completion_percentage: Real,
                captured_at: Timestamp,
            }
            Photos photos Location {
                location_id: Uuid, job_id: Uuid, equipment_id: Uuid, inspection_id: Uuid,
                field_key: Text, caption: Text, sha256: Text, mime: Text, byte_count: Int, width: Int,
                height: Int, taken_at: Timestamp, latitude: Real, longitude: Real, state: Enum,
                created_by: Uuid, created_at: Timestamp, updated_at: Timestamp, deleted_at: Timestamp,
            }
            Conflicts conflicts Location {
                op_id: Uuid, location_id: Uuid, table_name: Text, row_id: Uuid, field: Text, base: Json,
                server: Json, client: Json, chosen: Text, policy: Text, author_id: Uuid,
                server_author_id: Uuid, created_at: Timestamp, resolution: Text, resolved_by: Uuid,
                resolved_at: Timestamp,
            }
            ParkedOperations parked_operations Location {
                op_id: Uuid, device_id: Uuid, author_id: Uuid, location_id: Uuid, table_name: Text,
                row_id: Uuid, reason: Text, payload: Json, received_at: Timestamp, decision: Text,
                decided_by: Uuid, decided_at: Timestamp, decision_note: Text,
            }
            Manufacturers manufacturers Global {
                name: Text, website: Text, support_phone: Text, support_email: Text,
                headquarters_location: Text, metadata: Json, created_at: Timestamp,
                updated_at: Timestamp, deleted_at: Timestamp,
            }
            EquipmentModels equipment_models Global {
                manufacturer_id: Uuid, model_number: Text, product_name: Text, equipment_category: Enum,
                electrical_specs: Json, pressure_specs: Json, temperature_specs: Json, flow_specs: Json,
                physical_specs: Json, year_introduced: Int, year_discontinued: Int,
                replacement_model_id: Uuid, maintenance_notes: Text, data_source: Text,
                confidence_score: Real, created_at: Timestamp, updated_at: Timestamp,
                deleted_at: Timestamp,
            }
            CommonProblems common_problems Global {
                equipment_model_id: Uuid, problem_description: Text, symptoms: Json, root_cause: Text,
                solution: Text, severity: Enum, frequency: Enum, typical_age_range: Text,
                related_parts: Json, estimated_repair_cost: Text, data_sources: Json,
                created_at: Timestamp, updated_at: Timestamp, deleted_at: Timestamp,
            }
            SpecLimits spec_limits Global {
                equipment_model_id: Uuid, item_key: Text, label: Text, unit: Text, limit_min: Real,
                limit_max: Real, impossible_min: Real, impossible_max: Real, suspicious_min: Real,
                suspicious_max: Real, limit_source: Text, created_at: Timestamp,
                updated_at: Timestamp, deleted_at: Timestamp,
            }
        }
    };
}

macro_rules! describe {
    ($($variant:ident $name:ident $scope:ident { $($column:ident : $kind:ident),+ $(,)? })+) => {
        /// A mirrored table, or the one table that laptops only append to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub enum Entity {
            $(#[doc = concat!("`", stringify!($name), "`")] $variant,)+
            /// `performance_metrics`: laptops append their timings and never read them back.
            PerformanceMetrics,
        }

        impl Entity {
            /// The table's name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Entity::$variant => stringify!($name),)+
                    Entity::PerformanceMetrics => "performance_metrics",
                }
            }

            /// Its description, if it is mirrored.
            pub fn table(self) -> Option<&'static Table> {
                TABLES.iter().find(|table| table.entity == self)
            }
        }

        /// Every mirrored table, in the order of [`mirrored!`](crate::mirrored).
        pub static TABLES: &[Table] = &[
            $(Table {
                entity: Entity::$variant,
                name: stringify!($name),
                scope: Scope::$scope,
                columns: &[$(Column { name: stringify!($column), kind: Kind::$kind }),+],
            }),+
        ];
    };
}
mirrored!(describe);

impl Entity {
    /// The version of the central schema that brought the table. A server with an older one has no such table, and is
    /// not asked for it.
    pub fn since(self) -> i32 {
        match self {
            Entity::SpecLimits => 2,
            _ => 1,
        }
    }
}

impl fmt::Display for Entity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A table name that this program does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no table is called {0:?}")]
pub struct UnknownEntity(pub String);

impl FromStr for Entity {
    type Err = UnknownEntity;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        TABLES
            .iter()
            .find(|table| table.name == name)
            .map(|table| table.entity)
            .or_else(|| (name == "performance_metrics").then_some(Entity::PerformanceMetrics))
            .ok_or_else(|| UnknownEntity(name.to_owned()))
    }
}

impl From<Entity> for String {
    fn from(entity: Entity) -> String {
        entity.name().to_owned()
    }
}

impl TryFrom<String> for Entity {
    type Error = UnknownEntity;
    fn try_from(name: String) -> Result<Self, UnknownEntity> {
        name.parse()
    }
}
