//! What a technician would have written down: answers to a template for an item, and the deficiencies that follow
//! from them. A deficiency is never chosen by itself; it is what the template's limits say of the answer.

use std::collections::BTreeMap;

use chrono::{Datelike, Duration, NaiveDate};
use clara_domain::limit::{Limits, Verdict, judge};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::book::{date, embedded};
use crate::catalog::{Catalog, Model};
use crate::chance;
use crate::rules::{Item as Asked, Proposal, Template};
use crate::sites::Item;

/// Middle, spread either side, change per year, decimals.
type Shape = (f64, f64, f64, usize);
/// Story, template, item, values of the latest visit and of the ones before.
type Values = BTreeMap<String, BTreeMap<String, BTreeMap<String, Vec<f64>>>>;
/// Story, template, visits that came later, item that fails.
type Faults = BTreeMap<String, BTreeMap<String, BTreeMap<usize, String>>>;

#[derive(Deserialize)]
struct Stories {
    values: Values,
    faults: Faults,
}

/// Four quarters, in days: from one main drain test to the next.
const A_YEAR: i64 = 364;

/// How readings vary.
pub(crate) struct Readings {
    shapes: BTreeMap<String, Shape>,
    stories: Stories,
}

/// One item under one template on one day.
pub(crate) struct Occasion<'a> {
    pub(crate) item: &'a Item,
    pub(crate) template: &'a Template,
    /// Names the visit, and thereby its noise.
    pub(crate) key: &'a str,
    pub(crate) day: NaiveDate,
    /// Days before the day the demo is seen from.
    pub(crate) days_ago: i64,
    /// How many visits of its program came after it; `None` outside the programs.
    pub(crate) later: Option<usize>,
    /// The item that fails, if one does.
    pub(crate) fault: Option<&'a str>,
}

/// Item keys that fail, each with the deficiency that its template proposes.
pub(crate) type Failed<'a> = Vec<(&'a str, &'a Proposal)>;

impl Readings {
    pub(crate) fn new() -> Readings {
        Readings {
            shapes: embedded("readings.json", include_str!("../data/readings.json")),
            stories: embedded("stories.json", include_str!("../data/stories.json")),
        }
    }

    /// The answers of the occasion. An answer is present for every required item that applies.
    pub(crate) fn answers<'a>(&self, at: &Occasion<'a>, catalog: &Catalog) -> (Map<String, Value>, Failed<'a>) {
        let mut answers = Map::new();
        let model = at.item.model.as_deref().and_then(|key| catalog.model(key));
        let mut failed = Vec::new();
        for asked in at.template.items() {
            if !applies(asked, at.item, &answers) {
                continue;
            }
            let skipped = asked.optional && chance::share(&format!("{}/{}/skip", at.key, asked.key)) < 0.3;
            if skipped && at.fault != Some(&asked.key) {
                continue;
            }
            let number = |key: &str| answers.get(key).and_then(Value::as_f64);
            let answer = match asked.item_type.as_str() {
                "yes_no" => Some(json!(if at.fault == Some(&asked.key) { "no" } else { "yes" })),
                "number" => self.reading(at, asked, model, &number).map(number_of),
                "computed" => asked.formula.as_ref().and_then(|f| f.value(number)).map(|v| number_of(round(v, 1))),
                "text" => text(at.item, &asked.key).map(|text| json!(text)),
                "date" => Some(json!(date(calibrated(at.day)))),
                "choice" => asked.choices.as_ref().and_then(|choices| choices.first()).map(|first| json!(first)),
                _ => None,
            };
            let Some(answer) = answer else { continue };
            let fails = match asked.item_type.as_str() {
                "yes_no" => answer == "no",
                _ => matches!(judge(answer.as_f64(), &asked.limits(), None), Verdict::OutLow | Verdict::OutHigh),
            };
            if let (true, Some(proposal)) = (fails, &asked.deficiency) {
                failed.push((asked.key.as_str(), proposal));
            }
            answers.insert(asked.key.clone(), answer);
        }
        (answers, failed)
    }

    /// The item at which a story lets this visit fail.
    pub(crate) fn fault(&self, item: &Item, template: &str, later: Option<usize>) -> Option<&str> {
        let visits = self.stories.faults.get(item.story.as_deref()?)?.get(template)?;
        visits.get(&later?).map(String::as_str)
    }

    fn reading(
        &self,
        at: &Occasion<'_>,
        asked: &Asked,
        model: Option<&Model>,
        number: &impl Fn(&str) -> Option<f64>,
    ) -> Option<f64> {
        if at.fault == Some(&asked.key) {
            return out_of_limits(asked);
        }
        if let Some(value) = self.told(at, &asked.key) {
            return Some(value);
        }
        if let Some(value) = model.and_then(|model| self.by_model(at, asked, model, number)) {
            return Some(value);
        }
        if let Some(value) = by_item(at, &asked.key, number) {
            return Some(value);
        }
        if asked.key == "last_residual_psi" {
            let before = Occasion { days_ago: at.days_ago + A_YEAR, ..*at };
            return self.shaped(&before, asked, "residual_psi");
        }
        self.shaped(at, asked, &asked.key)
    }

    /// Around the middle of its shape, in limits, with the item's own bias, the visit's noise and the years' drift.
    fn shaped(&self, at: &Occasion<'_>, asked: &Asked, key: &str) -> Option<f64> {
        let of_template = format!("{}/{key}", at.template.key);
        let Some(&(middle, spread, drift, decimals)) = self.shapes.get(&of_template).or_else(|| self.shapes.get(key))
        else {
            panic!("readings.json has nothing for {of_template}");
        };
        let bias = chance::swing(&format!("{}/{key}/bias", at.item.key));
        // By the year and not by the visit: the next year's visit copies it as last year's value.
        let noise = match key {
            "residual_psi" => chance::swing(&format!("{}/{key}/{}", at.item.key, at.days_ago / A_YEAR)),
            _ => chance::swing(&format!("{}/{key}", at.key)),
        };
        let years_ago = at.days_ago as f64 / 365.0;
        let value = middle + spread * (bias * 0.65 + noise * 0.35) - drift * years_ago;
        Some(round(asked.within(value), decimals))
    }

    /// A value that a story fixes.
    fn told(&self, at: &Occasion<'_>, key: &str) -> Option<f64> {
        let values = self.stories.values.get(at.item.story.as_deref()?)?.get(&at.template.key)?.get(key)?;
        values.get(at.later?).copied()
    }

    fn by_model(
        &self,
        at: &Occasion<'_>,
        asked: &Asked,
        model: &Model,
        number: &impl Fn(&str) -> Option<f64>,
    ) -> Option<f64> {
        let noise = chance::swing(&format!("{}/{}", at.key, asked.key));
        if at.template.key.starts_with("fire_pump") {
            return self.pump(at, &asked.key, model, noise);
        }
        match asked.key.as_str() {
            "label_weight_lb" => model.number("weight_lbs"),
            "weight_lb" => model.number("weight_lbs").map(|full| round(full * (0.985 + noise * 0.012), 1)),
            "volts" => model.number("voltage").map(|plate| round(plate * (1.005 + noise * 0.015), 0)),
            "filter_count" => Some(model.number("filter_count").unwrap_or(1.0)),
            "charger_vdc" => model.number("charger_float_vdc").map(|plate| round(plate + noise * 0.08, 2)),
            "points_tested" => at.item.components.get("points").and_then(Value::as_f64),
            "points_total" => number("points_tested"),
            _ => None,
        }
    }

    /// A pump's readings from its own curve: what it gave when new, less a little wear for each year.
    fn pump(&self, at: &Occasion<'_>, key: &str, model: &Model, noise: f64) -> Option<f64> {
        let (churn, rated, peak) = (model.number("churn_psi")?, model.number("rated_psi")?, model.number("peak_psi")?);
        let (gpm, rpm) = (model.number("rated_gpm")?, model.number("rated_rpm")?);
        let age = f64::from(at.day.year() - at.item.made_in).clamp(0.0, 30.0);
        let worn = |key: &str, per_year: f64| self.told(at, key).unwrap_or(0.995 - age * per_year);
        // As much suction as keeps churn under 175 psi.
        let suction = (170.0 - churn).clamp(24.0, 46.0).round();
        let flow_suction = |less: f64| (suction - less).max(21.0);
        let net_churn = churn * worn("churn_factor", 0.0009);
        let net_rated = rated * worn("rated_factor", 0.0010);
        let net_peak = peak * worn("peak_factor", 0.0012);
        let jitter = (noise * 1.4).round() / 2.0;
        Some(match key {
            "rated_gpm" => gpm,
            "rated_psi" => rated,
            "acceptance_churn_psi" => churn,
            "acceptance_100_psi" => rated,
            "acceptance_150_psi" => peak,
            "suction_psi" | "churn_suction_psi" => suction,
            "discharge_psi" | "churn_discharge_psi" => round(suction + net_churn + jitter * 0.3, 0),
            "rated_suction_psi" => self.told(at, "suction_peak").map_or(flow_suction(2.0), |low| low + 5.0),
            "rated_discharge_psi" => {
                let suction = self.told(at, "suction_peak").map_or(flow_suction(2.0), |low| low + 5.0);
                round(suction + net_rated, 1)
            }
            "peak_suction_psi" => self.told(at, "suction_peak").unwrap_or(flow_suction(4.0)),
            "peak_discharge_psi" => {
                let suction = self.told(at, "suction_peak").unwrap_or(flow_suction(4.0));
                round(suction + net_peak, 1)
            }
            "rated_flow_gpm" => round(gpm * (1.0 + noise * 0.006), 0),
            "peak_flow_gpm" => round(gpm * 1.5 * (0.996 + noise * 0.005), 0),
            "peak_pitot_1_psi" | "peak_pitot_2_psi" => round(40.0 + noise * 0.8, 1),
            "speed_rpm" | "churn_rpm" => round(rpm * 1.003 + noise * 3.0, 0),
            "rated_rpm" => round(rpm * 1.001 + noise * 3.0, 0),
            "peak_rpm" => round(rpm + noise * 3.0, 0),
            "peak_volts" => round(model.number("voltage")? * (1.02 + noise * 0.006), 0),
            "peak_amps" => round(model.number("amp_draw_nominal")? * (1.03 + noise * 0.02), 1),
            "start_psi" => round((suction + churn * 0.82 + noise * 2.0).min(150.0), 0),
            _ => return None,
        })
    }
}

/// Values that the item itself gives.
fn by_item(at: &Occasion<'_>, key: &str, number: &impl Fn(&str) -> Option<f64>) -> Option<f64> {
    match key {
        "made_year" | "oldest_head_year" => Some(f64::from(at.item.made_in)),
        "points_tested" => Some(40.0),
        "points_total" => number("points_tested"),
        "battery_age_months" => {
            // Batteries are replaced every four years; the count starts at each panel's own month.
            let months = i64::from(at.day.year()) * 12 + i64::from(at.day.month());
            Some(((months + chance::pick(&at.item.key, 48) as i64) % 48) as f64)
        }
        "filter_count" => Some(1.0),
        _ => None,
    }
}

fn text(item: &Item, key: &str) -> Option<String> {
    match key {
        "kit_serial" => Some("0521147".to_owned()),
        other => item.component(other).map(str::to_owned),
    }
}

/// The kit goes to the laboratory every March.
fn calibrated(day: NaiveDate) -> NaiveDate {
    let year = if day.month() > 3 { day.year() } else { day.year() - 1 };
    NaiveDate::from_ymd_opt(year, 3, 12).unwrap_or(day - Duration::days(90))
}

fn applies(asked: &Asked, item: &Item, answers: &Map<String, Value>) -> bool {
    asked.when.iter().flatten().all(|(key, wanted)| match key.strip_prefix("components.") {
        Some(component) => item.component(component) == Some(wanted),
        None => answers.get(key).and_then(Value::as_str) == Some(wanted),
    })
}

/// A little over the limit that it has; `None` where it has none.
fn out_of_limits(asked: &Asked) -> Option<f64> {
    let limits = asked.limits();
    match (limits.min, limits.max) {
        (Some(min), _) if min > 0.0 => Some(round(min * 0.9, 1)),
        (_, Some(max)) => Some(round(max * 1.1 + 0.1, 1)),
        _ => None,
    }
}

/// Whole numbers without a fraction, as a person types them.
fn number_of(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

fn round(value: f64, decimals: usize) -> f64 {
    let scale = 10f64.powi(decimals as i32);
    (value * scale).round() / scale
}

impl Asked {
    /// Its bounds, as the app judges by them.
    fn limits(&self) -> Limits {
        Limits { min: self.limit.0, max: self.limit.1, ..Limits::default() }
    }

    /// The value, moved inside the limits where it is not.
    fn within(&self, value: f64) -> f64 {
        let value = self.limit.0.map_or(value, |min| value.max(min + min.abs() * 0.03));
        self.limit.1.map_or(value, |max| value.min(max - max.abs() * 0.03))
    }
}
