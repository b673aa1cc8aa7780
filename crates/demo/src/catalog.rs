//! Makers, their models, their limits, and what is known to go wrong with them.

use std::collections::BTreeMap;

use clara_domain::category::Category;
use clara_domain::mirror::Entity;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::book::{Book, embedded, id};
use crate::limits::SpecLimits;

/// When the catalog's rows were made; a day that no one will see the demo before.
pub(crate) const MADE: &str = "2024-01-08T14:00:00.000000Z";

#[derive(Deserialize)]
struct Maker {
    name: String,
    website: String,
    headquarters: String,
    /// `#` a digit, `@` a letter, `{y}`, `{yyyy}` and `{w}` year and week of manufacture.
    serial: String,
}

#[derive(Deserialize)]
struct ModelFile {
    source: String,
    confidence: f64,
    models: Vec<Model>,
}

/// A model as its file has it.
#[derive(Deserialize)]
pub(crate) struct Model {
    pub(crate) maker: String,
    pub(crate) model: String,
    name: String,
    introduced: Option<i32>,
    discontinued: Option<i32>,
    replacement: Option<String>,
    #[serde(default)]
    pub(crate) electrical: Map<String, Value>,
    #[serde(default)]
    pub(crate) pressure: Map<String, Value>,
    #[serde(default)]
    pub(crate) temperature: Map<String, Value>,
    #[serde(default)]
    pub(crate) flow: Map<String, Value>,
    #[serde(default)]
    pub(crate) physical: Map<String, Value>,
    notes: Option<String>,
    confidence: Option<f64>,
    #[serde(skip, default)]
    pub(crate) category: Option<Category>,
}

#[derive(Deserialize)]
struct Problem {
    key: String,
    /// Only of these models.
    models: Option<Vec<String>>,
    /// Only of models with one of these values in `physical`.
    #[serde(rename = "where", default)]
    only: BTreeMap<String, Vec<String>>,
    /// Only of models that have this key in `physical`.
    where_key: Option<String>,
    text: String,
    symptoms: Vec<String>,
    cause: String,
    solution: String,
    severity: String,
    frequency: String,
    age: String,
    parts: Vec<String>,
    cost: String,
    sources: Vec<String>,
}

impl Model {
    /// Maker and model number: the natural key.
    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.maker, self.model)
    }

    /// A number among its specs.
    pub(crate) fn number(&self, name: &str) -> Option<f64> {
        [&self.electrical, &self.pressure, &self.temperature, &self.flow, &self.physical]
            .into_iter()
            .find_map(|specs| specs.get(name)?.as_f64())
    }

    /// A text among its physical specs.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.physical.get(name)?.as_str()
    }
}

impl Problem {
    fn concerns(&self, model: &Model) -> bool {
        self.models.as_ref().is_none_or(|keys| keys.contains(&model.key()))
            && self.where_key.as_ref().is_none_or(|key| model.physical.contains_key(key))
            && self.only.iter().all(|(key, values)| model.text(key).is_some_and(|v| values.iter().any(|w| w == v)))
    }
}

/// The catalog, to look models up in.
pub(crate) struct Catalog {
    models: BTreeMap<String, Model>,
    serials: BTreeMap<String, String>,
}

impl Catalog {
    /// The model that a site file names; `None` where it is written by hand.
    pub(crate) fn model(&self, key: &str) -> Option<&Model> {
        self.models.get(key)
    }

    /// How the maker's serial numbers look.
    pub(crate) fn serial_pattern(&self, maker: &str) -> Option<&str> {
        self.serials.get(maker).map(String::as_str)
    }
}

macro_rules! by_category {
    ($folder:literal) => {
        [
            (Category::FirePump, include_str!(concat!("../data/", $folder, "/fire_pump.json"))),
            (Category::BackflowPreventer, include_str!(concat!("../data/", $folder, "/backflow_preventer.json"))),
            (Category::SprinklerHead, include_str!(concat!("../data/", $folder, "/sprinkler_head.json"))),
            (Category::FireExtinguisher, include_str!(concat!("../data/", $folder, "/fire_extinguisher.json"))),
            (Category::FireAlarmPanel, include_str!(concat!("../data/", $folder, "/fire_alarm_panel.json"))),
            (Category::SmokeDetector, include_str!(concat!("../data/", $folder, "/smoke_detector.json"))),
            (Category::Hvac, include_str!(concat!("../data/", $folder, "/hvac.json"))),
            (Category::Standpipe, include_str!(concat!("../data/", $folder, "/standpipe.json"))),
            (Category::Other, include_str!(concat!("../data/", $folder, "/other.json"))),
        ]
    };
}

/// Adds makers, models and problems.
pub(crate) fn add(book: &mut Book) -> Catalog {
    let makers: Vec<Maker> = embedded("makers.json", include_str!("../data/makers.json"));
    for maker in &makers {
        book.add(
            Entity::Manufacturers,
            &maker.name,
            json!({
                "name": maker.name, "website": maker.website, "headquarters_location": maker.headquarters,
                "metadata": {}, "created_at": MADE, "updated_at": MADE,
            }),
        );
    }
    let limits = SpecLimits::new();
    let mut models = BTreeMap::new();
    for ((category, text), (_, problems)) in by_category!("models").into_iter().zip(by_category!("problems")) {
        let file: ModelFile = embedded(category.word(), text);
        let problems: Vec<Problem> = embedded(category.word(), problems);
        // The newer model before the one that names it, so that the rows can be inserted one by one.
        let (newest, replaced): (Vec<Model>, Vec<Model>) =
            file.models.into_iter().partition(|model| model.replacement.is_none());
        for mut model in newest.into_iter().chain(replaced) {
            model.category = Some(category);
            add_model(book, &model, &file.source, file.confidence);
            limits.add(book, &model);
            for problem in problems.iter().filter(|problem| problem.concerns(&model)) {
                add_problem(book, &model, problem);
            }
            models.insert(model.key(), model);
        }
    }
    Catalog { models, serials: makers.into_iter().map(|maker| (maker.name, maker.serial)).collect() }
}

fn add_model(book: &mut Book, model: &Model, source: &str, confidence: f64) {
    let replacement =
        model.replacement.as_ref().map(|number| id(Entity::EquipmentModels, &format!("{}/{number}", model.maker)));
    book.add(
        Entity::EquipmentModels,
        &model.key(),
        json!({
            "manufacturer_id": id(Entity::Manufacturers, &model.maker),
            "model_number": model.model,
            "product_name": model.name,
            "equipment_category": model.category,
            "electrical_specs": model.electrical,
            "pressure_specs": model.pressure,
            "temperature_specs": model.temperature,
            "flow_specs": model.flow,
            "physical_specs": model.physical,
            "year_introduced": model.introduced,
            "year_discontinued": model.discontinued,
            "replacement_model_id": replacement,
            "maintenance_notes": model.notes,
            "data_source": source,
            "confidence_score": model.confidence.unwrap_or(confidence),
            "created_at": MADE,
            "updated_at": MADE,
        }),
    );
}

fn add_problem(book: &mut Book, model: &Model, problem: &Problem) {
    book.add(
        Entity::CommonProblems,
        &format!("{}/{}", model.key(), problem.key),
        json!({
            "equipment_model_id": id(Entity::EquipmentModels, &model.key()),
            "problem_description": problem.text,
            "symptoms": problem.symptoms,
            "root_cause": problem.cause,
            "solution": problem.solution,
            "severity": problem.severity,
            "frequency": problem.frequency,
            "typical_age_range": problem.age,
            "related_parts": problem.parts,
            "estimated_repair_cost": problem.cost,
            // The texts were written for the demo: a person who reads the source must not take them for the maker's.
            "data_sources": problem.sources.iter().map(|from| format!("Demo text; check: {from}")).collect::<Vec<_>>(),
            "created_at": MADE,
            "updated_at": MADE,
        }),
    );
}
