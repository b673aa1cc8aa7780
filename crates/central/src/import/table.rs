//! One statement for each table that can be imported into. A row is found by its unique key or by its id, added where it
//! is missing, and written only where something would change, so that a second import leaves no trace.

/// A table to import into.
pub struct Target {
    /// Its name.
    pub name: &'static str,
    /// Columns that tell its rows apart, where it has a unique key of its own.
    pub natural_key: &'static [&'static str],
    /// Columns that can be imported.
    pub columns: &'static [&'static str],
    /// Rows as JSON in `$1`, what became of each out.
    pub sql: &'static str,
}

macro_rules! merged {
    (plain $column:ident) => {
        concat!("coalesce(i.", stringify!($column), ", t.", stringify!($column), ")")
    };
    // Keys that others have filled stay.
    (object $column:ident) => {
        concat!(
            "CASE WHEN i.",
            stringify!($column),
            " IS NULL THEN t.",
            stringify!($column),
            " ELSE coalesce(t.",
            stringify!($column),
            ", '{}'::jsonb) || i.",
            stringify!($column),
            " END"
        )
    };
    (list $column:ident) => {
        concat!(
            "CASE WHEN i.",
            stringify!($column),
            " IS NULL THEN t.",
            stringify!($column),
            " ELSE app.merge_list(t.",
            stringify!($column),
            ", i.",
            stringify!($column),
            ") END"
        )
    };
}

macro_rules! targets {
    ($($table:ident [$($key:literal),*] $found:literal { $($column:ident $kind:literal $default:literal $merge:ident),+ $(,)? })+) => {
        const TARGETS: &[Target] = &[$(Target {
            name: stringify!($table),
            natural_key: &[$($key),*],
            columns: &[$(stringify!($column)),+],
            sql: concat!(
                "WITH incoming AS MATERIALIZED (SELECT r.* FROM jsonb_to_recordset($1) AS r(n bigint, id uuid, keep boolean",
                $(", ", stringify!($column), " ", $kind,)+
                ")), known AS MATERIALIZED (SELECT i.n, coalesce(f.id, i.id) AS id, f.id IS NOT NULL AS there
                    FROM incoming i LEFT JOIN LATERAL (SELECT t.id FROM public.", stringify!($table), " t WHERE ", $found, " LIMIT 1) f ON true
                ), added AS (INSERT INTO public.", stringify!($table), " (id", $(", ", stringify!($column),)+
                ") SELECT k.id", $(", coalesce(i.", stringify!($column), ", ", $default, ")",)+
                " FROM incoming i JOIN known k ON k.n = i.n WHERE NOT k.there RETURNING id
                ), changed AS (UPDATE public.", stringify!($table), " t SET (id", $(", ", stringify!($column),)+
                ") = ROW(t.id", $(", ", merged!($merge $column),)+
                ") FROM incoming i JOIN known k ON k.n = i.n WHERE k.there AND NOT i.keep AND t.id = k.id AND ROW(t.id",
                $(", t.", stringify!($column),)+
                ") IS DISTINCT FROM ROW(t.id", $(", ", merged!($merge $column),)+
                ") RETURNING t.id)
                SELECT k.n, k.id, a.id IS NOT NULL AS added, c.id IS NOT NULL AS changed
                FROM known k LEFT JOIN added a ON a.id = k.id LEFT JOIN changed c ON c.id = k.id"
            ),
        }),+];
    };
}

targets! {
    manufacturers ["name"] "t.name = i.name OR t.id = i.id ORDER BY (t.name = i.name) DESC" {
        name "text" "NULL" plain, website "text" "NULL" plain, support_phone "text" "NULL" plain,
        support_email "text" "NULL" plain, headquarters_location "text" "NULL" plain, metadata "jsonb" "'{}'" object,
    }
    equipment_models ["manufacturer_id", "model_number"]
        "(t.manufacturer_id = i.manufacturer_id AND t.model_number = i.model_number) OR t.id = i.id
         ORDER BY (t.manufacturer_id = i.manufacturer_id AND t.model_number = i.model_number) DESC" {
        manufacturer_id "uuid" "NULL" plain, model_number "text" "NULL" plain, product_name "text" "NULL" plain,
        equipment_category "equipment_category" "NULL" plain, electrical_specs "jsonb" "'{}'" object,
        pressure_specs "jsonb" "'{}'" object, temperature_specs "jsonb" "'{}'" object,
        flow_specs "jsonb" "'{}'" object, physical_specs "jsonb" "'{}'" object, year_introduced "integer" "NULL" plain,
        year_discontinued "integer" "NULL" plain, replacement_model_id "uuid" "NULL" plain,
        maintenance_notes "text" "NULL" plain, data_source "text" "NULL" plain, confidence_score "float" "1.0" plain,
    }
    common_problems [] "t.id = i.id" {
        equipment_model_id "uuid" "NULL" plain, problem_description "text" "NULL" plain, symptoms "jsonb" "'[]'" list,
        root_cause "text" "NULL" plain, solution "text" "NULL" plain, severity "problem_severity" "NULL" plain,
        frequency "problem_frequency" "NULL" plain, typical_age_range "text" "NULL" plain,
        related_parts "jsonb" "'[]'" list, estimated_repair_cost "text" "NULL" plain, data_sources "jsonb" "'[]'" list,
    }
    spec_limits ["equipment_model_id", "item_key"]
        "(t.equipment_model_id = i.equipment_model_id AND t.item_key = i.item_key) OR t.id = i.id
         ORDER BY (t.equipment_model_id = i.equipment_model_id AND t.item_key = i.item_key) DESC" {
        equipment_model_id "uuid" "NULL" plain, item_key "text" "NULL" plain, label "text" "NULL" plain,
        unit "text" "NULL" plain, limit_min "float" "NULL" plain, limit_max "float" "NULL" plain,
        impossible_min "float" "NULL" plain, impossible_max "float" "NULL" plain, suspicious_min "float" "NULL" plain,
        suspicious_max "float" "NULL" plain, limit_source "text" "NULL" plain,
    }
    customers [] "t.id = i.id" {
        company_name "text" "NULL" plain, primary_contact_name "text" "NULL" plain,
        primary_contact_email "text" "NULL" plain, primary_contact_phone "text" "NULL" plain,
        billing_address "text" "NULL" plain, service_address "text" "NULL" plain, notes "text" "NULL" plain,
        metadata "jsonb" "'{}'" object,
    }
    locations [] "t.id = i.id" {
        customer_id "uuid" "NULL" plain, location_name "text" "NULL" plain, address "text" "NULL" plain,
        latitude "numeric(10,8)" "NULL" plain, longitude "numeric(11,8)" "NULL" plain, access_notes "text" "NULL" plain,
        emergency_contact_name "text" "NULL" plain, emergency_contact_phone "text" "NULL" plain,
        metadata "jsonb" "'{}'" object,
    }
    equipment_inventory [] "t.id = i.id" {
        location_id "uuid" "NULL" plain, equipment_model_id "uuid" "NULL" plain,
        equipment_category "equipment_category" "NULL" plain, manual_manufacturer "text" "NULL" plain,
        manual_model_number "text" "NULL" plain, serial_number "text" "NULL" plain, installation_date "date" "NULL" plain,
        status "equipment_status" "'active'" plain, location_detail "text" "NULL" plain, components "jsonb" "'{}'" object,
        notes "text" "NULL" plain, metadata "jsonb" "'{}'" object,
    }
    jobs ["job_number"] "t.job_number = i.job_number OR t.id = i.id ORDER BY (t.job_number = i.job_number) DESC" {
        job_number "text" "NULL" plain, customer_id "uuid" "NULL" plain, location_id "uuid" "NULL" plain,
        assigned_technician_id "uuid" "NULL" plain, job_type "job_type" "NULL" plain,
        job_status "job_status" "'scheduled'" plain, priority "job_priority" "'normal'" plain,
        scheduled_date "date" "NULL" plain, scheduled_time "time" "NULL" plain,
        duration_estimate_minutes "integer" "NULL" plain, actual_start_time "timestamp" "NULL" plain,
        actual_end_time "timestamp" "NULL" plain, title "text" "NULL" plain, description "text" "NULL" plain,
        special_instructions "text" "NULL" plain, checklist "jsonb" "'[]'" list, metadata "jsonb" "'{}'" object,
    }
    job_equipment ["job_id", "equipment_id"]
        "(t.job_id = i.job_id AND t.equipment_id = i.equipment_id) OR t.id = i.id ORDER BY (t.id = i.id) DESC, t.id" {
        job_id "uuid" "NULL" plain, equipment_id "uuid" "NULL" plain, notes "text" "NULL" plain,
    }
    inspection_records [] "t.id = i.id" {
        job_id "uuid" "NULL" plain, equipment_id "uuid" "NULL" plain, inspector_id "uuid" "NULL" plain,
        inspection_date "date" "NULL" plain, inspection_type "text" "NULL" plain, passed "boolean" "NULL" plain,
        findings "text" "NULL" plain, deficiencies "jsonb" "'[]'" list, recommendations "text" "NULL" plain,
        measurements "jsonb" "'{}'" object, next_inspection_due "date" "NULL" plain, metadata "jsonb" "'{}'" object,
    }
}

/// The table of that name, if it can be imported into.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
