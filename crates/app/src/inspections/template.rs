//! A template's items, read from their rows.

use clara_contract::inspection::{ItemType, ProposedDeficiency};
use clara_domain::category::Severity;
use clara_domain::limit::Limits;
use clara_domain::row::Fields;
use serde_json::Value;

use crate::field::{Record, figure};

/// One item of a template.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) key: String,
    pub(super) section: String,
    pub(super) position: i64,
    pub(super) label: String,
    pub(super) item_type: ItemType,
    pub(super) unit: Option<String>,
    pub(super) required: bool,
    pub(super) choices: Vec<String>,
    pub(super) formula: Option<Formula>,
    pub(super) limits: Limits,
    pub(super) limit_source: Option<String>,
    pub(super) why: Option<String>,
    condition: Value,
    pub(super) proposal: Option<ProposedDeficiency>,
    /// Failing it means that the test cannot be completed, which is not a fail.
    pub(super) ends_test: bool,
}

/// How a computed item comes from two others. A short list and not a language: what is not in it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Formula {
    op: Op,
    first: String,
    second: String,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Op {
    Minus,
    PercentOf,
    PercentDrop,
}

impl Formula {
    fn read(value: &Value) -> Option<Formula> {
        let op = match value.get("op")?.as_str()? {
            "minus" => Op::Minus,
            "percent_of" => Op::PercentOf,
            "percent_drop" => Op::PercentDrop,
            _ => return None,
        };
        let operand = |at: usize| Some(value.get("of")?.get(at)?.as_str()?.to_owned());
        Some(Formula { op, first: operand(0)?, second: operand(1)? })
    }

    /// The value, if both operands are there and it is a number.
    pub(super) fn value(&self, operand: impl Fn(&str) -> Option<f64>) -> Option<f64> {
        let (first, second) = (operand(&self.first)?, operand(&self.second)?);
        let value = match self.op {
            Op::Minus => first - second,
            Op::PercentOf => first * 100.0 / second,
            Op::PercentDrop => (first - second) * 100.0 / first,
        };
        // The last digit of a difference of decimals is noise: 5.4 − 2.4 must not fail a limit of 3.0.
        value.is_finite().then(|| (value * 1e9).round() / 1e9)
    }

    /// "Check valve 1 − Relief valve".
    pub(super) fn words(&self, label: impl Fn(&str) -> String) -> String {
        let (first, second) = (label(&self.first), label(&self.second));
        match self.op {
            Op::Minus => format!("{first} − {second}"),
            Op::PercentOf => format!("{first} in percent of {second}"),
            Op::PercentDrop => format!("drop from {first} to {second} in percent"),
        }
    }
}

impl Item {
    pub(super) fn read(record: &Record) -> Item {
        let item_type = match record.word("item_type").as_str() {
            "yes_no" | "bool" => ItemType::YesNo,
            "choice" | "enum" => ItemType::Choice,
            "number" => ItemType::Number,
            "date" => ItemType::Date,
            "photo" => ItemType::Photo,
            "computed" => ItemType::Computed,
            _ => ItemType::Text,
        };
        let deficiency = record.json("deficiency");
        let say = |key: &str| deficiency.get(key).and_then(Value::as_str).map(str::to_owned);
        Item {
            key: record.word("item_key"),
            section: record.word("section"),
            position: record.int("position").unwrap_or_default(),
            label: record.word("label"),
            item_type,
            unit: record.text("unit"),
            required: record.flag("is_required").unwrap_or(false),
            choices: record.texts("choices"),
            formula: Formula::read(record.json("choices")),
            limits: Limits {
                min: record.real("limit_min"),
                max: record.real("limit_max"),
                impossible_min: record.real("impossible_min"),
                impossible_max: record.real("impossible_max"),
                suspicious_min: record.real("suspicious_min"),
                suspicious_max: record.real("suspicious_max"),
            },
            limit_source: record.text("limit_source"),
            why: record.text("why"),
            condition: record.json("condition").clone(),
            proposal: say("text").map(|text| ProposedDeficiency {
                severity: say("severity").and_then(|word| word.parse().ok()).unwrap_or(Severity::Noncritical),
                text,
                action: say("action"),
            }),
            ends_test: deficiency.get("cannot_complete").and_then(Value::as_bool).unwrap_or(false),
        }
    }

    /// A model's own limits come before those of its category, bound by bound. Limits in another unit are of something
    /// else.
    pub(super) fn limited_by(&mut self, own: &Record) {
        let unit = own.text("unit");
        if own.word("item_key") != self.key || (unit.is_some() && unit != self.unit) {
            return;
        }
        let limits = &mut self.limits;
        for (column, bound) in [
            ("limit_min", &mut limits.min),
            ("limit_max", &mut limits.max),
            ("impossible_min", &mut limits.impossible_min),
            ("impossible_max", &mut limits.impossible_max),
            ("suspicious_min", &mut limits.suspicious_min),
            ("suspicious_max", &mut limits.suspicious_max),
        ] {
            *bound = own.real(column).or(*bound);
        }
        if own.real("limit_min").or(own.real("limit_max")).is_some() {
            self.limit_source = own.text("limit_source").or(self.limit_source.take());
        }
    }

    /// Whether the item is asked of this equipment, with these answers so far.
    pub(super) fn asked(&self, equipment: &Fields, answer: impl Fn(&str) -> Option<String>) -> bool {
        let Value::Object(wanted) = &self.condition else { return true };
        wanted.iter().all(|(key, value)| {
            let found = match key.split_once('.') {
                Some((column, inner)) => equipment.get(column).and_then(|c| c.get(inner)).cloned(),
                None => answer(key).map(Value::String),
            };
            found.as_ref() == Some(value)
        })
    }

    /// "min 5", "3 to 8", "max 300".
    pub(super) fn limit_words(&self) -> Option<String> {
        match (self.limits.min, self.limits.max) {
            (Some(min), Some(max)) => Some(format!("{} to {}", figure(min), figure(max))),
            (Some(min), None) => Some(format!("min {}", figure(min))),
            (None, Some(max)) => Some(format!("max {}", figure(max))),
            (None, None) => None,
        }
    }
}
