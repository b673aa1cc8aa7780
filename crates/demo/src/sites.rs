//! Customers, their sites, and what is installed there.

use std::collections::BTreeMap;

use chrono::{Datelike, Duration, NaiveDate};
use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::book::{Book, date, embedded, id};
use crate::catalog::{Catalog, Model};
use crate::chance;

#[derive(Deserialize)]
struct Customer {
    name: String,
    contact: String,
    email: String,
    phone: String,
    billing: String,
    notes: String,
    sites: Vec<SiteEntry>,
}

#[derive(Deserialize)]
struct SiteEntry {
    key: String,
    name: String,
    address: String,
    at: [f64; 2],
    access: String,
    /// Whom to call, what never to do: shown before everything else.
    safety: Option<String>,
    emergency: [String; 2],
    equipment: Vec<Entry>,
}

/// One item, or with `places` one item for each place.
#[derive(Deserialize)]
struct Entry {
    /// `{}` becomes a running number.
    tag: String,
    #[serde(default = "one")]
    from: usize,
    /// Maker and model number, in the catalog.
    model: Option<String>,
    /// Maker and model number, written by hand: not in the catalog.
    manual: Option<[String; 2]>,
    /// With `manual` only; a model has its own.
    category: Option<Category>,
    place: Option<String>,
    places: Option<Vec<String>>,
    installed: Option<NaiveDate>,
    serial: Option<String>,
    #[serde(default)]
    components: Map<String, Value>,
    /// Fields known to be empty, beside those that chance leaves empty.
    #[serde(default)]
    gaps: Vec<String>,
    /// The same for single items of a group, by their number.
    #[serde(default)]
    gap_at: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    justified: BTreeMap<String, String>,
    /// Nothing is left empty.
    #[serde(default)]
    complete: bool,
    story: Option<String>,
    notes: Option<String>,
    replaces: Option<Replaced>,
}

fn one() -> usize {
    1
}

#[derive(Deserialize)]
struct Replaced {
    model: String,
    installed: NaiveDate,
}

/// A site, for the work that is done there.
pub(crate) struct Site {
    pub(crate) key: String,
    pub(crate) id: Uuid,
    pub(crate) customer_id: Uuid,
    pub(crate) items: Vec<Item>,
}

/// An installed item, as it is known today.
pub(crate) struct Item {
    pub(crate) key: String,
    pub(crate) id: Uuid,
    pub(crate) tag: String,
    pub(crate) category: Category,
    pub(crate) model: Option<String>,
    pub(crate) made_in: i32,
    /// It has a refrigerant circuit.
    pub(crate) cools: bool,
    pub(crate) components: Map<String, Value>,
    pub(crate) story: Option<String>,
    /// `equipment_inventory` columns as judged for completeness, with `manufacturer` and `model_number`.
    pub(crate) fields: Map<String, Value>,
    pub(crate) has_photo: bool,
}

impl Item {
    /// A component's text.
    pub(crate) fn component(&self, key: &str) -> Option<&str> {
        self.components.get(key)?.as_str()
    }
}

/// The sites by customer.
fn files() -> [(&'static str, &'static str); 10] {
    macro_rules! file {
        ($name:literal) => {
            ($name, include_str!(concat!("../data/customers/", $name, ".json")))
        };
    }
    [
        file!("harbor_point"),
        file!("mercy"),
        file!("lakeside"),
        file!("ridgeway"),
        file!("dunmore"),
        file!("quarry_road"),
        file!("city"),
        file!("alder_grove"),
        file!("millrace"),
        file!("brightwater"),
    ]
}

/// Adds customers, sites and equipment.
pub(crate) fn add(book: &mut Book, catalog: &Catalog, today: NaiveDate) -> Vec<Site> {
    let created = book.moment(today - Duration::days(830), 9 * 60);
    let updated = book.moment(today - Duration::days(12), 16 * 60);
    let mut sites = Vec::new();
    for (name, text) in files() {
        let customer: Customer = embedded(name, text);
        let customer_id = book.add(
            Entity::Customers,
            name,
            json!({
                "company_name": customer.name,
                "primary_contact_name": customer.contact,
                "primary_contact_email": customer.email,
                "primary_contact_phone": customer.phone,
                "billing_address": customer.billing,
                "service_address": customer.sites.first().map(|site| &site.address),
                "notes": customer.notes,
                "metadata": {},
                "created_at": created,
                "updated_at": updated,
            }),
        );
        for entry in customer.sites {
            let region = if entry.at[0] > 41.48 { "Port Alden" } else { "County" };
            let mut metadata = json!({ "region": region });
            if let Some(note) = &entry.safety {
                metadata["safety_note"] = json!(note);
            }
            let site_id = book.add(
                Entity::Locations,
                &entry.key,
                json!({
                    "customer_id": customer_id,
                    "location_name": entry.name,
                    "address": entry.address,
                    "latitude": entry.at[0],
                    "longitude": entry.at[1],
                    "access_notes": entry.access.replace(". ", ".\n"),
                    "emergency_contact_name": entry.emergency[0],
                    "emergency_contact_phone": entry.emergency[1],
                    "metadata": metadata,
                    "created_at": created,
                    "updated_at": updated,
                }),
            );
            let mut items = Vec::new();
            for equipment in &entry.equipment {
                add_entry(book, catalog, equipment, &entry.key, site_id, [&created, &updated], &mut items);
            }
            sites.push(Site { key: entry.key, id: site_id, customer_id, items });
        }
    }
    sites
}

fn add_entry(
    book: &mut Book,
    catalog: &Catalog,
    entry: &Entry,
    site_key: &str,
    site_id: Uuid,
    stamps: [&str; 2],
    items: &mut Vec<Item>,
) {
    let places: Vec<&String> = entry.places.iter().flatten().chain(&entry.place).collect();
    for (index, place) in places.into_iter().enumerate() {
        let number = entry.from + index;
        let tag = entry.tag.replace("{}", &number.to_string());
        let key = format!("{site_key}/{tag}");
        let model = entry.model.as_deref().map(|model| known(catalog, model));
        let mut gaps = entry.gaps.clone();
        gaps.extend(entry.gap_at.get(&number.to_string()).into_iter().flatten().cloned());
        let mut item = Installed { entry, model, place, tag: &tag, key: &key, gaps }.fields(catalog);
        item.insert("location_id".into(), json!(site_id));
        item.insert("created_at".into(), json!(stamps[0]));
        item.insert("updated_at".into(), json!(stamps[1]));

        if let Some(old) = &entry.replaces {
            let old_key = format!("{key}/before");
            let old_model = known(catalog, &old.model);
            book.add(
                Entity::EquipmentInventory,
                &old_key,
                json!({
                    "location_id": site_id,
                    "equipment_model_id": id(Entity::EquipmentModels, &old.model),
                    "equipment_category": old_model.category,
                    "serial_number": serial(catalog, old_model, &old_key, old.installed.year()),
                    "installation_date": date(old.installed),
                    "status": "replaced",
                    "location_detail": place,
                    "replaced_by_equipment_id": id(Entity::EquipmentInventory, &key),
                    "components": components(Some(old_model), &Map::new()),
                    "notes": "Replaced; kept for its history.",
                    "metadata": { "tag": tag },
                    "created_at": stamps[0],
                    "updated_at": stamps[1],
                }),
            );
            item.insert("replacement_of_equipment_id".into(), json!(id(Entity::EquipmentInventory, &old_key)));
        }

        let has_photo = item.remove("photo") == Some(Value::Bool(true));
        let row = book.add(Entity::EquipmentInventory, &key, Value::Object(item.clone()));
        let [maker, number] = match (model, &entry.manual) {
            (Some(model), _) => [&model.maker, &model.model],
            (None, Some(manual)) => [&manual[0], &manual[1]],
            (None, None) => panic!("{key} has no model"),
        };
        item.insert("manufacturer".into(), json!(maker));
        item.insert("model_number".into(), json!(number));
        items.push(Item {
            id: row,
            tag,
            category: category(entry, model),
            model: entry.model.clone(),
            made_in: entry.installed.map_or(2014 + chance::pick(&format!("{key}/made"), 6) as i32, |d| d.year()),
            cools: model.is_some_and(|m| m.physical.contains_key("refrigerant")),
            components: item.get("components").and_then(Value::as_object).cloned().unwrap_or_default(),
            story: entry.story.clone(),
            fields: item,
            has_photo,
            key,
        });
    }
}

fn known<'a>(catalog: &'a Catalog, key: &str) -> &'a Model {
    match catalog.model(key) {
        Some(model) => model,
        None => panic!("{key} is not in the catalog"),
    }
}

fn category(entry: &Entry, model: Option<&Model>) -> Category {
    model.and_then(|model| model.category).or(entry.category).unwrap_or(Category::Other)
}

/// One item on its way to a row.
struct Installed<'a> {
    entry: &'a Entry,
    model: Option<&'a Model>,
    place: &'a str,
    tag: &'a str,
    key: &'a str,
    gaps: Vec<String>,
}

impl Installed<'_> {
    /// The row's columns, and `photo`.
    fn fields(&self, catalog: &Catalog) -> Map<String, Value> {
        let entry = self.entry;
        let category = category(entry, self.model);
        let mut components = components(self.model, &entry.components);
        let mut not_captured: BTreeMap<String, String> = entry.justified.clone();
        if category == Category::Hvac && !components.contains_key("filter_size") {
            // A condenser or a fan has none: said so, and therefore not missing.
            not_captured.insert("components.filter_size".into(), "not_present".into());
        }
        let mut empty = |field: &str| {
            let stated = self.gaps.iter().any(|gap| gap == field) || not_captured.contains_key(field);
            let lost = !entry.complete
                && chance::share(&format!("{}/lost/{field}", self.key)) < share_left_empty(category, field);
            if lost && !stated && chance::share(&format!("{}/why/{field}", self.key)) < 0.2 {
                let reason = if field == "photo" { "inaccessible" } else { "unreadable" };
                not_captured.insert(field.into(), reason.into());
            }
            stated || lost
        };
        let serial_empty = category == Category::SprinklerHead
            && self.model.is_some_and(|m| m.flow.contains_key("k_factor"))
            || empty("serial_number");
        let date_empty = entry.installed.is_none() || empty("installation_date");
        let place_empty = empty("location_detail");
        let photo_empty = empty("photo");
        let size_empty = ["filter_size", "belt_size"].map(|size| empty(&format!("components.{size}")));
        for (size, empty) in ["filter_size", "belt_size"].into_iter().zip(size_empty) {
            if empty {
                components.remove(size);
            }
        }
        let made = entry.installed.map_or(2015, |day| day.year());
        let serial_number = (!serial_empty)
            .then(|| entry.serial.clone().or_else(|| serial(catalog, self.model?, self.key, made)))
            .flatten();
        let mut metadata = Map::new();
        metadata.insert("tag".into(), json!(self.tag));
        if !not_captured.is_empty() {
            metadata.insert("not_captured".into(), json!(not_captured));
        }
        let serial_there = serial_number.is_some().then_some("serial_number");
        let date_there = (!date_empty).then_some("installation_date");
        let sizes_there = ["filter_size", "belt_size"].into_iter().filter(|size| components.contains_key(*size));
        let captured = sizes_there.map(|size| format!("components.{size}"));
        for field in captured.chain([serial_there, date_there].into_iter().flatten().map(str::to_owned)) {
            let scanned = field == "serial_number" && chance::share(&format!("{}/scanned", self.key)) < 0.35;
            metadata.insert(format!("source:{field}"), json!(if scanned { "scanned" } else { "typed" }));
        }
        let fields = json!({
            "equipment_model_id": entry.model.as_ref().map(|model| id(Entity::EquipmentModels, model)),
            "equipment_category": category,
            "manual_manufacturer": entry.manual.as_ref().map(|manual| &manual[0]),
            "manual_model_number": entry.manual.as_ref().map(|manual| &manual[1]),
            "serial_number": serial_number,
            "installation_date": entry.installed.filter(|_| !date_empty).map(date),
            "status": "active",
            "location_detail": (!place_empty).then_some(self.place),
            "components": components,
            "notes": entry.notes,
            "metadata": metadata,
            "photo": !photo_empty,
        });
        match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        }
    }
}

/// How often a field is found empty, after what companies find when they first look.
fn share_left_empty(category: Category, field: &str) -> f64 {
    match (category, field) {
        (Category::SmokeDetector, "serial_number") => 0.39,
        (Category::Standpipe | Category::Other, "serial_number") => 0.30,
        (Category::Hvac | Category::FirePump, "serial_number") => 0.05,
        (_, "serial_number") => 0.10,
        (_, "location_detail") => 0.03,
        (Category::SmokeDetector, "photo") => 0.28,
        (_, "photo") => 0.14,
        (Category::BackflowPreventer, "installation_date") => 0.15,
        (_, "components.filter_size") => 0.22,
        (_, "components.belt_size") => 0.45,
        _ => 0.0,
    }
}

/// What the model says about itself, and what is particular here.
fn components(model: Option<&Model>, particular: &Map<String, Value>) -> Map<String, Value> {
    let mut components = Map::new();
    if let Some(model) = model {
        for key in ["type", "agent", "kind", "system_type", "orientation", "filter_size", "filter_count", "belt_size"] {
            if let Some(value) = model.physical.get(key) {
                components.insert(key.into(), value.clone());
            }
        }
        match model.category {
            Some(Category::Hvac) => {
                let drive = if model.physical.contains_key("belt_size") { "belt" } else { "direct" };
                let heat = if model.pressure.contains_key("manifold_inwc") { "gas" } else { "none" };
                components.insert("drive".into(), json!(drive));
                components.insert("heat".into(), json!(heat));
            }
            Some(Category::Standpipe) => {
                let regulated = if model.pressure.contains_key("outlet_max_psi") { "yes" } else { "no" };
                components.insert("prv".into(), json!(regulated));
            }
            _ => {}
        }
    }
    components.extend(particular.clone());
    components
}

/// A serial number in the maker's way.
fn serial(catalog: &Catalog, model: &Model, key: &str, year: i32) -> Option<String> {
    let pattern = catalog.serial_pattern(&model.maker)?;
    let mut bits = chance::bits(&format!("{key}/serial"));
    let mut next = |among: u128| {
        let drawn = bits % among;
        bits /= among;
        drawn as u8
    };
    let week = next(52) + 1;
    let dated = pattern
        .replace("{yyyy}", &year.to_string())
        .replace("{y}", &format!("{:02}", year % 100))
        .replace("{w}", &format!("{week:02}"));
    Some(
        dated
            .chars()
            .map(|c| match c {
                '#' => char::from(b'0' + next(10)),
                // Without I, O and Q: makers leave them out as well.
                '@' => char::from(b"ABCDEFGHJKLMNPRSTUVWXYZ"[usize::from(next(23))]),
                other => other,
            })
            .collect(),
    )
}
