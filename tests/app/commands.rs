//! Every command of the contract with hostile requests: shaped by the contract itself, so that a new command is asked
//! here without a line being added.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clara_contract::session::StartState;
use clara_contract::sync::ListWork;
use clara_contract::{COMMANDS, Code, Empty};
use serde_json::{Map, Value, json};

use crate::open;

/// A story of bad input may take this long, on a machine however slow.
const AT_MOST: Duration = Duration::from_secs(20);
const CALLS: u32 = 6_000;

#[test]
fn whatever_a_command_is_asked_it_answers_or_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let app = open(folder.path());
    app.try_demo(Empty {}).unwrap();
    let contract = Contract::read(&clara_contract::typescript());
    let mut dice = Dice(20_261_122);
    let mut ids = Ids::default();
    for answer in ["list_jobs", "list_equipment", "today"] {
        let ask = contract.request(answer, &mut Dice(1), &Ids::default());
        ids.harvest("", &app.call(answer, plain(ask)).unwrap());
    }
    assert!(ids.0.len() >= 3, "real things to ask about: {:?}", ids.0.keys());

    let began = Instant::now();
    let (mut answered, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for call in 0..CALLS {
        if began.elapsed() > AT_MOST {
            break;
        }
        let command = COMMANDS[dice.below(COMMANDS.len())];
        // Each of these derives a key anew, which takes as long as a hundred others.
        let slow = ["lock", "sign_out"].contains(&command);
        if slow && dice.below(8) > 0 {
            continue;
        }
        let request = match call % 8 {
            0 => dice.anything(3),
            _ => contract.request(command, &mut dice, &ids),
        };
        match app.call(command, request.clone()) {
            Ok(answer) => {
                ids.harvest("", &answer);
                *answered.entry(command).or_insert(0) += 1;
            }
            Err(failure) => {
                assert_ne!(failure.code, Code::Internal, "{command} {request:.600}: {failure:?}");
                assert!(
                    !failure.message.trim().is_empty() && !failure.next.trim().is_empty(),
                    "{command}: {failure:?}"
                );
                *refused.entry(command).or_insert(0) += 1;
            }
        }
        if slow {
            app.call("unlock", json!({"passphrase": ""})).unwrap();
        }
    }
    let unasked: Vec<_> =
        COMMANDS.iter().filter(|name| !answered.contains_key(*name) && !refused.contains_key(*name)).collect();
    assert!(unasked.is_empty(), "in {:?} nobody asked {unasked:?}", began.elapsed());
    assert!(answered.len() > 20, "requests are real enough to be answered: {answered:?}");

    // Nothing that came in broke what is kept.
    app.today(Empty {}).unwrap();
    let (work, unsent) = (app.list_work(ListWork::default()).unwrap().items, app.unsent_operations().unwrap().len());
    app.close();
    let again = open(folder.path());
    let start = again.start(Empty {}).unwrap();
    assert_eq!((start.state, start.notice), (StartState::Open, None));
    assert_eq!(again.list_work(ListWork::default()).unwrap().items, work);
    assert_eq!(again.unsent_operations().unwrap().len(), unsent);
}

/// A request with nothing hostile in it: every choice that can be left out is.
fn plain(request: Value) -> Value {
    let Value::Object(fields) = request else { return request };
    let leave = |(name, value): (String, Value)| match value {
        Value::Bool(_) => (name, json!(false)),
        _ => (name, Value::Null),
    };
    Value::Object(fields.into_iter().map(leave).collect())
}

/// Ids in answers, by the name of their field, to ask about: what is refused at the door tells nothing of what is behind.
#[derive(Default)]
struct Ids(BTreeMap<String, Vec<String>>);

impl Ids {
    fn harvest(&mut self, name: &str, answer: &Value) {
        match answer {
            Value::String(text) if uuid::Uuid::parse_str(text).is_ok() => {
                let known = self.0.entry(name.to_owned()).or_default();
                if known.len() < 12 && !known.contains(text) {
                    known.push(text.clone());
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.harvest(name, item)),
            Value::Object(fields) => fields.iter().for_each(|(name, value)| self.harvest(name, value)),
            _ => {}
        }
    }

    /// `EquipmentId` is what stands in `equipment_id`. Mostly a real one.
    fn of(&self, kind: &str, dice: &mut Dice) -> Option<Value> {
        let mut name = String::new();
        for letter in kind.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        let known = self.0.get(&name)?;
        (dice.below(8) > 0).then(|| json!(known[dice.below(known.len())]))
    }
}

/// A random sequence that is the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.roll() % count as u64) as usize
    }

    fn text(&mut self) -> String {
        const NASTY: &[&str] = &[
            "",
            " ",
            "0",
            "-1",
            "1e999",
            "NaN",
            "yes",
            "no",
            "typed",
            "scanned",
            "unreadable",
            "serial_number",
            "photo",
            "components.belt_size",
            "components.",
            "..",
            "../../etc/passwd",
            "a\0b",
            "\u{202e}right to left",
            "\u{feff}",
            "'; DROP TABLE jobs; --",
            "%",
            "_",
            "\"*\" OR 1",
            "NEAR(",
            "2026-11-22",
            "2026-02-30",
            "99999-01-01",
            "消防ポンプ",
            "\u{1f525}",
            "{\"a\":[",
            "007M2",
            "daily-20261122.db",
            "AAAA",
            "====",
        ];
        match self.below(8) {
            1 => "x".repeat(self.below(5_000)),
            2 => "[".repeat(self.below(300)),
            3 => (0..self.below(12)).filter_map(|_| char::from_u32((self.roll() % 0x3000) as u32)).collect(),
            _ => NASTY[self.below(NASTY.len())].to_owned(),
        }
    }

    fn number(&mut self) -> Value {
        match self.below(8) {
            0 => json!(-1),
            1 => json!(u64::MAX),
            2 => json!(i64::MIN),
            3 => json!(1e300),
            4 => json!(0.5),
            5 => json!(4_294_967_296_u64),
            _ => json!(self.below(50)),
        }
    }

    /// Whatever is JSON.
    fn anything(&mut self, depth: u32) -> Value {
        match self.below(if depth == 0 { 4 } else { 6 }) {
            0 => Value::Null,
            1 => json!(self.below(2) == 0),
            2 => self.number(),
            3 => Value::String(self.text()),
            4 => (0..self.below(4)).map(|_| self.anything(depth - 1)).collect(),
            _ => Value::Object((0..self.below(4)).map(|_| (self.text(), self.anything(depth - 1))).collect()),
        }
    }
}

/// The shape of a value, as the contract's TypeScript writes it.
#[derive(Debug, Clone)]
enum Shape {
    Text,
    Number,
    Truth,
    Null,
    Word(String),
    Named(String),
    List(Box<Shape>),
    Map(Box<Shape>),
    Fields(Vec<(String, Shape)>),
    Either(Vec<Shape>),
    Each(Vec<Shape>),
}

struct Contract {
    types: BTreeMap<String, Shape>,
    requests: BTreeMap<String, Shape>,
}

impl Contract {
    fn read(text: &str) -> Contract {
        let mut bare = String::new();
        let mut rest = text;
        while let Some(at) = rest.find("/*") {
            bare.push_str(&rest[..at]);
            rest = &rest[at + rest[at..].find("*/").unwrap() + 2..];
        }
        bare.push_str(rest);
        let mut types = BTreeMap::new();
        for declaration in bare.split("export type ").skip(1) {
            let (name, shape) = declaration.split_once('=').unwrap();
            types.insert(name.trim().to_owned(), Tokens::of(shape).union());
        }
        let Some(Shape::Fields(commands)) = types.remove("Commands") else { panic!("no commands") };
        let request = |(name, shape)| match shape {
            Shape::Each(mut pair) => (name, pair.remove(0)),
            other => panic!("{name} is {other:?}"),
        };
        let requests: BTreeMap<_, _> = commands.into_iter().map(request).collect();
        assert_eq!(requests.len(), COMMANDS.len());
        Contract { types, requests }
    }

    fn request(&self, command: &str, dice: &mut Dice, ids: &Ids) -> Value {
        self.value(&self.requests[command], dice, ids, 6)
    }

    fn value(&self, shape: &Shape, dice: &mut Dice, ids: &Ids, depth: u32) -> Value {
        // Now and then something that is not of the shape at all.
        if dice.below(60) == 0 {
            return dice.anything(2);
        }
        match shape {
            Shape::Text => Value::String(dice.text()),
            Shape::Number => dice.number(),
            Shape::Truth => json!(dice.below(2) == 0),
            Shape::Null => Value::Null,
            Shape::Word(word) => json!(word),
            Shape::Named(name) => match (ids.of(name, dice), self.types.get(name)) {
                (Some(id), _) => id,
                (None, Some(shape)) if depth > 0 => self.value(shape, dice, ids, depth - 1),
                _ => Value::Null,
            },
            Shape::List(of) => (0..dice.below(4)).map(|_| self.value(of, dice, ids, depth)).collect(),
            Shape::Map(of) => {
                Value::Object((0..dice.below(5)).map(|_| (dice.text(), self.value(of, dice, ids, depth))).collect())
            }
            Shape::Fields(fields) => {
                let mut object = Map::new();
                for (name, shape) in fields {
                    // TypeScript knows some ids only as text.
                    let id = if matches!(shape, Shape::Text) { ids.of(name, dice) } else { None };
                    let value = id.unwrap_or_else(|| self.value(shape, dice, ids, depth));
                    if dice.below(80) > 0 {
                        object.insert(name.clone(), value);
                    }
                }
                Value::Object(object)
            }
            Shape::Either(of) => self.value(&of[dice.below(of.len())], dice, ids, depth),
            Shape::Each(of) => of.iter().map(|shape| self.value(shape, dice, ids, depth)).collect(),
        }
    }
}

/// The few forms of TypeScript that the contract is written in.
struct Tokens(Vec<String>, usize);

impl Tokens {
    fn of(text: &str) -> Tokens {
        let mut tokens = Vec::new();
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let mut token = letter.to_string();
            match letter {
                '"' => {
                    for next in letters.by_ref() {
                        token.push(next);
                        if next == '"' {
                            break;
                        }
                    }
                }
                _ if letter.is_alphanumeric() || letter == '_' => {
                    while let Some(next) = letters.next_if(|next| next.is_alphanumeric() || *next == '_') {
                        token.push(next);
                    }
                }
                _ if letter.is_whitespace() => continue,
                _ => {}
            }
            tokens.push(token);
        }
        Tokens(tokens, 0)
    }

    fn peek(&self) -> &str {
        self.0.get(self.1).map_or("", String::as_str)
    }

    fn next(&mut self) -> String {
        self.1 += 1;
        self.0[self.1 - 1].clone()
    }

    fn skip(&mut self, wanted: &str) -> bool {
        let there = self.peek() == wanted;
        self.1 += usize::from(there);
        there
    }

    fn union(&mut self) -> Shape {
        self.skip("|");
        let mut either = vec![self.one()];
        while self.skip("|") || self.skip("&") {
            either.push(self.one());
        }
        if either.len() == 1 { either.remove(0) } else { Shape::Either(either) }
    }

    fn one(&mut self) -> Shape {
        let token = self.next();
        match token.as_str() {
            "string" => Shape::Text,
            "number" | "bigint" => Shape::Number,
            "boolean" => Shape::Truth,
            "null" => Shape::Null,
            "Array" => {
                assert!(self.skip("<"));
                let of = self.union();
                assert!(self.skip(">"));
                Shape::List(Box::new(of))
            }
            "Record" => {
                while self.next() != ">" {}
                Shape::Fields(Vec::new())
            }
            "[" => {
                let mut of = Vec::new();
                while !self.skip("]") {
                    of.push(self.union());
                    self.skip(",");
                }
                Shape::Each(of)
            }
            "(" => {
                let of = self.union();
                assert!(self.skip(")"));
                of
            }
            "{" if self.peek() == "[" => {
                while self.next() != "]" {}
                self.skip("?");
                assert!(self.skip(":"));
                let of = self.union();
                self.skip(",");
                self.skip(";");
                assert!(self.skip("}"));
                Shape::Map(Box::new(of))
            }
            "{" => {
                let mut fields = Vec::new();
                while !self.skip("}") {
                    let name = self.next();
                    self.skip("?");
                    assert!(self.skip(":"), "after {name}: {}", self.peek());
                    fields.push((name.trim_matches('"').to_owned(), self.union()));
                    let _between = self.skip(",") || self.skip(";");
                }
                Shape::Fields(fields)
            }
            word if word.starts_with('"') => Shape::Word(word.trim_matches('"').to_owned()),
            name => Shape::Named(name.to_owned()),
        }
    }
}
