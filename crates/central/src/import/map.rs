//! The column map: which columns of a file make which records. Written in JSON or TOML.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::step::Step;
use super::table;
use crate::error::AdminError;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma separated, with a heading line.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Jsonl,
}

/// A column map.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `records`")]
pub struct ColumnMap {
    /// What it is for; for people.
    #[serde(default)]
    pub about: Option<String>,
    /// By the file's ending where not given.
    #[serde(default)]
    pub format: Option<Format>,
    /// What stands between the columns of a CSV file. Where not given, the comma, semicolon or tab with which the file
    /// has the columns asked for.
    #[serde(default)]
    pub delimiter: Option<char>,
    /// How a text file is written, by its label in the Encoding Standard (<https://encoding.spec.whatwg.org/#names-and-labels>);
    /// where not given, UTF-8, or what the file's byte-order mark says.
    #[serde(default)]
    pub encoding: Option<String>,
    /// What each line makes, in this order: a record may refer to those before it.
    pub records: Vec<RecordMap>,
}

/// One record that a line makes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a record, an object with `into` and `fields`")]
pub struct RecordMap {
    /// The table.
    pub into: String,
    /// What later records call it; the table's name where not given.
    #[serde(default)]
    name: Option<String>,
    /// What tells one record from another. The id is made from it, so it must not change between files. Tables with a
    /// unique key of their own need none.
    #[serde(default)]
    pub key: Vec<Field>,
    /// Columns and where their values come from. What comes out empty is left as it is.
    pub fields: BTreeMap<String, Field>,
    /// The record is made only where this is not empty.
    #[serde(default)]
    pub when: Option<Field>,
    /// Two lines of one file with the same key and other values.
    #[serde(default)]
    pub repeat: Repeat,
    /// A row that is there already.
    #[serde(default)]
    pub existing: Existing,
}

/// What a second line with the same key and other values means.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeat {
    /// A mistake in the file: the line is refused.
    #[default]
    Refuse,
    /// The first line counts.
    First,
}

/// What to do with a row that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Existing {
    /// The file is right: fields that it has are written.
    #[default]
    Update,
    /// The database is right: it is only referred to.
    Keep,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum Field {
    /// A column, by name.
    Column(String),
    /// Anything more.
    Made(Box<Made>),
}

/// A value with more to it than a column. Exactly one of the sources is given.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Made {
    /// A column; in JSON a path with dots.
    pub column: Option<String>,
    /// A constant.
    pub value: Option<Value>,
    /// A text with columns in braces. Empty where any of them is.
    pub text: Option<String>,
    /// The id of an earlier record of the same line.
    pub record: Option<String>,
    /// An object.
    pub object: Option<BTreeMap<String, Field>>,
    /// A list.
    pub list: Option<Vec<Field>>,
    /// The first that is not empty.
    pub first_of: Option<Vec<Field>>,
    /// An id made from these.
    pub uuid_of: Option<Vec<Field>>,
    /// The id of a row that is in the database, looked up by its name in `by`.
    pub find: Option<String>,
    /// For `find`.
    pub by: Option<Field>,
    /// Steps from the source to the value.
    pub then: Vec<Step>,
    /// A list to which every line with the same key adds.
    pub collect: bool,
}

/// By hand, because a value that is neither must say which word of it is wrong, and where.
impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Field;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a column, or an object that says where the value comes from")
            }

            fn visit_str<E: serde::de::Error>(self, column: &str) -> Result<Field, E> {
                Ok(Field::Column(column.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, made: A) -> Result<Field, A::Error> {
                Made::deserialize(MapAccessDeserializer::new(made)).map(|made| Field::Made(Box::new(made)))
            }
        }

        deserializer.deserialize_any(Either)
    }
}

impl RecordMap {
    /// What later records call it.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.into)
    }
}

impl Field {
    /// Whether lines add to it.
    pub fn collects(&self) -> bool {
        matches!(self, Field::Made(made) if made.collect)
    }

    /// Calls `look` for this field and every field within.
    pub fn walk<'f>(&'f self, look: &mut impl FnMut(&'f Field)) {
        look(self);
        let Field::Made(made) = self else { return };
        let within = made.object.iter().flat_map(BTreeMap::values).chain(made.list.iter().flatten());
        let within = within.chain(made.first_of.iter().flatten()).chain(made.uuid_of.iter().flatten()).chain(&made.by);
        for field in within {
            field.walk(look);
        }
    }
}

impl ColumnMap {
    /// Reads a map written in JSON, or else in TOML.
    ///
    /// # Errors
    /// [`AdminError::Map`], with the place.
    pub fn parse(text: &str) -> Result<Self, AdminError> {
        let map: ColumnMap = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| AdminError::Map(error.to_string()))?
        } else {
            toml::from_str(text).map_err(|error| {
                let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
                AdminError::Map(format!("{} at line {}", error.message(), before.matches('\n').count() + 1))
            })?
        };
        map.check()?;
        Ok(map)
    }

    fn check(&self) -> Result<(), AdminError> {
        let fault = |text: String| Err(AdminError::Map(text));
        if let Some(label) = &self.encoding
            && encoding_rs::Encoding::for_label(label.as_bytes()).is_none()
        {
            return fault(format!("no encoding is called {label:?}; Excel's older files are \"windows-1252\""));
        }
        if self.records.is_empty() {
            return fault("it makes no records".to_owned());
        }
        if self.delimiter.is_some_and(|delimiter| !delimiter.is_ascii()) {
            return fault("the delimiter must be an ASCII character".to_owned());
        }
        let mut names: Vec<&str> = Vec::new();
        for record in &self.records {
            let Some(target) = table::target(&record.into) else {
                return fault(format!("nothing can be imported into {:?}", record.into));
            };
            if record.key.is_empty() && target.natural_key.is_empty() {
                return fault(format!("{} needs a key", record.into));
            }
            let mut wrong = None;
            for field in record.fields.values().chain(&record.key).chain(&record.when) {
                field.walk(&mut |field| {
                    let Field::Made(made) = field else { return };
                    let sources = [
                        made.column.is_some(),
                        made.value.is_some(),
                        made.text.is_some(),
                        made.record.is_some(),
                        made.object.is_some(),
                        made.list.is_some(),
                        made.first_of.is_some(),
                        made.uuid_of.is_some(),
                        made.find.is_some(),
                    ];
                    if sources.iter().filter(|given| **given).count() != 1 {
                        wrong = Some("a value needs exactly one source".to_owned());
                    } else if made.find.is_some() != made.by.is_some() {
                        wrong = Some("`find` and `by` go together".to_owned());
                    } else if let Some(unknown) = made.record.as_ref().filter(|name| !names.contains(&name.as_str())) {
                        wrong = Some(format!("no record before it is called {unknown:?}"));
                    } else if let Some(unknown) =
                        made.find.as_ref().filter(|table| super::find::question(table).is_none())
                    {
                        wrong = Some(format!("nothing can be looked up in {unknown:?}"));
                    }
                });
            }
            if let Some(wrong) = wrong {
                return fault(format!("{}: {wrong}", record.into));
            }
            names.push(record.name());
        }
        Ok(())
    }

    /// Every column that the map names.
    pub(super) fn columns(&self) -> Vec<&str> {
        let mut columns = Vec::new();
        for record in &self.records {
            for field in record.fields.values().chain(&record.key).chain(&record.when) {
                field.walk(&mut |field| match field {
                    Field::Column(column) => columns.push(column.as_str()),
                    Field::Made(made) => {
                        columns.extend(made.column.as_deref());
                        columns.extend(made.text.iter().flat_map(|text| placeholders(text)));
                    }
                });
            }
        }
        columns
    }
}

/// The names in braces of a text.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    text.split('{').skip(1).filter_map(|part| part.split_once('}').map(|(name, _)| name))
}
