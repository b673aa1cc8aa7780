#![allow(clippy::unwrap_used)]

use clara_contract::inspection::Deficiency;
use clara_domain::mirror::Entity;
use clara_domain::row::Row;
use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::field::Record;

fn item(fields: Value) -> Item {
    let table = Entity::TemplateItems.table().unwrap();
    let row = Row::from_fields(table, Uuid::nil(), 1, fields.as_object().unwrap());
    Item::read(&Record::of(Entity::TemplateItems, &row))
}

/// A backflow test: check 1 at least 5, relief at least 2, the buffer between them at least 3.
fn backflow() -> Vec<Item> {
    let reading = |key: &str, min: f64| {
        json!({"item_key": key, "section": "Test", "label": key, "item_type": "number", "unit": "psid",
            "is_required": true, "limit_min": min, "impossible_min": 0, "impossible_max": 30,
            "deficiency": {"severity": "critical", "text": format!("{key} low"), "action": "Rebuild"}})
    };
    vec![
        item(json!({"item_key": "shutoff_2", "section": "Before", "label": "Shutoff 2 holds", "item_type": "yes_no",
            "is_required": true, "deficiency": {"severity": "noncritical", "text": "leaks by", "cannot_complete": true}})),
        item(reading("check_1", 5.0)),
        item(reading("relief", 2.0)),
        item(
            json!({"item_key": "buffer", "section": "Test", "label": "Buffer", "item_type": "computed", "unit": "psid",
            "is_required": true, "limit_min": 3.0, "choices": {"op": "minus", "of": ["check_1", "relief"]}}),
        ),
        item(
            json!({"item_key": "belt", "section": "Drive", "label": "Belt", "item_type": "yes_no", "is_required": true,
            "condition": {"components.drive": "belt"}}),
        ),
    ]
}

struct Story {
    items: Vec<Item>,
    body: DraftBody,
    equipment: Fields,
    last: BTreeMap<String, Last>,
    photos: BTreeMap<String, u32>,
}

impl Story {
    fn new(answers: &[(&str, &str)]) -> Story {
        let answers = answers.iter().map(|(key, answer)| ((*key).to_owned(), (*answer).to_owned())).collect();
        Story {
            items: backflow(),
            body: DraftBody { answers, ..DraftBody::default() },
            equipment: Fields::new(),
            last: [("check_1", 6.4), ("relief", 2.4)]
                .map(|(key, value)| (key.to_owned(), Last { value: json!(value), day: "2025-11-20".parse().ok() }))
                .into(),
            photos: BTreeMap::new(),
        }
    }

    fn visit(&self) -> Visit<'_> {
        Visit {
            items: &self.items,
            body: &self.body,
            equipment: &self.equipment,
            last: &self.last,
            photos: &self.photos,
            today: "2026-11-22".parse().unwrap(),
        }
    }

    fn verdict(&self, key: &str) -> (Verdict, String) {
        let visit = self.visit();
        visit.verdict(self.items.iter().find(|item| item.key == key).unwrap())
    }
}

#[test]
fn a_relief_valve_that_opens_late_says_by_how_much_and_proposes_what_to_do() {
    let story = Story::new(&[("shutoff_2", "yes"), ("check_1", "6.1"), ("relief", "1.8")]);
    assert_eq!(story.verdict("relief"), (Verdict::OutLow, "0.2 low".into()));
    let sections = story.visit().sections();
    let relief = sections[1].items.iter().find(|sheet| sheet.key == "relief").unwrap();
    assert_eq!(relief.last.as_deref(), Some("2.4"));
    assert_eq!(relief.proposed.as_ref().unwrap().severity, Severity::Critical);
    assert_eq!(story.visit().outcome(), Outcome::Failed);
    assert_eq!(story.visit().out_of_limits(), 1, "the buffer is 4.3 and fine");
    assert!(story.visit().before_complete().is_empty());
}

#[test]
fn a_computed_item_follows_its_operands_without_the_noise_of_binary_decimals() {
    let story = Story::new(&[("check_1", "5.4"), ("relief", "2.4")]);
    assert_eq!(story.visit().value("buffer"), Some(3.0));
    assert_eq!(story.verdict("buffer").0, Verdict::InLimits, "exactly the limit");
    assert_eq!(Story::new(&[("check_1", "5.4")]).verdict("buffer").0, Verdict::NotReadYet);
}

#[test]
fn the_same_reading_as_last_year_wants_one_key() {
    let mut story = Story::new(&[("shutoff_2", "yes"), ("check_1", "6.4"), ("relief", "2.5")]);
    assert_eq!(story.verdict("check_1"), (Verdict::Suspicious, "same as 2025".into()));
    assert_eq!(story.visit().before_complete(), ["check_1: same as 2025. Did you read the gauge? Press = to say yes."]);
    story.body.confirmed.push("check_1".into());
    assert_eq!(story.verdict("check_1").0, Verdict::InLimits);
    assert_eq!(story.visit().outcome(), Outcome::Passed);
}

#[test]
fn what_no_gauge_can_show_is_not_stored_as_a_reading() {
    let story = Story::new(&[("shutoff_2", "yes"), ("check_1", "712"), ("relief", "2.5")]);
    assert_eq!(story.verdict("check_1"), (Verdict::Impossible, "over 30, retype".into()));
    assert!(!story.visit().measurements().contains_key("check_1"));
    assert!(!story.visit().measurements().contains_key("buffer"), "nor what is computed from it");
    assert_eq!(story.visit().before_complete(), ["check_1: over 30, retype."]);
}

#[test]
fn numbers_are_typed_numbers_and_ambiguous_ones_are_asked_for_again() {
    for (typed, value) in [("1,250", Some(1250.0)), (" 6.10 ", Some(6.1)), ("-3", Some(-3.0)), ("+2.", Some(2.0))] {
        assert_eq!(number(typed), value, "{typed}");
    }
    for typed in ["5,5", "1,2345", "1e400", "inf", "NaN", "6..1", "six", "", ",250", "٦"] {
        assert_eq!(number(typed), None, "{typed}");
    }
    let story = Story::new(&[("shutoff_2", "yes"), ("check_1", "6.10"), ("relief", "2")]);
    assert_eq!(
        Value::Object(story.visit().measurements()),
        json!(
            {"shutoff_2": true, "check_1": 6.1, "relief": 2.0, "buffer": 4.1}
        )
    );
}

#[test]
fn a_test_that_cannot_be_completed_is_neither_passed_nor_failed() {
    let story = Story::new(&[("shutoff_2", "no"), ("check_1", "1.0"), ("relief", "0.5")]);
    assert_eq!(story.visit().outcome(), Outcome::Open, "with a leaking shutoff the readings mean nothing");
    let mut skipped = Story::new(&[("shutoff_2", "yes"), ("check_1", "6.1")]);
    skipped.body.not_tested.insert("relief".into(), "no access".into());
    assert_eq!(skipped.visit().outcome(), Outcome::Open, "not tested never counts as passed");
    skipped.body.answers.insert("check_1".into(), "4.0".into());
    assert_eq!(skipped.visit().outcome(), Outcome::Failed, "the worst item decides");
    skipped.body.not_tested.insert("relief".into(), " ".into());
    assert_eq!(skipped.visit().before_complete(), ["relief was not tested. Say why."]);
}

#[test]
fn a_grave_deficiency_fails_a_visit_whose_items_all_pass() {
    let mut story = Story::new(&[("shutoff_2", "yes"), ("check_1", "6.1"), ("relief", "2.5")]);
    assert_eq!(story.visit().outcome(), Outcome::Passed);
    story.body.deficiencies.push(Deficiency {
        id: Uuid::nil(),
        severity: Severity::Critical,
        text: "No air gap".into(),
        action: None,
        item_key: None,
    });
    assert_eq!(story.visit().outcome(), Outcome::Failed);
}

#[test]
fn an_item_is_asked_only_of_what_it_fits() {
    let mut story = Story::new(&[]);
    assert!(story.visit().asked().all(|item| item.key != "belt"));
    story.equipment = json!({"components": {"drive": "belt"}}).as_object().unwrap().clone();
    assert!(story.visit().asked().any(|item| item.key == "belt"));
    assert_eq!(story.visit().answered(), (0, 4), "computed items are nobody's to answer");
}

#[test]
fn due_again_by_the_frequency_of_the_template() {
    let day: NaiveDate = "2024-02-29".parse().unwrap();
    let due = |frequency: &str| next_due(frequency, day).map(|day| day.to_string());
    assert_eq!(due("annual").as_deref(), Some("2025-02-28"));
    assert_eq!(due("quarterly").as_deref(), Some("2024-05-29"));
    assert_eq!(due("weekly").as_deref(), Some("2024-03-07"));
    assert_eq!(due("12y").as_deref(), Some("2036-02-29"));
    assert_eq!(due("on_event"), None);
}

#[test]
fn a_models_own_limit_comes_before_that_of_its_category_and_one_in_another_unit_does_not() {
    let own = |fields: Value| {
        let table = Entity::SpecLimits.table().unwrap();
        let row = Row::from_fields(table, Uuid::nil(), 1, fields.as_object().unwrap());
        Record::of(Entity::SpecLimits, &row)
    };
    let mut story = Story::new(&[("check_1", "6.1"), ("relief", "2.2")]);
    let judged = |story: &Story, at: usize| story.visit().verdict(&story.items[at]).0;
    assert_eq!((judged(&story, 1), judged(&story, 2)), (Verdict::InLimits, Verdict::InLimits));
    let stated = [
        own(json!({"item_key": "relief", "unit": "psid", "limit_min": 2.5, "limit_source": "Manual 4.2"})),
        own(json!({"item_key": "check_1", "unit": "bar", "limit_min": 9.0, "limit_source": "Manual 4.3"})),
        own(json!({"item_key": "check_1", "unit": "psid", "limit_max": 6.0, "limit_source": "Manual 4.4"})),
    ];
    for item in &mut story.items {
        stated.iter().for_each(|own| item.limited_by(own));
    }
    assert_eq!((judged(&story, 1), judged(&story, 2)), (Verdict::OutHigh, Verdict::OutLow));
    assert_eq!(story.items[2].limit_source.as_deref(), Some("Manual 4.2"));
    assert_eq!(story.items[1].limits.min, Some(5.0), "what the model does not state stays as it was");
    assert_eq!(story.items[2].limits.impossible_max, Some(30.0));
}
