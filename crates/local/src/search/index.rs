//! Keeping the search tables in step with the catalogue.

use std::collections::HashMap;

use clara_domain::mirror::Entity;
use clara_domain::row::{Cell, Row};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::build::{Built, built};
use crate::error::MirrorError;
use crate::fold::{fold, fold_words};
use crate::statement::{self, Key, table, uuid_at};

/// Rows of the catalogue came in.
pub(crate) fn index_rows(connection: &Connection, entity: Entity, rows: &[Row]) -> Result<(), MirrorError> {
    match entity {
        Entity::EquipmentModels => models(connection, rows),
        Entity::CommonProblems => problems(connection, rows),
        Entity::Manufacturers => makers(connection, rows),
        _ => Ok(()),
    }
}

/// A row of the catalogue is gone.
pub(crate) fn forget(connection: &Connection, entity: Entity, id: Uuid) -> Result<(), MirrorError> {
    match entity {
        Entity::EquipmentModels => forget_model(connection, id),
        Entity::CommonProblems => forget_problem(connection, id),
        _ => Ok(()),
    }
}

/// Reads named text cells of a row.
struct Columns(Vec<usize>);

impl Columns {
    fn of(entity: Entity, names: &[&str]) -> Result<Self, MirrorError> {
        let table = table(entity)?;
        let positions = names.iter().map(|name| table.position(name).ok_or(MirrorError::Unreadable("a column")));
        Ok(Self(positions.collect::<Result<_, _>>()?))
    }

    fn text<'r>(&self, row: &'r Row, at: usize) -> Option<&'r str> {
        match row.cells.get(*self.0.get(at)?)? {
            Cell::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Rows that the index is to hold by now; the others come when it is built.
fn due<'r>(connection: &Connection, rows: &'r [Row]) -> Result<Vec<&'r Row>, MirrorError> {
    Ok(match built(connection)? {
        Built::Wholly => rows.iter().collect(),
        Built::Through(None) => Vec::new(),
        Built::Through(Some(after)) => rows.iter().filter(|row| row.id.to_string() <= after).collect(),
    })
}

/// The folded words of a model, as the word index holds them.
pub(super) fn words_of(texts: [&str; 3]) -> String {
    let words: Vec<String> = texts.into_iter().flat_map(fold_words).collect();
    words.join(" ")
}

fn models(connection: &Connection, rows: &[Row]) -> Result<(), MirrorError> {
    let rows = due(connection, rows)?;
    if rows.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(
        Entity::EquipmentModels,
        &["model_number", "product_name", "manufacturer_id", "equipment_category", "deleted_at"],
    )?;
    let mut known = connection.prepare_cached("SELECT n FROM spec_index WHERE model_id = ?1")?;
    let mut next: i64 =
        connection.prepare_cached("SELECT coalesce(max(n), 0) + 1 FROM spec_index")?.query_row([], |row| row.get(0))?;
    let mut makers: HashMap<String, String> = HashMap::new();
    // No RETURNING: see `build::store`.
    let mut put = connection.prepare_cached(
        "INSERT INTO spec_index (n, model_id, folded, backward) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (model_id) DO UPDATE SET folded = excluded.folded, backward = excluded.backward",
    )?;
    let mut put_trigrams = connection.prepare_cached("INSERT INTO spec_trigrams (rowid, folded) VALUES (?1, ?2)")?;
    let mut put_words = connection.prepare_cached("INSERT INTO spec_words (rowid, words) VALUES (?1, ?2)")?;
    for row in rows {
        let (Some(number), None) = (columns.text(row, 0), columns.text(row, 4)) else {
            forget_model(connection, row.id)?;
            continue;
        };
        let folded = fold(number);
        let backward: String = folded.chars().rev().collect();
        let n: i64 = match known.query_row([Key::of(row.id)], |row| row.get(0)).optional()? {
            Some(n) => {
                unlist_model(connection, n)?;
                n
            }
            None => {
                next += 1;
                next - 1
            }
        };
        put.execute(params![n, Key::of(row.id), folded, backward])?;
        put_trigrams.execute(params![n, folded])?;
        let maker_id = columns.text(row, 2).unwrap_or_default();
        if !makers.contains_key(maker_id) {
            makers.insert(maker_id.to_owned(), maker_name(connection, maker_id)?);
        }
        let maker = makers.get(maker_id).map_or("", String::as_str);
        let texts = [maker, columns.text(row, 1).unwrap_or_default(), columns.text(row, 3).unwrap_or_default()];
        put_words.execute(params![n, words_of(texts)])?;
    }
    Ok(())
}

pub(super) fn maker_name(connection: &Connection, id: &str) -> Result<String, MirrorError> {
    let name: Option<Option<String>> = connection
        .prepare_cached("SELECT name FROM manufacturers WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(name.flatten().unwrap_or_default())
}

fn unlist_model(connection: &Connection, n: i64) -> Result<(), MirrorError> {
    connection.prepare_cached("DELETE FROM spec_trigrams WHERE rowid = ?1")?.execute([n])?;
    connection.prepare_cached("DELETE FROM spec_words WHERE rowid = ?1")?.execute([n])?;
    Ok(())
}

fn forget_model(connection: &Connection, id: Uuid) -> Result<(), MirrorError> {
    let n: Option<i64> = connection
        .prepare_cached("SELECT n FROM spec_index WHERE model_id = ?1")?
        .query_row([Key::of(id)], |row| row.get(0))
        .optional()?;
    let Some(n) = n else { return Ok(()) };
    connection.prepare_cached("DELETE FROM spec_index WHERE n = ?1")?.execute([n])?;
    unlist_model(connection, n)
}

/// A maker's name is among the words of its models.
fn makers(connection: &Connection, rows: &[Row]) -> Result<(), MirrorError> {
    if matches!(built(connection)?, Built::Through(None)) {
        return Ok(());
    }
    for row in rows {
        let ids: Vec<Uuid> = {
            let mut statement =
                connection.prepare_cached("SELECT id FROM equipment_models WHERE manufacturer_id = ?1")?;
            statement.query_map([Key::of(row.id)], |row| uuid_at(row, 0))?.collect::<Result<_, _>>()?
        };
        for id in ids {
            if let Some(model) = statement::select(connection, Entity::EquipmentModels, id)? {
                models(connection, &[model])?;
            }
        }
    }
    Ok(())
}

fn problems(connection: &Connection, rows: &[Row]) -> Result<(), MirrorError> {
    let columns = Columns::of(
        Entity::CommonProblems,
        &["problem_description", "symptoms", "root_cause", "solution", "related_parts", "deleted_at"],
    )?;
    for row in rows {
        forget_problem(connection, row.id)?;
        if columns.text(row, 5).is_some() {
            continue;
        }
        connection.prepare_cached("INSERT INTO problem_index (problem_id) VALUES (?1)")?.execute([Key::of(row.id)])?;
        let n = connection.last_insert_rowid();
        let words: Vec<String> = (0..5).filter_map(|at| columns.text(row, at)).flat_map(fold_words).collect();
        connection
            .prepare_cached("INSERT INTO problem_words (rowid, words) VALUES (?1, ?2)")?
            .execute(params![n, words.join(" ")])?;
    }
    Ok(())
}

fn forget_problem(connection: &Connection, id: Uuid) -> Result<(), MirrorError> {
    let n: Option<i64> = connection
        .prepare_cached("SELECT n FROM problem_index WHERE problem_id = ?1")?
        .query_row([Key::of(id)], |row| row.get(0))
        .optional()?;
    if let Some(n) = n {
        connection.prepare_cached("DELETE FROM problem_index WHERE n = ?1")?.execute([n])?;
        connection.prepare_cached("DELETE FROM problem_words WHERE rowid = ?1")?.execute([n])?;
    }
    Ok(())
}
