//! Some lines in one transaction. Where the database refuses, the lines are halved until the bad one stands alone.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashMap};
use std::hash::{Hash as _, Hasher as _};

use clara_sync::CentralError;
use serde_json::{Map, Value, json};
use sqlx::Row as _;
use uuid::Uuid;

use super::find::Found;
use super::map::{ColumnMap, Existing, RecordMap, Repeat};
use super::shape::Shape;
use super::table::target;
use super::value::{self, Context, id_of};
use super::{Counts, Refusal, Report};
use crate::connect::{Connection, Mode, SyncTx, call_error, sql};
use crate::error::AdminError;

type Lines = Vec<(u64, Map<String, Value>)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Added,
    Changed,
    Unchanged,
}

/// A record that this run has dealt with.
#[derive(Debug, Clone, Copy)]
struct Seen {
    line: u64,
    /// Of its values; two lines with the same key must agree on it.
    values: u64,
    id: Uuid,
    fate: Fate,
}

/// Which record of the map, and its key.
type Key = (usize, Uuid);

/// One run over one file.
pub struct Importer<'m> {
    map: &'m ColumnMap,
    shape: Shape,
    seen: HashMap<Key, Seen>,
}

/// What one transaction would add to what is known, once it is committed.
#[derive(Default)]
struct Attempt {
    seen: HashMap<Key, Seen>,
    refused: Vec<Refusal>,
}

/// A line on its way through the records of the map.
struct Passing<'a> {
    number: u64,
    content: &'a Map<String, Value>,
    ids: HashMap<&'a str, Option<Uuid>>,
    refused: Option<String>,
}

/// A record of a line, ready to be sent.
struct Made {
    key: Uuid,
    fields: Map<String, Value>,
    collected: Map<String, Value>,
    values: u64,
}

impl<'m> Importer<'m> {
    pub fn new(map: &'m ColumnMap, shape: Shape) -> Self {
        Self { map, shape, seen: HashMap::new() }
    }

    pub fn counts(&self) -> BTreeMap<&'m str, Counts> {
        let mut tables: BTreeMap<&str, Counts> = BTreeMap::new();
        for ((record, _), seen) in &self.seen {
            let Some(record) = self.map.records.get(*record) else { continue };
            let counts = tables.entry(&record.into).or_default();
            match seen.fate {
                Fate::Added => counts.added += 1,
                Fate::Changed => counts.changed += 1,
                Fate::Unchanged => counts.unchanged += 1,
            }
        }
        tables
    }

    /// Imports these lines; what is refused goes into the report.
    pub async fn apply(
        &mut self,
        connection: &mut Connection,
        lines: Lines,
        report: &mut Report,
    ) -> Result<(), AdminError> {
        let mut waiting = vec![lines];
        while let Some(mut lines) = waiting.pop() {
            if lines.is_empty() {
                continue;
            }
            match self.attempt(connection, &lines).await {
                Ok(attempt) => {
                    self.seen.extend(attempt.seen);
                    report.refused.extend(attempt.refused);
                }
                Err(CentralError::Refused { code, message }) if is_about_the_data(&code) => {
                    let later = lines.split_off(lines.len() / 2);
                    match later.as_slice() {
                        [(line, _)] if lines.is_empty() => {
                            report.refused.push(Refusal { line: *line, reason: in_words(&code, &message) });
                        }
                        _ => waiting.extend([later, lines]),
                    }
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    async fn attempt(&self, connection: &mut Connection, lines: &Lines) -> Result<Attempt, CentralError> {
        let mut tx = connection.begin(Mode::Write).await?;
        match self.carry_out(&mut tx, lines).await {
            Ok(attempt) => {
                tx.commit().await?;
                Ok(attempt)
            }
            Err(error) => {
                if !matches!(error, CentralError::Unreachable(_)) {
                    tx.rollback().await?;
                }
                Err(error)
            }
        }
    }

    async fn carry_out(&self, tx: &mut SyncTx<'_>, lines: &Lines) -> Result<Attempt, CentralError> {
        // Two imports at once would each add what the other is adding. By a table that laptops may only read: a lock by
        // name is anybody's to take, and to keep.
        tx.execute(sql("LOCK TABLE public.manufacturers IN SHARE UPDATE EXCLUSIVE MODE")).await?;
        // A table that was empty a moment ago has no statistics: the planner would read all of it for every row.
        tx.execute(sql("SELECT set_config('enable_seqscan', 'off', true)")).await?;
        let found = Found::look_up(tx, self.map, lines).await?;
        let mut passing: Vec<Passing<'_>> = lines
            .iter()
            .map(|(number, content)| {
                let mut line = Passing { number: *number, content, ids: HashMap::new(), refused: None };
                line.refused = self.rehearse(&mut line, &found).err();
                line
            })
            .collect();
        let mut attempt = Attempt::default();
        for (position, record) in self.map.records.iter().enumerate() {
            self.record(tx, position, record, &mut passing, &found, &mut attempt).await?;
        }
        attempt.refused.extend(
            passing.into_iter().filter_map(|line| line.refused.map(|reason| Refusal { line: line.number, reason })),
        );
        Ok(attempt)
    }

    /// Makes every record of a line with stand-ins for ids, so that a line that is refused has written nothing.
    fn rehearse<'a>(&'a self, line: &mut Passing<'a>, found: &Found) -> Result<(), String> {
        for record in &self.map.records {
            let made = self.make(record, line, found)?;
            line.ids.insert(record.name(), made.map(|made| made.key));
        }
        Ok(())
    }

    fn make(&self, record: &RecordMap, line: &Passing<'_>, found: &Found) -> Result<Option<Made>, String> {
        let context = Context { line: line.content, ids: &line.ids, found };
        if let Some(when) = &record.when
            && value::of(when, &context)?.is_null()
        {
            return Ok(None);
        }
        let (mut fields, mut collected) = (Map::new(), Map::new());
        for (column, field) in &record.fields {
            let value = value::of(field, &context).map_err(|reason| format!("{column}: {reason}"))?;
            let value = self.shape.fit(&record.into, column, value)?;
            if value.is_null() {
                continue;
            }
            if field.collects() {
                collected.insert(column.clone(), value);
            } else {
                fields.insert(column.clone(), value);
            }
        }
        let parts: Vec<Value> = if record.key.is_empty() {
            let natural_key = target(&record.into).map(|target| target.natural_key).unwrap_or_default();
            natural_key.iter().map(|column| fields.get(*column).cloned().unwrap_or(Value::Null)).collect()
        } else {
            record.key.iter().map(|field| value::of(field, &context)).collect::<Result<_, _>>()?
        };
        if parts.iter().any(Value::is_null) {
            return Err(format!("the key of {} is empty", record.into));
        }
        let mut hasher = DefaultHasher::new();
        Value::Object(fields.clone()).to_string().hash(&mut hasher);
        Ok(Some(Made { key: id_of(&record.into, &parts), fields, collected, values: hasher.finish() }))
    }

    async fn record<'a>(
        &'a self,
        tx: &mut SyncTx<'_>,
        position: usize,
        record: &'a RecordMap,
        passing: &mut [Passing<'a>],
        found: &Found,
        attempt: &mut Attempt,
    ) -> Result<(), CentralError> {
        let Some(target) = target(&record.into) else { return Ok(()) };
        let mut rows: Vec<(Made, u64)> = Vec::new();
        let mut row_of: HashMap<Uuid, usize> = HashMap::new();
        let mut asked: Vec<(usize, Uuid)> = Vec::new();
        for (place, line) in passing.iter_mut().enumerate().filter(|(_, line)| line.refused.is_none()) {
            let made = match self.make(record, line, found) {
                Ok(Some(made)) => made,
                Ok(None) => {
                    line.ids.insert(record.name(), None);
                    continue;
                }
                Err(reason) => {
                    line.refused = Some(reason);
                    continue;
                }
            };
            let here = row_of.get(&made.key).copied().and_then(|row| rows.get_mut(row));
            let before = match &here {
                Some((first, number)) => Some((*number, first.values)),
                None => self.seen.get(&(position, made.key)).map(|seen| (seen.line, seen.values)),
            };
            if let Some((number, values)) = before
                && values != made.values
                && record.repeat == Repeat::Refuse
            {
                line.refused = Some(format!("{} has the same key as on line {number}, with other values", record.into));
                continue;
            }
            asked.push((place, made.key));
            match (here, before) {
                (Some((first, _)), _) => join(&mut first.collected, made.collected),
                (None, Some((number, values))) if !made.collected.is_empty() => {
                    row_of.insert(made.key, rows.len());
                    rows.push((Made { fields: Map::new(), values, ..made }, number));
                }
                (None, Some(_)) => {}
                (None, None) => {
                    row_of.insert(made.key, rows.len());
                    rows.push((made, line.number));
                }
            }
        }
        for (position_of_row, id, fate) in
            send(tx, target.sql, record, &rows, |key| self.seen.get(&(position, key)).map(|seen| seen.id)).await?
        {
            let Some((made, line)) = rows.get(position_of_row) else { continue };
            let fate = match self.seen.get(&(position, made.key)).map(|seen| seen.fate) {
                Some(Fate::Unchanged) | None => fate,
                Some(earlier) => earlier,
            };
            attempt.seen.insert((position, made.key), Seen { line: *line, values: made.values, id, fate });
        }
        for (place, key) in asked {
            let known = attempt.seen.get(&(position, key)).or_else(|| self.seen.get(&(position, key)));
            if let (Some(line), Some(seen)) = (passing.get_mut(place), known) {
                line.ids.insert(record.name(), Some(seen.id));
            }
        }
        Ok(())
    }
}

async fn send(
    tx: &mut SyncTx<'_>,
    text: &'static str,
    record: &RecordMap,
    rows: &[(Made, u64)],
    known: impl Fn(Uuid) -> Option<Uuid>,
) -> Result<Vec<(usize, Uuid, Fate)>, CentralError> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let sent: Vec<Value> = rows
        .iter()
        .enumerate()
        .map(|(n, (made, _))| {
            let mut row = made.fields.clone();
            row.extend(made.collected.clone());
            row.insert("n".to_owned(), json!(n));
            row.insert("id".to_owned(), json!(known(made.key).unwrap_or(made.key)));
            row.insert("keep".to_owned(), json!(record.existing == Existing::Keep));
            Value::Object(row)
        })
        .collect();
    let mut fates = Vec::with_capacity(rows.len());
    for row in tx.fetch_all(sql(text).bind(Value::Array(sent))).await? {
        let n: i64 = row.try_get("n").map_err(call_error)?;
        let (added, changed): (bool, bool) =
            (row.try_get("added").map_err(call_error)?, row.try_get("changed").map_err(call_error)?);
        let fate = match (added, changed) {
            (true, _) => Fate::Added,
            (_, true) => Fate::Changed,
            _ => Fate::Unchanged,
        };
        fates.push((usize::try_from(n).unwrap_or(usize::MAX), row.try_get("id").map_err(call_error)?, fate));
    }
    Ok(fates)
}

/// Lists grow by what another line brings.
fn join(into: &mut Map<String, Value>, from: Map<String, Value>) {
    for (column, more) in from {
        match (into.get_mut(&column), more) {
            (Some(Value::Array(items)), Value::Array(more)) => {
                for item in more {
                    if !items.contains(&item) {
                        items.push(item);
                    }
                }
            }
            (Some(_), _) => {}
            (None, more) => {
                into.insert(column, more);
            }
        }
    }
}

/// Errors that another file could avoid. Anything else is the same for every line.
fn is_about_the_data(code: &str) -> bool {
    matches!(code.get(..2), Some("22" | "23" | "44" | "P0"))
}

fn in_words(code: &str, names: &str) -> String {
    let why = match code {
        "23502" => "a required value is missing",
        "23503" => "it refers to something that is not there",
        "23505" => "another row has the same unique value",
        "23514" => "a value is not allowed",
        "22001" => "a text is too long",
        "22003" => "a number is too large",
        "22P02" | "22007" | "22008" => "a value is not readable",
        _ => "the database refused it",
    };
    if names.is_empty() { format!("{why} ({code})") } else { format!("{why} ({code}: {names})") }
}
