//! The demo company is whole: what the two databases would refuse, or a screen would show as nonsense, is refused
//! here first.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use chrono::{Duration, NaiveDate};
use clara_demo::{Company, pictures, rules};
use clara_domain::capture::{self, FieldState, Requirement};
use clara_domain::category::{Category, JobStatus, Role, Severity};
use clara_domain::limit::{Limits, Verdict, judge};
use clara_domain::mirror::{Entity, Kind, TABLES};
use clara_domain::row::{Cell, Fields, Row};
use serde_json::Value;
use uuid::Uuid;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn today() -> NaiveDate {
    day("2026-11-20")
}

/// As seen from that day; made once, because every test reads it.
fn company(on: NaiveDate) -> Arc<Company> {
    static MADE: Mutex<BTreeMap<NaiveDate, Arc<Company>>> = Mutex::new(BTreeMap::new());
    MADE.lock().unwrap().entry(on).or_insert_with(|| Arc::new(clara_demo::company(on))).clone()
}

fn rows(company: &Company, entity: Entity) -> &[Row] {
    company.rows.iter().find(|(e, _)| *e == entity).map_or(&[], |(_, rows)| rows)
}

fn fields(company: &Company, entity: Entity) -> BTreeMap<Uuid, Fields> {
    let table = entity.table().unwrap();
    rows(company, entity).iter().map(|row| (row.id, row.fields(table))).collect()
}

fn text<'a>(fields: &'a Fields, column: &str) -> &'a str {
    fields[column].as_str().unwrap_or_default()
}

fn uuid(value: &Value) -> Option<Uuid> {
    Some(value.as_str()?.parse().unwrap())
}

/// Column and the table it points to.
const REFERENCES: &[(Entity, &str, Entity)] = &[
    (Entity::Locations, "customer_id", Entity::Customers),
    (Entity::Jobs, "customer_id", Entity::Customers),
    (Entity::Jobs, "location_id", Entity::Locations),
    (Entity::Jobs, "assigned_technician_id", Entity::Users),
    (Entity::EquipmentInventory, "location_id", Entity::Locations),
    (Entity::EquipmentInventory, "equipment_model_id", Entity::EquipmentModels),
    (Entity::EquipmentInventory, "replacement_of_equipment_id", Entity::EquipmentInventory),
    (Entity::EquipmentInventory, "replaced_by_equipment_id", Entity::EquipmentInventory),
    (Entity::SpecLimits, "equipment_model_id", Entity::EquipmentModels),
    (Entity::JobEquipment, "job_id", Entity::Jobs),
    (Entity::JobEquipment, "equipment_id", Entity::EquipmentInventory),
    (Entity::JobEquipment, "location_id", Entity::Locations),
    (Entity::TemplateItems, "template_id", Entity::Templates),
    (Entity::InspectionRecords, "job_id", Entity::Jobs),
    (Entity::InspectionRecords, "equipment_id", Entity::EquipmentInventory),
    (Entity::InspectionRecords, "inspector_id", Entity::Users),
    (Entity::InspectionRecords, "location_id", Entity::Locations),
    (Entity::InspectionRecords, "template_id", Entity::Templates),
    (Entity::DataCaptureLogs, "job_id", Entity::Jobs),
    (Entity::DataCaptureLogs, "equipment_id", Entity::EquipmentInventory),
    (Entity::DataCaptureLogs, "technician_id", Entity::Users),
    (Entity::DataCaptureLogs, "location_id", Entity::Locations),
    (Entity::EquipmentModels, "manufacturer_id", Entity::Manufacturers),
    (Entity::EquipmentModels, "replacement_model_id", Entity::EquipmentModels),
    (Entity::CommonProblems, "equipment_model_id", Entity::EquipmentModels),
];

/// Columns that may not be NULL in the central schema.
const REQUIRED: &[(Entity, &[&str])] = &[
    (Entity::Users, &["full_name", "role"]),
    (Entity::Customers, &["company_name"]),
    (Entity::Locations, &["customer_id", "location_name", "address"]),
    (Entity::Jobs, &["job_number", "customer_id", "location_id", "job_type", "scheduled_date", "title"]),
    (Entity::EquipmentInventory, &["location_id", "equipment_category"]),
    (Entity::JobEquipment, &["job_id", "equipment_id", "location_id"]),
    (Entity::Templates, &["template_key", "name", "equipment_category", "inspection_type", "revision"]),
    (Entity::TemplateItems, &["template_id", "item_key", "section", "position", "label", "item_type", "why"]),
    (Entity::CaptureRequirements, &["equipment_category", "field_key", "label", "weight", "position"]),
    (Entity::InspectionRecords, &["job_id", "location_id", "inspection_date", "deficiencies", "measurements"]),
    (Entity::DataCaptureLogs, &["job_id", "location_id", "captured_fields", "missing_fields", "captured_at"]),
    (Entity::Manufacturers, &["name"]),
    (Entity::EquipmentModels, &["manufacturer_id", "model_number", "equipment_category"]),
    (Entity::CommonProblems, &["equipment_model_id", "problem_description", "severity", "frequency"]),
];

fn words(entity: Entity, column: &str) -> Vec<&'static str> {
    fn all<T: Copy>(values: &[T], word: fn(T) -> &'static str) -> Vec<&'static str> {
        values.iter().map(|value| word(*value)).collect()
    }
    match (entity, column) {
        (_, "equipment_category") => all(Category::ALL, Category::word),
        (_, "role") => all(Role::ALL, Role::word),
        (_, "job_status") => all(JobStatus::ALL, JobStatus::word),
        (_, "priority") => vec!["low", "normal", "high", "urgent"],
        (_, "job_type") => vec!["inspection", "maintenance", "repair", "installation", "emergency"],
        (_, "status") => vec!["active", "inactive", "replaced", "removed"],
        (_, "item_type") => vec!["yes_no", "choice", "number", "text", "date", "photo", "computed"],
        (_, "severity") => vec!["critical", "high", "medium", "low"],
        (_, "frequency") => vec!["very_common", "common", "occasional", "rare"],
        _ => panic!("{entity}.{column} is an enum that this test does not know"),
    }
}

#[test]
fn every_row_has_a_cell_of_the_right_kind_for_every_column() {
    let company = company(today());
    for (entity, rows) in &company.rows {
        let table = entity.table().unwrap();
        for row in rows {
            assert_eq!(row.cells.len(), table.columns.len(), "{entity}");
            assert_eq!(row.row_ver, 1);
            for (column, cell) in table.columns.iter().zip(&row.cells) {
                let place = format!("{entity}.{} of {}: {cell:?}", column.name, row.id);
                let right = match (column.kind, cell) {
                    (_, Cell::Null) => true,
                    (Kind::Int, Cell::Int(_)) => true,
                    (Kind::Bool, Cell::Int(b)) => *b == 0 || *b == 1,
                    (Kind::Real, Cell::Real(r)) => r.is_finite(),
                    (Kind::Text, Cell::Text(t)) => !t.trim().is_empty(),
                    (Kind::Enum, Cell::Text(t)) => words(*entity, column.name).contains(&t.as_str()),
                    (Kind::Uuid, Cell::Text(t)) => t.parse::<Uuid>().is_ok_and(|u| u.to_string() == *t),
                    (Kind::Json, Cell::Text(t)) => serde_json::from_str::<Value>(t).is_ok(),
                    (Kind::Date, Cell::Text(t)) => NaiveDate::parse_from_str(t, "%Y-%m-%d").is_ok() && t.len() == 10,
                    (Kind::Time, Cell::Text(t)) => {
                        chrono::NaiveTime::parse_from_str(t, "%H:%M:%S").is_ok() && t.len() == 8
                    }
                    (Kind::Timestamp, Cell::Text(t)) => {
                        chrono::NaiveDateTime::parse_from_str(t, "%Y-%m-%dT%H:%M:%S%.6fZ").is_ok() && t.len() == 27
                    }
                    _ => false,
                };
                assert!(right, "{place}");
            }
        }
    }
}

#[test]
fn every_reference_resolves_and_ids_are_unique() {
    let company = company(today());
    let ids: BTreeMap<Entity, BTreeSet<Uuid>> =
        company.rows.iter().map(|(entity, rows)| (*entity, rows.iter().map(|row| row.id).collect())).collect();
    for (entity, rows) in &company.rows {
        assert_eq!(ids[entity].len(), rows.len(), "two rows of {entity} share an id");
    }
    for (entity, column, target) in REFERENCES {
        for (id, fields) in fields(&company, *entity) {
            if let Some(reference) = uuid(&fields[*column]) {
                assert!(ids[target].contains(&reference), "{entity}.{column} of {id} points nowhere");
            }
        }
    }
    let tables: Vec<Entity> = TABLES.iter().map(|table| table.entity).collect();
    let order: Vec<usize> =
        company.rows.iter().map(|(entity, _)| tables.iter().position(|e| e == entity).unwrap()).collect();
    assert!(order.is_sorted(), "parents first");
    for (entity, columns) in REQUIRED {
        for (id, fields) in fields(&company, *entity) {
            for column in *columns {
                assert!(!fields[*column].is_null(), "{entity}.{column} of {id} is NULL");
            }
        }
    }
}

#[test]
fn what_the_central_schema_wants_unique_is_unique() {
    let company = company(today());
    let unique: &[(Entity, &[&str])] = &[
        (Entity::Jobs, &["job_number"]),
        (Entity::Manufacturers, &["name"]),
        (Entity::EquipmentModels, &["manufacturer_id", "model_number"]),
        (Entity::JobEquipment, &["job_id", "equipment_id"]),
        (Entity::Templates, &["template_key", "revision"]),
        (Entity::TemplateItems, &["template_id", "item_key"]),
        (Entity::TemplateItems, &["template_id", "position"]),
        (Entity::CaptureRequirements, &["equipment_category", "field_key"]),
        (Entity::SpecLimits, &["equipment_model_id", "item_key"]),
    ];
    for (entity, columns) in unique {
        let mut seen = BTreeSet::new();
        for fields in fields(&company, *entity).values() {
            let key: Vec<String> = columns.iter().map(|column| fields[*column].to_string()).collect();
            assert!(seen.insert(key.clone()), "{entity}: {key:?} twice");
        }
    }
    let emails: BTreeSet<&str> = company.people.iter().map(|person| person.email.as_str()).collect();
    let logins: BTreeSet<&str> = company.people.iter().map(|person| person.login.as_str()).collect();
    assert_eq!((emails.len(), logins.len()), (company.people.len(), company.people.len()));
}

#[test]
fn a_models_limits_are_of_readings_that_its_category_takes_and_leave_room_between_them() {
    let company = company(today());
    let templates = fields(&company, Entity::Templates);
    let mut asked: BTreeSet<(String, String)> = BTreeSet::new();
    for item in fields(&company, Entity::TemplateItems).values() {
        let template = &templates[&uuid(&item["template_id"]).unwrap()];
        if matches!(text(item, "item_type"), "number" | "computed") {
            asked.insert((text(template, "equipment_category").to_owned(), text(item, "item_key").to_owned()));
        }
    }
    let models = fields(&company, Entity::EquipmentModels);
    let mut limited: BTreeMap<String, BTreeSet<Uuid>> = BTreeMap::new();
    for limits in fields(&company, Entity::SpecLimits).values() {
        let model = uuid(&limits["equipment_model_id"]).unwrap();
        let category = text(&models[&model], "equipment_category").to_owned();
        let key = text(limits, "item_key").to_owned();
        assert!(asked.contains(&(category.clone(), key.clone())), "{category} has no reading {key}");
        assert!(!text(limits, "limit_source").is_empty() && !text(limits, "label").is_empty());
        for (low, high) in [("limit_min", "limit_max"), ("suspicious_min", "suspicious_max")] {
            if let (Some(low), Some(high)) = (limits[low].as_f64(), limits[high].as_f64()) {
                assert!(low < high, "{key} of {}: {low} to {high}", text(&models[&model], "model_number"));
            }
        }
        limited.entry(category).or_default().insert(model);
    }
    assert_eq!(limited.len(), Category::ALL.len(), "every category has some");
    assert!(limited.values().map(BTreeSet::len).sum::<usize>() >= 60);
    let pump = models.iter().find(|(_, model)| text(model, "model_number") == "4AEF10").unwrap().0;
    let churn = fields(&company, Entity::SpecLimits).into_values().find(|limits| {
        uuid(&limits["equipment_model_id"]).as_ref() == Some(pump) && text(limits, "item_key") == "churn_net_psi"
    });
    let churn = churn.unwrap();
    assert_eq!((churn["limit_min"].as_f64(), churn["limit_max"].as_f64()), (Some(110.0), Some(154.0)));
}

#[test]
fn a_job_its_equipment_and_its_inspections_are_all_of_one_site() {
    let company = company(today());
    let (sites, jobs, equipment) = (
        fields(&company, Entity::Locations),
        fields(&company, Entity::Jobs),
        fields(&company, Entity::EquipmentInventory),
    );
    for job in jobs.values() {
        assert_eq!(sites[&uuid(&job["location_id"]).unwrap()]["customer_id"], job["customer_id"]);
    }
    let mut on_job: BTreeSet<(Uuid, Uuid)> = BTreeSet::new();
    for entity in [Entity::JobEquipment, Entity::InspectionRecords, Entity::DataCaptureLogs] {
        for row in fields(&company, entity).values() {
            let (job, item) = (uuid(&row["job_id"]).unwrap(), uuid(&row["equipment_id"]).unwrap());
            assert_eq!(jobs[&job]["location_id"], row["location_id"]);
            assert_eq!(equipment[&item]["location_id"], row["location_id"]);
            match entity {
                Entity::JobEquipment => drop(on_job.insert((job, item))),
                _ => assert!(on_job.contains(&(job, item)), "{entity}: an item that is not on the job"),
            }
        }
    }
}

#[test]
fn every_category_has_models_problems_templates_requirements_and_equipment() {
    let company = company(today());
    let models = fields(&company, Entity::EquipmentModels);
    let of = |fields: &Fields| text(fields, "equipment_category").to_owned();
    let mut problems: BTreeMap<Uuid, usize> = BTreeMap::new();
    for problem in fields(&company, Entity::CommonProblems).values() {
        *problems.entry(uuid(&problem["equipment_model_id"]).unwrap()).or_default() += 1;
    }
    for category in Category::ALL {
        let count = |entity| fields(&company, entity).values().filter(|f| of(f) == category.word()).count();
        assert!(count(Entity::EquipmentModels) >= 7, "models of {category}");
        assert!(count(Entity::Templates) >= 2, "templates of {category}");
        assert!(count(Entity::CaptureRequirements) >= 4, "requirements of {category}");
        assert!(count(Entity::EquipmentInventory) >= 8, "equipment of {category}");
        let most = models
            .iter()
            .filter(|(_, f)| of(f) == category.word())
            .map(|(id, _)| problems.get(id).copied().unwrap_or(0));
        assert!(most.max().unwrap() >= 3, "no model of {category} has three known problems");
    }
    assert!(models.len() >= 90, "{} models", models.len());
    assert!(
        models.values().all(|model| model["confidence_score"].as_f64().unwrap() < 1.0),
        "no figure is from a test of ours"
    );
}

#[test]
fn the_sample_of_the_schema_is_found_by_its_query() {
    let company = company(today());
    let makers = fields(&company, Entity::Manufacturers);
    let found = fields(&company, Entity::EquipmentModels)
        .into_values()
        .find(|f| text(f, "model_number") == "FTXS12WVJU9")
        .unwrap();
    assert_eq!(text(&makers[&uuid(&found["manufacturer_id"]).unwrap()], "name"), "Daikin");
    assert!(found["deleted_at"].is_null() && found["electrical_specs"]["voltage"] == 208.0);
    for name in ["Carrier", "Daikin", "Peerless Pump"] {
        assert!(makers.values().any(|maker| text(maker, "name") == name));
    }
}

#[test]
fn the_same_day_gives_the_same_company_and_another_day_the_same_ids() {
    assert!(clara_demo::company(today()) == clara_demo::company(today()));
    let keys = |on: NaiveDate| -> Vec<(Entity, Vec<Uuid>)> {
        company(on).rows.iter().map(|(e, rows)| (*e, rows.iter().map(|row| row.id).collect())).collect()
    };
    let numbers = |on: NaiveDate| -> BTreeMap<Uuid, String> {
        fields(&company(on), Entity::Jobs).into_iter().map(|(id, f)| (id, text(&f, "job_number").to_owned())).collect()
    };
    // A Sunday, a leap day, and days on both sides of both service seasons.
    for other in ["2026-11-22", "2028-02-29", "2026-04-01", "2026-04-28", "2026-10-01", "2027-01-01"] {
        assert!(keys(today()) == keys(day(other)), "{other} has other rows");
        assert!(numbers(today()) == numbers(day(other)), "{other} has other job numbers");
    }
}

#[test]
fn each_technician_has_work_today_one_job_begun_and_more_tomorrow() {
    for today in [today(), day("2026-11-22"), day("2027-07-04")] {
        let company = company(today);
        let jobs = fields(&company, Entity::Jobs);
        let technicians: Vec<_> = company.people.iter().filter(|person| person.role == Role::Technician).collect();
        assert_eq!(technicians.len(), 2);
        for technician in technicians {
            let on = |day: NaiveDate, status: JobStatus| {
                jobs.values()
                    .filter(|job| uuid(&job["assigned_technician_id"]) == Some(technician.user_id))
                    .filter(|job| text(job, "scheduled_date") == day.to_string())
                    .filter(|job| text(job, "job_status") == status.word())
                    .count()
            };
            assert_eq!(on(today, JobStatus::InProgress), 1, "{}", technician.login);
            assert!(on(today, JobStatus::Scheduled) >= 2, "{}", technician.login);
            assert!(on(today + Duration::days(1), JobStatus::Scheduled) >= 1, "{}", technician.login);
        }
        for job in jobs.values() {
            let begun = !job["actual_start_time"].is_null();
            let ended = !job["actual_end_time"].is_null();
            let expected = match text(job, "job_status") {
                "completed" => (true, true),
                "in_progress" => (true, false),
                _ => (false, false),
            };
            assert_eq!((begun, ended), expected, "{}", text(job, "job_number"));
            for line in job["checklist"].as_array().unwrap() {
                assert!(line["key"].is_string() && line["label"].is_string() && line["done"].is_boolean());
            }
        }
    }
}

#[test]
fn two_years_of_history_are_there_and_nothing_of_it_is_still_to_come() {
    let company = company(today());
    let jobs = fields(&company, Entity::Jobs);
    let inspections = fields(&company, Entity::InspectionRecords);
    assert!((380..=560).contains(&jobs.len()), "{} jobs", jobs.len());
    assert!((1200..=1800).contains(&inspections.len()), "{} inspections", inspections.len());
    let days: BTreeSet<NaiveDate> = inspections.values().map(|f| day(text(f, "inspection_date"))).collect();
    assert!(*days.first().unwrap() < today() - Duration::days(640), "{:?}", days.first());
    assert!(*days.last().unwrap() <= today());
    let failed = inspections.values().filter(|f| f["passed"] == false).count();
    assert!((40..=200).contains(&failed), "{failed} failed");
}

/// The items of every template, by key.
fn asked() -> BTreeMap<Uuid, BTreeMap<String, Fields>> {
    let items = rules().into_iter().find(|(entity, _)| *entity == Entity::TemplateItems).unwrap().1;
    let table = Entity::TemplateItems.table().unwrap();
    let mut all: BTreeMap<Uuid, BTreeMap<String, Fields>> = BTreeMap::new();
    for item in items {
        let fields = item.fields(table);
        all.entry(uuid(&fields["template_id"]).unwrap())
            .or_default()
            .insert(text(&fields, "item_key").to_owned(), fields);
    }
    all
}

fn limits(item: &Fields) -> Limits {
    let bound = |name: &str| item[name].as_f64();
    Limits {
        min: bound("limit_min"),
        max: bound("limit_max"),
        impossible_min: bound("impossible_min"),
        impossible_max: bound("impossible_max"),
        suspicious_min: bound("suspicious_min"),
        suspicious_max: bound("suspicious_max"),
    }
}

#[test]
fn every_recorded_reading_is_one_that_the_template_asks_for_and_every_failure_is_a_deficiency() {
    let company = company(today());
    let asked = asked();
    let mut doubtful = 0;
    for (id, inspection) in fields(&company, Entity::InspectionRecords) {
        let items = &asked[&uuid(&inspection["template_id"]).unwrap()];
        let deficiencies = inspection["deficiencies"].as_array().unwrap();
        let reported: BTreeSet<&str> = deficiencies.iter().map(|d| d["item_key"].as_str().unwrap()).collect();
        let mut failing = BTreeSet::new();
        for (key, value) in inspection["measurements"].as_object().unwrap() {
            let item = items.get(key).unwrap_or_else(|| panic!("{key} is not asked"));
            match text(item, "item_type") {
                "number" | "computed" => {
                    let verdict = judge(Some(value.as_f64().unwrap()), &limits(item), None);
                    assert_ne!(verdict, Verdict::Impossible, "{key} = {value} in {id}");
                    doubtful += usize::from(verdict == Verdict::Suspicious);
                    if matches!(verdict, Verdict::OutLow | Verdict::OutHigh) {
                        failing.insert(key.as_str());
                    }
                }
                "yes_no" if value == "no" => drop(failing.insert(key.as_str())),
                "yes_no" => assert_eq!(value, "yes"),
                _ => assert!(value.is_string()),
            }
        }
        assert_eq!(failing, reported, "{id}");
        let serious = deficiencies.iter().any(|d| d["severity"].as_str().unwrap() != Severity::Recommendation.word());
        let unfinished = failing.iter().any(|key| items[*key]["deficiency"]["cannot_complete"] == true);
        match unfinished {
            true => assert!(inspection["passed"].is_null(), "what could not be completed is neither"),
            false => assert_eq!(inspection["passed"], !serious),
        }
        for deficiency in deficiencies {
            assert!(deficiency["severity"].as_str().unwrap().parse::<Severity>().is_ok());
            assert!(deficiency["id"].as_str().unwrap().parse::<Uuid>().is_ok());
        }
    }
    assert!(doubtful < 60, "{doubtful} readings are suspicious");
}

#[test]
fn every_template_item_can_be_understood_without_its_neighbors() {
    for items in asked().values() {
        for (key, item) in items {
            assert!(text(item, "why").ends_with('.'), "{key}");
            let limited = item["limit_min"].is_number() || item["limit_max"].is_number();
            assert!(!limited || item["limit_source"].is_string(), "{key} has a limit from nowhere");
            assert!(!limited || item["deficiency"].is_object(), "{key} can fail with nothing to say");
            if let Some(proposal) = item["deficiency"].as_object() {
                assert!(proposal["severity"].as_str().unwrap().parse::<Severity>().is_ok());
                assert!(proposal["text"].is_string() && proposal["action"].is_string());
            }
            match text(item, "item_type") {
                "computed" => {
                    let operands = item["choices"]["of"].as_array().unwrap();
                    assert!(operands.iter().all(|o| items.contains_key(o.as_str().unwrap())), "{key}");
                }
                "choice" => assert!(item["choices"].as_array().unwrap().iter().all(Value::is_string)),
                "number" => assert!(item["impossible_min"].is_number() && item["impossible_max"].is_number(), "{key}"),
                _ => {}
            }
            for wanted in item["condition"].as_object().into_iter().flatten().map(|(key, _)| key) {
                assert!(wanted.starts_with("components.") || items.contains_key(wanted), "{key} waits for {wanted}");
            }
        }
    }
}

fn requirements() -> BTreeMap<String, Vec<Requirement>> {
    let rows = rules().into_iter().find(|(entity, _)| *entity == Entity::CaptureRequirements).unwrap().1;
    let table = Entity::CaptureRequirements.table().unwrap();
    let mut all: BTreeMap<String, Vec<Requirement>> = BTreeMap::new();
    for row in rows {
        let fields = row.fields(table);
        let requirement = serde_json::from_value(Value::Object(fields.clone())).unwrap();
        all.entry(text(&fields, "equipment_category").to_owned()).or_default().push(requirement);
    }
    all
}

#[test]
fn the_required_fields_are_those_that_a_job_may_not_close_without() {
    let keys = |category: Category| -> Vec<String> {
        requirements()[category.word()].iter().map(|r| r.field_key.clone()).collect()
    };
    let mut default = vec!["manufacturer", "model_number", "serial_number", "location_detail", "photo"];
    for category in [
        Category::FirePump,
        Category::FireExtinguisher,
        Category::FireAlarmPanel,
        Category::SmokeDetector,
        Category::Standpipe,
        Category::Other,
    ] {
        assert_eq!(sorted(keys(category)), sorted(default.clone()), "{category}");
    }
    assert_eq!(
        sorted(keys(Category::SprinklerHead)),
        sorted(vec!["manufacturer", "model_number", "location_detail", "photo"])
    );
    default.push("installation_date");
    assert_eq!(sorted(keys(Category::BackflowPreventer)), sorted(default.clone()));
    default.pop();
    default.extend(["components.filter_size", "components.belt_size"]);
    assert_eq!(sorted(keys(Category::Hvac)), sorted(default));
    let belt = requirements()["hvac"].iter().find(|r| r.field_key == "components.belt_size").unwrap().condition.clone();
    assert_eq!(belt, serde_json::json!({ "components.drive": "belt" }));
}

fn sorted<T: Into<String>>(keys: Vec<T>) -> Vec<String> {
    let mut keys: Vec<String> = keys.into_iter().map(Into::into).collect();
    keys.sort();
    keys
}

#[test]
fn what_is_captured_is_a_mixture_of_captured_justified_and_missing() {
    let company = company(today());
    let requirements = requirements();
    let (models, makers) = (fields(&company, Entity::EquipmentModels), fields(&company, Entity::Manufacturers));
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let mut whole = 0;
    let equipment = fields(&company, Entity::EquipmentInventory);
    for item in equipment.values().filter(|item| text(item, "status") == "active") {
        let mut fields = item.clone();
        let [maker, number] = match uuid(&item["equipment_model_id"]).map(|id| &models[&id]) {
            Some(model) => {
                [makers[&uuid(&model["manufacturer_id"]).unwrap()]["name"].clone(), model["model_number"].clone()]
            }
            None => [item["manual_manufacturer"].clone(), item["manual_model_number"].clone()],
        };
        fields.insert("manufacturer".into(), maker);
        fields.insert("model_number".into(), number);
        let judged =
            capture::judge(&requirements[text(item, "equipment_category")], &capture::Item { fields, has_photo: true });
        whole += usize::from(judged.iter().all(|f| f.state == FieldState::Captured));
        for field in judged {
            *states.entry(format!("{:?}", field.state)).or_default() += 1;
        }
    }
    assert!(states["Captured"] > 1000 && states["Justified"] >= 15 && states["Missing"] >= 60, "{states:?}");
    assert!(whole > 100 && whole < equipment.len() - 60, "{whole} of {} items lack nothing", equipment.len());
    let replaced = equipment.values().filter(|item| text(item, "status") == "replaced");
    for old in replaced.clone() {
        let new = uuid(&old["replaced_by_equipment_id"]).unwrap();
        assert!(uuid(&equipment[&new]["replacement_of_equipment_id"]).is_some());
    }
    assert!(replaced.count() >= 3);
    let logs = fields(&company, Entity::DataCaptureLogs);
    let old: Vec<f64> = logs
        .values()
        .filter(|l| text(l, "captured_at") < "2025-06")
        .filter_map(|l| l["completion_percentage"].as_f64())
        .collect();
    let new: Vec<f64> = logs
        .values()
        .filter(|l| text(l, "captured_at") > "2026-06")
        .filter_map(|l| l["completion_percentage"].as_f64())
        .collect();
    let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
    assert!(mean(&new) > mean(&old) + 3.0, "capture gets better: {} to {}", mean(&old), mean(&new));
}

#[test]
fn the_rules_are_the_same_rows_in_the_demo_and_outside_it() {
    let company = company(today());
    for (entity, rules) in rules() {
        assert_eq!(rows(&company, entity), rules, "{entity}");
    }
}

#[test]
fn nobody_real_is_named_and_nobody_real_is_called() {
    let company = company(today());
    for (entity, rows) in &company.rows {
        if *entity == Entity::Manufacturers || *entity == Entity::EquipmentModels {
            continue;
        }
        let table = entity.table().unwrap();
        for row in rows {
            for value in row.fields(table).values().filter_map(Value::as_str).filter(|v| v.parse::<Uuid>().is_err()) {
                for (at, _) in value.match_indices("555-") {
                    assert!(value[at..].starts_with("555-01"), "{value}");
                }
                if value.contains('@') {
                    assert!(value.ends_with(".example.com"), "{value}");
                }
            }
        }
    }
    assert!(
        company
            .people
            .iter()
            .all(|person| person.email.ends_with(".example.com") && person.phone.starts_with("555-01"))
    );
}

#[test]
fn every_picture_is_a_readable_file_beside_a_row_that_tells_the_truth_about_it() {
    use sha2::{Digest, Sha256};
    let company = company(today());
    let (table, equipment) = (Entity::Photos.table().unwrap(), fields(&company, Entity::EquipmentInventory));
    let mut items = BTreeSet::new();
    let pictures = pictures(today());
    for picture in &pictures {
        let row = picture.row.fields(table);
        assert_eq!(picture.row.cells.len(), table.columns.len());
        let item = uuid(&row["equipment_id"]).unwrap();
        assert_eq!(equipment[&item]["location_id"], row["location_id"]);
        assert!(items.insert(item));
        let hash: String = Sha256::digest(&picture.bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text(&row, "sha256"), hash);
        assert_eq!(row["byte_count"], picture.bytes.len());
        assert!(picture.bytes.len() < 16 * 1024, "{} bytes", picture.bytes.len());
        assert!(text(&row, "taken_at") < "2026-11-20" && text(&row, "state") == "stored");
    }
    assert!(items.len() > 200 && items.len() < equipment.len() - 20, "{} of {}", items.len(), equipment.len());
    let mut seen = BTreeSet::new();
    for picture in pictures.iter().step_by(9) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture.bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (480, 320));
        let colors: BTreeSet<u8> = pixels[..info.buffer_size()].iter().copied().collect();
        assert!(colors.len() >= 6, "a plate with writing on a wall");
        assert!(seen.insert(pixels), "two plates are alike");
    }
}
