//! What the answers of a draft are worth: each item against its limits and the last visit, and the whole.

use std::collections::BTreeMap;

use chrono::{Datelike, NaiveDate};
use clara_contract::inspection::{DraftBody, ItemSheet, ItemType, Section};
use clara_domain::category::Severity;
use clara_domain::limit::{Verdict, judge};
use clara_domain::row::Fields;
use serde_json::{Map, Value};

use super::template::Item;
use crate::field::{figure, spoken};

/// What is known when a draft is judged.
pub(super) struct Visit<'a> {
    pub(super) items: &'a [Item],
    pub(super) body: &'a DraftBody,
    pub(super) equipment: &'a Fields,
    /// What each item read when it was last asked.
    pub(super) last: &'a BTreeMap<String, Last>,
    /// Photos of this inspection by `field_key`.
    pub(super) photos: &'a BTreeMap<String, u32>,
    pub(super) today: NaiveDate,
}

/// A reading of an earlier visit. A weekly run between two yearly tests must not hide the yearly one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Last {
    pub(super) value: Value,
    pub(super) day: Option<NaiveDate>,
}

/// How an inspection ends by the rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Passed,
    Failed,
    /// Something that decides was not tested or could not be: neither passed nor failed.
    Open,
}

impl Outcome {
    pub(super) fn passed(self) -> Option<bool> {
        match self {
            Outcome::Passed => Some(true),
            Outcome::Failed => Some(false),
            Outcome::Open => None,
        }
    }
}

/// A number as a technician types it; none where it is no number. `1,250` is a thousand and more, `5,5` is nothing
/// that can be told.
pub(super) fn number(typed: &str) -> Option<f64> {
    let typed = typed.trim();
    let plain: String = if typed.contains(',') {
        let mut groups = typed.split(',');
        let head = groups.next().unwrap_or_default().trim_start_matches(['-', '+']);
        let whole = groups.clone().map(|group| group.split('.').next().unwrap_or_default());
        if head.is_empty() || head.len() > 3 || !whole.clone().all(|group| group.len() == 3) {
            return None;
        }
        typed.replace(',', "")
    } else {
        typed.to_owned()
    };
    if !plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+')) {
        return None;
    }
    plain.parse::<f64>().ok().filter(|value| value.is_finite())
}

impl Visit<'_> {
    fn answer(&self, key: &str) -> Option<String> {
        self.body.answers.get(key).filter(|answer| !answer.trim().is_empty()).cloned()
    }

    /// Items that are asked, in order.
    pub(super) fn asked(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.asked(self.equipment, |key| self.answer(key)))
    }

    fn label(&self, key: &str) -> String {
        self.items.iter().find(|item| item.key == key).map_or_else(|| key.to_owned(), |item| item.label.clone())
    }

    /// The value of a number or computed item. What no gauge can show is no value.
    pub(super) fn value(&self, key: &str) -> Option<f64> {
        let item = self.items.iter().find(|item| item.key == key)?;
        match item.item_type {
            // Operands are read, not computed: a formula of a formula could go round in a circle.
            ItemType::Computed => {
                let value = item.formula.as_ref()?.value(|operand| self.read(operand))?;
                (judge(Some(value), &item.limits, None) != Verdict::Impossible).then_some(value)
            }
            _ => self.read(key),
        }
    }

    fn read(&self, key: &str) -> Option<f64> {
        let item = self.items.iter().find(|item| item.key == key && item.item_type == ItemType::Number)?;
        let value = number(self.body.answers.get(key)?)?;
        (judge(Some(value), &item.limits, None) != Verdict::Impossible).then_some(value)
    }

    /// Every section with every asked item judged.
    pub(super) fn sections(&self) -> Vec<Section> {
        let mut sections: Vec<Section> = Vec::new();
        for item in self.asked() {
            let sheet = self.sheet(item);
            let answered = u32::from(self.done(item));
            match sections.last_mut().filter(|section| section.title == item.section) {
                Some(section) => {
                    section.items.push(sheet);
                    section.answered += answered;
                }
                None => sections.push(Section { title: item.section.clone(), items: vec![sheet], answered }),
            }
        }
        sections
    }

    fn sheet(&self, item: &Item) -> ItemSheet {
        let (verdict, verdict_words) = self.verdict(item);
        let fails = matches!(verdict, Verdict::OutLow | Verdict::OutHigh);
        ItemSheet {
            key: item.key.clone(),
            label: item.label.clone(),
            item_type: item.item_type,
            unit: item.unit.clone(),
            required: item.required,
            choices: item.choices.clone(),
            limits: item.limits,
            limit_source: item.limit_source.clone(),
            why: item.why.clone(),
            last: self.last.get(&item.key).and_then(|last| spoken(&last.value)),
            verdict,
            verdict_words,
            proposed: if fails { item.proposal.clone() } else { None },
            computed_from: match item.item_type {
                ItemType::Computed => item.formula.as_ref().map(|formula| formula.words(|key| self.label(key))),
                _ => None,
            },
            value: match item.item_type {
                ItemType::Computed => self.value(&item.key).map(figure),
                _ => None,
            },
        }
    }

    /// What an item is worth, and in words.
    pub(super) fn verdict(&self, item: &Item) -> (Verdict, String) {
        if let Some(reason) = self.body.not_tested.get(&item.key) {
            return (Verdict::NotReadYet, reason.clone());
        }
        let limit = || item.limit_words().unwrap_or_default();
        match item.item_type {
            ItemType::Number => match self.answer(&item.key) {
                None => (Verdict::NotReadYet, limit()),
                Some(typed) => match number(&typed) {
                    Some(value) => self.reading(item, value),
                    None => (Verdict::Impossible, "not a number, retype".into()),
                },
            },
            ItemType::Computed => {
                let value = item.formula.as_ref().and_then(|f| f.value(|key| self.read(key)));
                value.map_or_else(|| (Verdict::NotReadYet, limit()), |value| self.reading(item, value))
            }
            ItemType::YesNo => match self.answer(&item.key).as_deref() {
                Some("yes") => (Verdict::InLimits, "yes".into()),
                Some("no") => (Verdict::OutLow, "no".into()),
                Some(_) => (Verdict::Impossible, "answer yes or no".into()),
                None => (Verdict::NotReadYet, String::new()),
            },
            ItemType::Choice => match self.answer(&item.key) {
                Some(word) if item.choices.is_empty() || item.choices.contains(&word) => (Verdict::InLimits, word),
                Some(_) => (Verdict::Impossible, "not one of the choices".into()),
                None => (Verdict::NotReadYet, String::new()),
            },
            ItemType::Date => match self.answer(&item.key).map(|typed| typed.trim().parse::<NaiveDate>()) {
                Some(Ok(date)) => self.date(item, date),
                Some(Err(_)) => (Verdict::Impossible, "not a date, retype".into()),
                None => (Verdict::NotReadYet, String::new()),
            },
            ItemType::Text => match self.answer(&item.key) {
                Some(_) => (Verdict::InLimits, String::new()),
                None => (Verdict::NotReadYet, String::new()),
            },
            ItemType::Photo => match self.photos.get(&item.key).copied().unwrap_or_default() {
                0 => (Verdict::NotReadYet, String::new()),
                1 => (Verdict::InLimits, "1 photo".into()),
                many => (Verdict::InLimits, format!("{many} photos")),
            },
        }
    }

    fn reading(&self, item: &Item, value: f64) -> (Verdict, String) {
        let before = self.last.get(&item.key);
        let last = before.and_then(|last| last.value.as_f64());
        // A differential that repeats to the decimal was copied more often than measured; other gauges do repeat.
        let repeats = (item.unit.as_deref() == Some("psid") && item.item_type == ItemType::Number).then_some(last);
        let mut verdict = judge(Some(value), &item.limits, repeats.flatten());
        let limits = &item.limits;
        let day = before.and_then(|last| last.day);
        let since = || day.map_or_else(|| "last time".to_owned(), |day| day.year().to_string());
        let jumped = item.unit.as_deref() == Some("psi")
            && last.is_some_and(|last| last.abs() >= 1.0 && (value - last).abs() > 0.25 * last.abs());
        let below = |bound: Option<f64>| bound.filter(|bound| value < *bound);
        let above = |bound: Option<f64>| bound.filter(|bound| value > *bound);
        let mut words = match verdict {
            Verdict::OutLow => limits.min.map(|min| format!("{} low", figure(min - value))),
            Verdict::OutHigh => limits.max.map(|max| format!("{} high", figure(value - max))),
            Verdict::Impossible => below(limits.impossible_min)
                .map(|bound| format!("under {}, retype", figure(bound)))
                .or_else(|| above(limits.impossible_max).map(|bound| format!("over {}, retype", figure(bound)))),
            Verdict::Suspicious => below(limits.suspicious_min)
                .map(|bound| format!("under {}", figure(bound)))
                .or_else(|| above(limits.suspicious_max).map(|bound| format!("over {}", figure(bound))))
                .or_else(|| Some(format!("same as {}", since()))),
            Verdict::InLimits | Verdict::NotReadYet => item.limit_words(),
        }
        .unwrap_or_default();
        if verdict == Verdict::InLimits && jumped {
            verdict = Verdict::Suspicious;
            words = format!("{} in {}", last.map(figure).unwrap_or_default(), since());
        }
        if verdict == Verdict::Suspicious && self.body.confirmed.contains(&item.key) {
            return (Verdict::InLimits, "read again".into());
        }
        (verdict, words)
    }

    fn date(&self, item: &Item, date: NaiveDate) -> (Verdict, String) {
        let due = date.checked_add_months(chrono::Months::new(12));
        let confirmed = self.body.confirmed.contains(&item.key);
        if date > self.today {
            (Verdict::Impossible, "in the future, retype".into())
        } else if item.key.ends_with("calibrated_on") && due.is_some_and(|due| due < self.today) && !confirmed {
            let due = due.map(|due| due.format("%b %-d, %Y").to_string()).unwrap_or_default();
            (Verdict::Suspicious, format!("calibration was due {due}"))
        } else {
            (Verdict::InLimits, String::new())
        }
    }

    /// Answered, read, photographed, or skipped with a reason.
    pub(super) fn done(&self, item: &Item) -> bool {
        self.body.not_tested.contains_key(&item.key) || self.verdict(item).0 != Verdict::NotReadYet
    }

    /// What keeps the draft from completion, one sentence each.
    pub(super) fn before_complete(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for item in self.asked() {
            let skipped = self.body.not_tested.get(&item.key);
            if skipped.is_some_and(|reason| reason.trim().is_empty()) {
                lines.push(format!("{} was not tested. Say why.", item.label));
                continue;
            }
            if skipped.is_some() {
                continue;
            }
            match self.verdict(item) {
                (Verdict::NotReadYet, _) if item.required && item.item_type == ItemType::Photo => {
                    lines.push(format!("{} needs a photo, or a reason why not.", item.label));
                }
                (Verdict::NotReadYet, _) if item.required && item.item_type != ItemType::Computed => {
                    lines.push(format!("{} is not answered. Answer it, or say why it was not tested.", item.label));
                }
                (Verdict::Impossible, words) if item.item_type == ItemType::Computed => {
                    let parts = item.formula.as_ref().map(|formula| formula.words(|key| self.label(key)));
                    lines.push(format!("{} ({}): {words} what it is made of.", item.label, parts.unwrap_or_default()));
                }
                (Verdict::Impossible, words) => lines.push(format!("{}: {words}.", item.label)),
                (Verdict::Suspicious, words) => {
                    lines.push(format!("{}: {words}. Did you read the gauge? Press = to say yes.", item.label));
                }
                _ => {}
            }
        }
        let said_why = self.body.override_reason.as_deref().is_some_and(|reason| !reason.trim().is_empty());
        if self.body.override_passed.is_some() && !said_why {
            lines.push("Your verdict differs from the rule's. Say why.".into());
        }
        if self.body.next_due.as_deref().is_some_and(|day| day.parse::<NaiveDate>().is_err()) {
            lines.push("The next due date is not a date. Retype it.".into());
        }
        lines
    }

    /// Readings out of limits.
    pub(super) fn out_of_limits(&self) -> u32 {
        let out = self.asked().filter(|item| {
            matches!(item.item_type, ItemType::Number | ItemType::Computed)
                && matches!(self.verdict(item).0, Verdict::OutLow | Verdict::OutHigh)
        });
        u32::try_from(out.count()).unwrap_or(u32::MAX)
    }

    /// Required items done, of required items asked.
    pub(super) fn answered(&self) -> (u32, u32) {
        let required: Vec<&Item> =
            self.asked().filter(|item| item.required && item.item_type != ItemType::Computed).collect();
        let done = required.iter().filter(|item| self.done(item)).count();
        (u32::try_from(done).unwrap_or(u32::MAX), u32::try_from(required.len()).unwrap_or(u32::MAX))
    }

    /// The rule's verdict: the worst item. What could not be completed never passes, and is no fail either.
    pub(super) fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::Passed;
        for item in self.asked() {
            let worth = match (self.body.not_tested.get(&item.key), self.verdict(item).0) {
                (Some(reason), _) if matches!(reason.as_str(), "na" | "not_applicable") => Outcome::Passed,
                (Some(_), _) if item.required => Outcome::Open,
                (None, Verdict::OutLow | Verdict::OutHigh) if item.ends_test => return Outcome::Open,
                (None, Verdict::OutLow | Verdict::OutHigh) => Outcome::Failed,
                _ => Outcome::Passed,
            };
            outcome = match (outcome, worth) {
                (Outcome::Failed, _) | (_, Outcome::Failed) => Outcome::Failed,
                (Outcome::Open, _) | (_, Outcome::Open) => Outcome::Open,
                _ => Outcome::Passed,
            };
        }
        let grave = self.body.deficiencies.iter().any(|d| d.severity >= Severity::Critical);
        if grave && outcome == Outcome::Passed { Outcome::Failed } else { outcome }
    }

    /// What is kept: numbers as numbers, yes and no as such, and nothing that no gauge can show.
    pub(super) fn measurements(&self) -> Map<String, Value> {
        let mut kept = Map::new();
        for item in self.asked().filter(|item| !self.body.not_tested.contains_key(&item.key)) {
            let value = match item.item_type {
                ItemType::Number | ItemType::Computed => {
                    self.value(&item.key).and_then(serde_json::Number::from_f64).map(Value::Number)
                }
                ItemType::YesNo => self.answer(&item.key).map(|answer| Value::Bool(answer == "yes")),
                ItemType::Photo => None,
                ItemType::Choice | ItemType::Text | ItemType::Date => self.answer(&item.key).map(Value::String),
            };
            if let Some(value) = value {
                kept.insert(item.key.clone(), value);
            }
        }
        kept
    }
}

/// When a thing inspected on `day` is due again.
pub(super) fn next_due(frequency: &str, day: NaiveDate) -> Option<NaiveDate> {
    let months = match frequency {
        "weekly" => return day.checked_add_days(chrono::Days::new(7)),
        "monthly" => 1,
        "quarterly" => 3,
        "semiannual" => 6,
        "annual" => 12,
        years => years.strip_suffix('y')?.parse::<u32>().ok()?.checked_mul(12)?,
    };
    day.checked_add_months(chrono::Months::new(months))
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
