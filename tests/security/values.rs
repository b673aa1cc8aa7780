//! Random values through the save on a laptop and the push to the server: what the one takes the other takes, and it
//! comes back as it was; what is refused is refused at the save, with a reason.

use clara_domain::mirror::Entity;
use clara_domain::row::Fields;
use clara_tests::{Company, Device, ids};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::chance::Chance;
use crate::figure::{figure, scaled};

const PIECES: &[&str] = &[
    "pump",
    "5 µF ≤ 6 %",
    "消防ポンプ",
    "👩🏽‍🚒",
    "🇨🇦",
    "e\u{301}",
    "é",
    "\u{202e}gnp.exe",
    "\u{2066}a\u{2069}",
    "\u{feff}",
    "\u{200d}",
    "\u{0}",
    "\u{1}",
    "\u{1b}[31m",
    "\u{7f}",
    "\u{85}",
    "\u{2028}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{10ffff}",
    "\u{e000}",
    "\t",
    "\r\n",
    "\n",
    "\"",
    "\\",
    "\\u0000",
    "\\ud800",
    "'",
    "''",
    "';--",
    "' OR 1=1 --",
    "$$",
    "$1",
    "%s%n",
    "{}",
    "[]",
    "null",
    "\\x00",
    "E'\\\\'",
    "); DROP TABLE jobs; --",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "{{7*7}}",
    "../../etc/passwd",
    "..\\..\\",
    "C:\\CON",
    "\\\\?\\",
    "/dev/null",
    "NaN",
    "Infinity",
    "-0",
    "1e400",
    "0x7f",
    "true",
    " ",
    "  ",
    "\u{a0}",
    "ß",
    "İ",
    "ı",
    "ﬀ",
    "\u{1f3fd}",
    "ก็็็็็",
    "Z\u{335}\u{321}",
    "2026-02-30",
    "=1+1",
    "@SUM(A1)",
];

const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "0.0",
    "-0.0",
    "1e400",
    "-1e400",
    "1e308",
    "1.7976931348623157e308",
    "5e-324",
    "1e-400",
    "9007199254740993",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775808",
    "-9223372036854775809",
    "0.1",
    "1E5",
    "1e17",
    "1e22",
    "1e23",
];
/// No texts: words of JSON, right and wrong.
const WORDS: &[&str] = &[
    "true",
    "false",
    "null",
    "NaN",
    "Infinity",
    "undefined",
    "\"\\ud800\"",
    "\"\\udc00\\ud800\"",
    "\"\\u0000\"",
    "'x'",
    "\"\\ud83d\\ude00\"",
    "01",
    "1.",
    "",
];

/// A text: mostly short, of the pieces that have broken programs; now and then about as long as a column takes.
pub fn text(chance: &mut Chance) -> String {
    let mut text = String::new();
    for _ in 0..chance.below(5) {
        text.push_str(chance.pick::<&str>(PIECES));
    }
    if chance.one_in(3) {
        for _ in 0..chance.below(6) {
            text.extend(char::from_u32(chance.next() as u32 % 0x11_0000));
        }
    }
    if chance.one_in(60) {
        let long = *chance.pick(&[49, 50, 51, 254, 255, 256, 499, 500, 501]);
        let filler: &str = chance.pick::<&str>(&["x", "é", "👩", "\u{301}", " "]);
        text = filler.repeat(long);
    }
    text
}

/// A number as it may be written.
fn number(chance: &mut Chance) -> String {
    let digits = |chance: &mut Chance, n: usize| -> String {
        (0..n)
            .map(|at| char::from(b'0' + chance.below(if at == 0 { 9 } else { 10 }) as u8 + u8::from(at == 0)))
            .collect()
    };
    match chance.below(9) {
        0 => (*chance.pick(NUMBERS)).to_owned(),
        1 => {
            let n = 15 + chance.below(26);
            digits(chance, n)
        }
        2 => {
            let n = 1 + chance.below(8);
            format!("{}.{}", digits(chance, n), digits(chance, 15 + n))
        }
        3 => format!("-{}e{}", digits(chance, 3), chance.below(320)),
        4 => format!("{}.{}e-{}", digits(chance, 1), digits(chance, 16), chance.below(330)),
        5 => format!("{}", f64::from_bits(chance.next())),
        6 => format!("{}", chance.next() as i64),
        _ => format!("{}", chance.below(1000)),
    }
}

/// A JSON document as it may be written, or something that is none.
pub fn document(chance: &mut Chance, depth: usize) -> String {
    if chance.one_in(300) {
        return edge(chance);
    }
    match chance.below(if depth == 0 { 5 } else { 8 }) {
        0 => number(chance),
        1 => (*chance.pick(WORDS)).to_owned(),
        2..5 => json!(text(chance)).to_string(),
        5 | 6 => {
            let items: Vec<String> = (0..chance.below(5))
                .map(|_| format!("{}: {}", json!(text(chance)), document(chance, depth - 1)))
                .collect();
            format!("{{{}}}", items.join(", "))
        }
        _ => {
            let items: Vec<String> = (0..chance.below(5)).map(|_| document(chance, depth - 1)).collect();
            format!("[{}]", items.join(","))
        }
    }
}

/// Deep and long documents, on both sides of what is taken.
fn edge(chance: &mut Chance) -> String {
    let depth = *chance.pick(&[62, 63, 64, 65, 66, 100, 127, 2_000]);
    match chance.below(3) {
        0 => format!("{}1{}", "[".repeat(depth), "]".repeat(depth)),
        1 => format!("{}1{}", "{\"a\": ".repeat(depth), "}".repeat(depth)),
        _ => format!("{}{}", "[{\"a\": ".repeat(depth / 2), format_args!("1{}", "}]".repeat(depth / 2))),
    }
}

/// Documents about as long as a column takes, of things that are longer or shorter in the server's own writing.
fn long(n: usize) -> Value {
    let million = 1 << 20;
    match n % 12 {
        0 => json!(vec!["a"; million / 5 + 40]),
        1 => json!(vec![""; million / 4 - 10]),
        2 => json!({"k": "\u{1}".repeat(million / 6)}),
        3 => json!(vec!["\u{1}".repeat(250_000); 4]),
        4 => json!(vec!["\"\\\n".repeat(80_000); 3]),
        5 => json!(vec![1e300; 4_000]),
        6 => json!(vec![5e-324; 1_000]),
        7 => json!(vec![1_000_000; million / 9 - 40]),
        8 => json!({"k": "x".repeat(262_144)}),
        9 => json!({"k": "x".repeat(262_145)}),
        10 => Value::Object((0..95_000).map(|n| (format!("{n:05}"), json!(1))).collect()),
        _ => json!(vec!["消".repeat(87_381); 4]),
    }
}

fn date(chance: &mut Chance) -> String {
    let year = *chance
        .pick(&["0000", "0001", "1000", "1582", "1900", "2024", "2026", "9999", "10000", "-0001", "294277", "99"]);
    let month = *chance.pick(&["01", "02", "06", "10", "12", "00", "13", "2"]);
    let day = *chance.pick(&["01", "05", "15", "28", "29", "30", "31", "00", "32"]);
    format!("{year}-{month}-{day}")
}

fn moment(chance: &mut Chance) -> String {
    let time = *chance.pick(&[
        "00:00:00",
        "23:59:59",
        "23:59:60",
        "24:00:00",
        "12:30:15.123456",
        "12:30:15.1234567",
        "23:59:59.9999999",
        "02:30:00",
    ]);
    let zone = *chance.pick(&["Z", "+00:00", "-05:00", "+14:00", "-12:00", "+05:30", "+25:00", ""]);
    format!("{}T{time}{zone}", date(chance))
}

fn real(chance: &mut Chance) -> Value {
    serde_json::from_str(&number(chance)).unwrap_or_else(|_| json!(number(chance)))
}

/// A row to save: a kind of record and what was entered into it. What is no JSON at all is refused before there is a
/// row, and counted by itself.
fn row(chance: &mut Chance, unread: &mut u64) -> (Entity, Fields) {
    let mut json = |chance: &mut Chance, object: bool| loop {
        let text =
            if object { format!("{{{}: {}}}", json!(text(chance)), document(chance, 3)) } else { document(chance, 3) };
        match serde_json::from_str::<Value>(&text) {
            Ok(value) => return value,
            Err(reason) => {
                assert!(!reason.to_string().is_empty());
                *unread += 1;
            }
        }
    };
    let (entity, fields) = match chance.below(3) {
        0 => (
            Entity::EquipmentInventory,
            json!({
                "location_id": ids::TOWER, "equipment_category": "other", "notes": text(chance), "serial_number": text(chance),
                "manual_manufacturer": text(chance), "manual_model_number": text(chance), "location_detail": text(chance),
                "installation_date": date(chance), "components": json(chance, true), "metadata": json(chance, true),
            }),
        ),
        1 => (
            Entity::InspectionRecords,
            json!({
                "job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "inspector_id": ids::ANA, "inspection_date": date(chance),
                "next_inspection_due": date(chance), "inspection_type": text(chance), "findings": text(chance),
                "recommendations": text(chance), "measurements": json(chance, true), "deficiencies": json(chance, false),
            }),
        ),
        _ => (
            Entity::DataCaptureLogs,
            json!({
                "job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "technician_id": ids::ANA, "captured_fields": json(chance, false),
                "missing_fields": json(chance, false), "completion_percentage": real(chance), "captured_at": moment(chance),
            }),
        ),
    };
    let Value::Object(fields) = fields else { unreachable!("an object") };
    (entity, fields)
}

/// Without these there is no record; where one of them is refused, a plain one takes its place.
fn plain(field: &str) -> Option<Value> {
    match field {
        "inspection_date" => Some(json!("2026-03-02")),
        "captured_fields" => Some(json!([])),
        _ => None,
    }
}

/// What is told apart: every byte of a text, every key, the value of a number. PostgreSQL keeps numbers as decimals, so
/// that 1e17 comes back as 100000000000000000 and the sign of a zero is gone.
fn same(saved: &Value, back: &Value) -> bool {
    match (saved, back) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => saved == back,
    }
}

struct Ran {
    tried: u64,
    refused: std::collections::BTreeMap<String, u64>,
    failures: Vec<String>,
}

/// Saves rows, sends them, and compares what came back.
fn round(ana: &mut Device, company: &Company, rows: Vec<(Entity, Fields)>, ran: &mut Ran) {
    let mut saved: Vec<(Entity, Uuid, Fields)> = Vec::new();
    ana.save(|tx| {
        for (entity, mut fields) in rows {
            ran.tried += fields.len() as u64;
            let id = tx.new_id()?;
            loop {
                match tx.insert(entity, id, id, fields.clone()) {
                    Ok(_) => break,
                    Err(clara_local::MirrorError::BadValue { field, reason, .. }) => {
                        *ran.refused
                            .entry(format!("{reason:?}").split([' ', '(']).next().unwrap_or_default().to_owned())
                            .or_default() += 1;
                        take_back(&mut fields, &field);
                    }
                    Err(clara_local::MirrorError::BadField { field, .. }) => {
                        *ran.refused.entry("not of its kind".to_owned()).or_default() += 1;
                        take_back(&mut fields, &field);
                    }
                    Err(other) => return Err(other),
                }
            }
            saved.push((entity, id, fields));
        }
        Ok(())
    });
    let before: Vec<Fields> = saved.iter().map(|(entity, id, _)| ana.see(*entity, *id).expect("saved")).collect();
    for _ in 0..50 {
        let report = ana.try_sync();
        if let Some(error) = report.error {
            ran.failures.push(format!("the sync: {error:?}"));
            return;
        }
        if ana.pending() == 0 {
            break;
        }
    }
    let refused = company.office("SELECT string_agg(left(payload -> 'new' ->> (detail ->> 'field'), 60) || ' in ' || (detail ->> 'field') || ': ' || (detail ->> 'code'), '; ')
        FROM sync.op WHERE outcome <> 'applied'");
    if !refused.is_empty() {
        ran.failures.push(format!(
            "accepted at the save and refused by the server: {}",
            &refused.chars().take(2_000).collect::<String>()
        ));
    }
    for ((entity, id, given), before) in saved.iter().zip(before) {
        let Some(after) = ana.see(*entity, *id) else {
            ran.failures.push(format!("{entity:?} {id} is gone"));
            continue;
        };
        for (field, entered) in given {
            if !same(&before[field], &after[field]) {
                ran.failures.push(format!("{field}: {} came back as {}", short(&before[field]), short(&after[field])));
            }
            if TEXTS.contains(&field.as_str()) && entered != &after[field] {
                ran.failures.push(format!("{field}: {} was kept as {}", short(entered), short(&after[field])));
            }
        }
    }
}

/// Kept to the byte. Dates and moments are brought to one form at the save.
const TEXTS: &[&str] = &[
    "notes",
    "serial_number",
    "manual_manufacturer",
    "manual_model_number",
    "location_detail",
    "inspection_type",
    "findings",
    "recommendations",
];

fn take_back(fields: &mut Fields, field: &str) {
    match plain(field) {
        Some(value) => fields.insert(field.to_owned(), value),
        None => fields.remove(field),
    };
}

fn short(value: &Value) -> String {
    value.to_string().chars().take(120).collect()
}

#[test]
fn what_is_accepted_at_save_is_accepted_by_the_server_and_comes_back_equal() {
    let company = Company::found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let mut chance = Chance::new(8);
    let (wanted, mut unread) = (scaled(50_000, 1_000_000), 0);
    let mut ran = Ran { tried: 0, refused: std::collections::BTreeMap::new(), failures: Vec::new() };
    while ran.tried + unread < wanted && ran.failures.len() < 20 {
        let rows = (0..700).map(|_| row(&mut chance, &mut unread)).collect();
        round(&mut ana, &company, rows, &mut ran);
    }
    ran.refused.insert("no JSON".to_owned(), unread);
    println!("refused at the save: {:?}", ran.refused);
    assert!(ran.refused.len() >= 5, "refused for several reasons");
    figure("random values, accepted alike on both sides", ran.tried + unread, &ran.failures);
}

#[test]
fn a_document_about_as_long_as_a_column_takes_is_judged_alike_on_both_sides() {
    let company = Company::found();
    let mut ana = Device::enroll(&company, ids::ANA);
    ana.sync();
    let mut ran = Ran { tried: 0, refused: std::collections::BTreeMap::new(), failures: Vec::new() };
    for n in 0..12 {
        let fields = json!({
            "job_id": ids::ANAS_JOB, "equipment_id": ids::item(1), "technician_id": ids::ANA, "captured_fields": long(n),
        });
        let Value::Object(fields) = fields else { unreachable!("an object") };
        round(&mut ana, &company, vec![(Entity::DataCaptureLogs, fields)], &mut ran);
    }
    for length in [MAX_TEXT - 1, MAX_TEXT, MAX_TEXT + 1] {
        let fields = json!({"location_id": ids::TOWER, "equipment_category": "other", "notes": "x".repeat(length)});
        let Value::Object(fields) = fields else { unreachable!("an object") };
        round(&mut ana, &company, vec![(Entity::EquipmentInventory, fields)], &mut ran);
    }
    println!("refused at the save: {:?}", ran.refused);
    figure("long documents, judged alike on both sides", ran.tried, &ran.failures);
}

/// Of one text.
const MAX_TEXT: usize = clara_domain::MAX_TEXT_BYTES;
