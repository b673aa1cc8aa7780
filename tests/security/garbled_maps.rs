//! Column maps that somebody got wrong, and files that are not what the map is for: a sentence, and nothing imported.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use clara_central::AdminError;
use clara_central::import::{ColumnMap, import};
use clara_tests::{Company, block_on};
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::figure::{figure, scaled};
use crate::garbled::spoilt;
use crate::values::{document, text};

/// Something of everything that a map can say.
const MAP: &str = r#"{
  "about": "Devices of a company, one line each.", "format": "csv", "delimiter": ",", "encoding": "utf-8",
  "records": [
    {"into": "manufacturers", "fields": {"name": {"column": "maker", "then": ["collapse_blanks", {"cut": 80}]}}},
    {"into": "customers", "key": ["company"], "repeat": "first", "existing": "keep", "fields": {
      "company_name": {"text": "Owner of {company}"}, "notes": {"first_of": ["notes", {"value": "none"}]},
      "metadata": {"object": {"note": "notes", "n": {"column": "number", "then": [{"blank": ["-"]}, "integer"]}}}}},
    {"into": "locations", "name": "site", "key": ["company", {"column": "address"}], "when": "address",
     "repeat": "first", "fields": {
      "customer_id": {"record": "customers"}, "location_name": "address", "address": {"text": "{address}, {company}"}}},
    {"into": "equipment_inventory", "key": ["company", "serial"], "fields": {
      "location_id": {"record": "site"}, "serial_number": {"column": "serial", "then": ["upper", {"strip_prefix": "SN"}]},
      "equipment_category": {"column": "kind", "then": [{"words": {"Pump": "fire_pump", "*": "hvac"}}]},
      "installation_date": {"column": "installed", "then": ["day_first_date"]},
      "components": {"object": {"tags": {"list": ["notes", {"uuid_of": ["serial"]}]}}}}},
    {"into": "jobs", "fields": {
      "job_number": {"text": "J-{serial}"}, "customer_id": {"record": "customers"}, "location_id": {"record": "site"},
      "assigned_technician_id": {"find": "users", "by": "mail"}, "job_type": {"value": "inspection"},
      "title": {"column": "kind", "then": [{"default": "Visit"}]}, "scheduled_date": {"value": "2026-03-02"}}}
  ]
}"#;

const TOML: &str = r#"about = "Devices of a company, one line each."
format = "csv"
delimiter = ","
encoding = "utf-8"

[[records]]
into = "manufacturers"
fields.name = { column = "maker", then = ["collapse_blanks", { cut = 80 }] }

[[records]]
into = "customers"
key = ["company"]
repeat = "first"
existing = "keep"
[records.fields]
company_name = { text = "Owner of {company}" }
notes = { first_of = ["notes", { value = "none" }] }
[records.fields.metadata.object]
note = "notes"
n = { column = "number", then = [{ blank = ["-"] }, "integer"] }

[[records]]
into = "locations"
name = "site"
key = ["company", { column = "address" }]
when = "address"
repeat = "first"
[records.fields]
customer_id = { record = "customers" }
location_name = "address"
address = { text = "{address}, {company}" }
"#;

const COLUMNS: &str = "maker,company,notes,number,address,serial,kind,installed,mail";

/// Lines that the map takes, each other than all before.
fn lines(run: u64) -> Vec<Vec<String>> {
    let line = |n: u64| {
        let (kind, mail) = (if n == 0 { "Pump" } else { "Fan" }, if n == 0 { "ana@company.example" } else { "" });
        let about = [format!("Maker {run}"), format!("Company {run}"), "dusty".into(), n.to_string()];
        let device =
            [format!("{n} Quay Street"), format!("SN{run}-{n}"), kind.into(), "08.07.2024".into(), mail.into()];
        about.into_iter().chain(device).collect()
    };
    (0..3).map(line).collect()
}

fn csv(run: u64) -> String {
    let lines: Vec<String> = lines(run).into_iter().map(|line| line.join(",")).collect();
    format!("{COLUMNS}\n{}\n", lines.join("\n"))
}

/// Every place in a document.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(map) => map.iter().for_each(|(key, inner)| {
            places(inner, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
        }),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, inner)| places(inner, &format!("{at}/{n}"), into))
        }
        _ => {}
    }
}

/// The map with some of its parts in the place of others, or with something else there.
fn rearranged(chance: &mut Chance, from: &Value) -> Value {
    let mut map = from.clone();
    for _ in 0..=chance.below(3) {
        let mut all = Vec::new();
        places(&map, "", &mut all);
        let (at, other) = (chance.pick(&all).clone(), chance.pick(&all).clone());
        let known = map.pointer(&other).cloned().unwrap_or_default();
        let Some(place) = map.pointer_mut(&at) else { continue };
        match (chance.below(7), &mut *place) {
            (0, Value::Object(object)) if !object.is_empty() => {
                let key = object.keys().nth(chance.below(object.len())).cloned().unwrap_or_default();
                let moved = object.remove(&key).unwrap_or_default();
                if chance.one_in(2) {
                    object.insert(chance.pick(NAMES).to_string(), moved);
                }
            }
            (1, Value::Object(object)) => {
                object.insert(chance.pick(NAMES).to_string(), known);
            }
            (2, Value::Array(items)) => items.push(known),
            (3, _) => *place = serde_json::from_str(&document(chance, 3)).unwrap_or(Value::Null),
            (4, _) => *place = json!(chance.pick(NAMES)),
            (5, _) => *place = json!(text(chance)),
            _ => *place = known,
        }
    }
    map
}

/// Words of a map, in places where they may be right, wrong or half right.
const NAMES: &[&str] = &[
    "into",
    "name",
    "key",
    "fields",
    "when",
    "repeat",
    "existing",
    "column",
    "value",
    "text",
    "record",
    "object",
    "list",
    "first_of",
    "uuid_of",
    "find",
    "by",
    "then",
    "collect",
    "records",
    "format",
    "delimiter",
    "encoding",
    "about",
    "customers",
    "locations",
    "users",
    "site",
    "company",
    "serial",
    "notes",
    "metadata",
    "components",
    "company_name",
    "job_number",
    "checklist",
    "latitude",
    "id",
    "row_ver",
    "created_at",
    "json",
    "jsonl",
    "update",
    "trim",
    "number",
    "boolean",
    "split",
    "words",
    "default",
    "{company}",
    "{",
    "}{",
    "utf-16",
    "windows-1252",
    "",
];

/// Words of the program's inside, which tell nobody what to change.
const INNER: &[&str] = &["untagged", "variant of", "enum Field", "struct "];

/// Rows of every table that can be imported into.
fn rows(company: &Company) -> BTreeMap<String, u64> {
    const TABLES: [&str; 10] = [
        "manufacturers",
        "equipment_models",
        "common_problems",
        "spec_limits",
        "customers",
        "locations",
        "equipment_inventory",
        "jobs",
        "job_equipment",
        "inspection_records",
    ];
    let counts: Vec<String> = TABLES.iter().map(|table| format!("SELECT '{table}', count(*) FROM {table}")).collect();
    let said = company.office(&counts.join(" UNION ALL "));
    let line = |line: &str| line.split_once('|').map(|(table, count)| (table.to_owned(), count.parse().unwrap()));
    said.lines().filter_map(line).collect()
}

/// What has come in so far, by what the imports said.
struct Books {
    company: Company,
    said: BTreeMap<String, u64>,
    refused: u64,
    imported: u64,
    wrong: Vec<String>,
}

impl Books {
    fn open() -> Books {
        let company = Company::found();
        let said = rows(&company);
        assert_eq!(said.len(), 10);
        Books { company, said, refused: 0, imported: 0, wrong: Vec::new() }
    }

    fn import(&mut self, map: &str, file: &Path) {
        let parsed = catch_unwind(|| ColumnMap::parse(map));
        let Ok(parsed) = parsed else { return self.wrong.push(format!("panic on the map {map}")) };
        let done = parsed.and_then(|parsed| {
            catch_unwind(AssertUnwindSafe(|| block_on(import(&self.company.admin(), &parsed, file, |_| ()))))
                .unwrap_or_else(|_| {
                    self.wrong.push(format!("panic in an import by {map}"));
                    Err(AdminError::Map("it panicked, which is told already".into()))
                })
        });
        match done {
            Ok(report) => {
                self.imported += 1;
                for (table, counts) in &report.tables {
                    *self.said.entry(table.clone()).or_default() += counts.added;
                }
                let silent = report.refused.iter().filter(|refusal| refusal.reason.len() < 8).count();
                if silent > 0 {
                    self.wrong.push(format!("{silent} lines are refused without words by {map}"));
                }
            }
            Err(error @ (AdminError::Map(_) | AdminError::Unfit(_))) => {
                self.refused += 1;
                let said = error.to_string();
                if said.len() < 45 || INNER.iter().any(|word| said.contains(word)) {
                    self.wrong.push(format!("{said:?} is no sentence for {map}"));
                }
            }
            Err(other) => self.wrong.push(format!("{other:?} is no answer to {map}")),
        }
    }

    fn close(mut self, name: &str, count: u64) {
        println!("{} refused, {} imported as far as their lines allow", self.refused, self.imported);
        let there = rows(&self.company);
        if there != self.said {
            self.wrong.push(format!("rows came in that no import tells of: {there:?}, told {:?}", self.said));
        }
        figure(name, count, &self.wrong);
    }
}

#[test]
fn a_garbled_column_map_is_refused_in_words_and_nothing_is_imported_by_it() {
    let mut books = Books::open();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, csv(0)).unwrap();
    for map in [MAP, TOML] {
        books.import(map, &file);
    }
    assert_eq!((books.imported, books.refused), (2, 0), "unharmed, they are taken: {:?}", books.wrong);
    let whole: Value = serde_json::from_str(MAP).unwrap();
    let mut chance = Chance::new(11);
    let count = scaled(2_000, 60_000);
    for n in 1..=count {
        let map = match n % 4 {
            0 => spoilt(&mut chance, TOML),
            1 => spoilt(&mut chance, MAP),
            _ => rearranged(&mut chance, &whole).to_string(),
        };
        // Lines of its own: what was there already would not be told from what was not imported.
        std::fs::write(&file, csv(n)).unwrap();
        books.import(&map, &file);
    }
    assert!(books.refused > count / 3 && books.imported > count / 50, "{} {}", books.refused, books.imported);
    books.close("garbled column maps", count);
}

#[test]
fn a_mistake_in_a_column_map_is_named_with_its_line() {
    let cases = [
        (MAP.replace("\"records\": [\n", "\"records\": [7,\n"), "a record, an object with `into`", 3),
        (MAP.replace("\"by\": \"mail\"", "\"buy\": \"mail\""), "`buy`", 18),
        (MAP.replace("\"day_first_date\"", "\"day_first\""), "`day_first`", 14),
        (MAP.replace("\"notes\", \"n\": {", "7, \"n\": {"), "the name of a column, or an object", 7),
        (TOML.replace("{ text = \"{address}", "{ texts = \"{address}"), "`texts`", 31),
        (TOML.replace("company_name = {", "notes = {"), "duplicate key", 17),
        (TOML.replace("existing = \"keep\"", "existing = \"kept\""), "`kept`", 14),
    ];
    let count = cases.len() as u64;
    let mut wrong = Vec::new();
    for (map, word, line) in cases {
        let said = ColumnMap::parse(&map).unwrap_err().to_string();
        if !said.contains(word) || !said.contains(&format!("line {line}")) {
            wrong.push(format!("{word} on line {line}: {said}"));
        }
    }
    figure("mistakes in a column map, named with their line", count, &wrong);
}

#[test]
fn a_column_map_of_any_depth_is_refused_and_ends_no_program() {
    let mut books = Books::open();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rows.csv");
    std::fs::write(&file, csv(0)).unwrap();
    let record = |field: &str| {
        format!(r#"{{"records": [{{"into": "customers", "key": ["company"], "fields": {{"notes": {field}}}}}]}}"#)
    };
    let mut count = 0;
    for depth in [200, 5_000, 200_000] {
        let (open, close) = (|text: &str| text.repeat(depth), |text: &str| text.repeat(depth));
        let maps = [
            record(&format!("{}1{}", open("["), close("]"))),
            record(&format!("{}\"notes\"{}", open(r#"{"first_of": ["#), close("]}"))),
            record(&format!("{}\"notes\"{}", open(r#"{"object": {"a": "#), close("}}"))),
            format!("[[records]]\ninto = \"customers\"\nfields.notes = {}1{}\n", open("["), close("]")),
            format!("[[records]]\ninto = \"customers\"\nfields.notes = {}1{}\n", open("{ a = "), close(" }")),
            format!("[[records]]\ninto = \"customers\"\nfields{}.b = 1\n", open(".object.a")),
            format!("[records{}]\ninto = \"customers\"\n", open(".a")),
        ];
        for map in maps {
            count += 1;
            books.import(&map, &file);
        }
    }
    assert_eq!(books.imported, 0);
    books.close("column maps nested without end", count);
}

#[test]
fn a_garbled_file_of_any_kind_gives_what_can_be_read_and_says_of_the_rest_why_not() {
    let mut books = Books::open();
    let folder = tempfile::tempdir().unwrap();
    let mut chance = Chance::new(12);
    let names: Vec<&str> = COLUMNS.split(',').collect();
    let count = scaled(240, 8_000);
    for n in 0..count {
        let objects: Vec<Value> = lines(n)
            .into_iter()
            .map(|line| names.iter().copied().map(str::to_owned).zip(line.into_iter().map(Value::from)).collect())
            .collect();
        let (name, format, encoding, given) = match n % 4 {
            0 => ("rows.json", "json", "utf-8", spoilt(&mut chance, &json!(objects).to_string()).into_bytes()),
            1 => {
                let lines: Vec<String> = objects.iter().map(Value::to_string).collect();
                ("rows.jsonl", "jsonl", "utf-8", spoilt(&mut chance, &lines.join("\n")).into_bytes())
            }
            2 => {
                // As a spreadsheet saves it, with some of its bytes changed.
                let mut bytes = vec![0xff, 0xfe];
                bytes.extend(csv(n).encode_utf16().flat_map(u16::to_le_bytes));
                for _ in 0..chance.below(6) {
                    let at = chance.below(bytes.len());
                    bytes[at] ^= 1 << chance.below(8);
                }
                bytes.truncate(bytes.len() - chance.below(3));
                ("rows.csv", "csv", "utf-16", bytes)
            }
            _ => {
                // A workbook is a packed folder, and no text at all.
                let mut bytes = b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00".to_vec();
                bytes.extend((0..400).map(|_| chance.below(256) as u8));
                ("rows.xlsx", *chance.pick(&["csv", "json", "jsonl"]), "utf-8", bytes)
            }
        };
        let mut map: Value = serde_json::from_str(MAP).unwrap();
        (map["format"], map["encoding"]) = (json!(format), json!(encoding));
        let file = folder.path().join(name);
        std::fs::write(&file, given).unwrap();
        books.import(&map.to_string(), &file);
    }
    assert!(books.imported > count / 4 && books.refused > count / 20, "{} {}", books.imported, books.refused);
    books.close("garbled import files of other kinds", count);
}
