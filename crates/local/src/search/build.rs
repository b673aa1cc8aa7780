//! Building the index of model numbers in one go, once the catalogue of a first sync is on the disk. Step by step, each
//! in a transaction of its own: a kill costs one step, and the next call goes on behind the last one that was kept.

use rusqlite::{Connection, params};

use super::index::{maker_name, words_of};
use crate::error::MirrorError;
use crate::fold::fold;

/// Models of one step: few enough to sort in a few megabytes, enough that the index is not written over and over.
const STEP: usize = 25_000;
/// What FTS5 collects before it writes a segment, while a step is stored and otherwise (its own default).
const HASH_WHILE_BUILDING: i64 = 24 << 20;
const HASH_OTHERWISE: i64 = 1 << 20;

/// How far the index of a mirror has come.
pub(crate) enum Built {
    /// It holds every model.
    Wholly,
    /// It holds the models up to this id, and search does not use it.
    Through(Option<String>),
}

pub(crate) fn built(connection: &Connection) -> Result<Built, MirrorError> {
    Ok(connection
        .prepare_cached("SELECT search_built, search_after FROM profile")?
        .query_row([], |row| Ok(if row.get(0)? { Built::Wholly } else { Built::Through(row.get(1)?) }))?)
}

/// A first sync begins. Into an empty catalogue the models come without being indexed; one that has its index keeps it.
pub(crate) fn put_off(connection: &Connection) -> Result<(), MirrorError> {
    connection.execute(
        "UPDATE profile SET search_built = 0, search_after = NULL
         WHERE search_built = 1 AND NOT EXISTS (SELECT 1 FROM equipment_models)",
        [],
    )?;
    Ok(())
}

/// Whether the index is due: put off, and no more models to come from a first sync.
pub(crate) fn is_due(connection: &Connection) -> Result<bool, MirrorError> {
    Ok(connection.query_row(
        "SELECT search_built = 0 AND NOT EXISTS (SELECT 1 FROM bookmark WHERE entity = 'equipment_models' AND done = 0)
         FROM profile",
        [],
        |row| row.get(0),
    )?)
}

struct Model {
    folded: String,
    backward: String,
    id: String,
    words: String,
}

/// Indexes the next models. Returns how many models the index holds; none once it holds them all.
pub(crate) fn build_some(connection: &Connection) -> Result<Option<u64>, MirrorError> {
    let Built::Through(after) = built(connection)? else { return Ok(None) };
    if after.is_none() {
        // Sorted once at the end they cost a fraction of what keeping them sorted costs.
        connection.execute_batch(
            "DROP INDEX IF EXISTS spec_index_folded; DROP INDEX IF EXISTS spec_index_backward;
             DELETE FROM spec_index;
             INSERT INTO spec_trigrams (spec_trigrams) VALUES ('delete-all');
             INSERT INTO spec_words (spec_words) VALUES ('delete-all');",
        )?;
    }
    collect_at_most(connection, HASH_WHILE_BUILDING)?;
    let (mut models, last) = next_models(connection, after.as_deref().unwrap_or_default())?;
    let Some(last) = last else {
        finish(connection)?;
        return Ok(None);
    };
    // In this order the numbers that are read together lie together.
    models.sort_unstable_by(|a, b| a.folded.cmp(&b.folded));
    store(connection, &models)?;
    connection.prepare_cached("UPDATE profile SET search_after = ?1")?.execute([last])?;
    let count: i64 = connection.query_row("SELECT count(*) FROM spec_index", [], |row| row.get(0))?;
    Ok(Some(u64::try_from(count).unwrap_or(0)))
}

fn next_models(connection: &Connection, after: &str) -> Result<(Vec<Model>, Option<String>), MirrorError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, model_number, product_name, manufacturer_id, equipment_category, deleted_at IS NOT NULL
         FROM equipment_models WHERE id > ?1 ORDER BY id LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, STEP as i64])?;
    let (mut models, mut last) = (Vec::new(), None);
    let mut makers = std::collections::HashMap::<String, String>::new();
    while let Some(row) = rows.next()? {
        let text = |at: usize| -> Result<Option<&str>, MirrorError> { Ok(row.get_ref(at)?.as_str_or_null()?) };
        let id = text(0)?.unwrap_or_default();
        last = Some(id.to_owned());
        let (Some(number), false) = (text(1)?, row.get::<_, bool>(5)?) else { continue };
        let maker_id = text(3)?.unwrap_or_default();
        if !makers.contains_key(maker_id) {
            makers.insert(maker_id.to_owned(), maker_name(connection, maker_id)?);
        }
        let maker = makers.get(maker_id).map_or("", String::as_str);
        let folded = fold(number);
        models.push(Model {
            backward: folded.chars().rev().collect(),
            folded,
            id: id.to_owned(),
            words: words_of([maker, text(2)?.unwrap_or_default(), text(4)?.unwrap_or_default()]),
        });
    }
    Ok((models, last))
}

/// Table by table, and each row by one plain statement: a statement that SQLite may have to undo by itself (RETURNING is
/// enough) makes every FTS table of the transaction write out what it has collected, row by row.
fn store(connection: &Connection, models: &[Model]) -> Result<(), MirrorError> {
    let newest: i64 = connection.query_row("SELECT coalesce(max(n), 0) FROM spec_index", [], |row| row.get(0))?;
    let numbered = || (newest + 1..).zip(models);
    let mut put =
        connection.prepare_cached("INSERT INTO spec_index (n, model_id, folded, backward) VALUES (?1, ?2, ?3, ?4)")?;
    for (n, model) in numbered() {
        put.execute(params![n, model.id, model.folded, model.backward])?;
    }
    let mut put = connection.prepare_cached("INSERT INTO spec_trigrams (rowid, folded) VALUES (?1, ?2)")?;
    for (n, model) in numbered() {
        put.execute(params![n, model.folded])?;
    }
    let mut put = connection.prepare_cached("INSERT INTO spec_words (rowid, words) VALUES (?1, ?2)")?;
    for (n, model) in numbered() {
        put.execute(params![n, model.words])?;
    }
    Ok(())
}

fn collect_at_most(connection: &Connection, bytes: i64) -> Result<(), MirrorError> {
    for sql in [
        "INSERT INTO spec_trigrams (spec_trigrams, rank) VALUES ('hashsize', ?1)",
        "INSERT INTO spec_words (spec_words, rank) VALUES ('hashsize', ?1)",
    ] {
        connection.prepare_cached(sql)?.execute([bytes])?;
    }
    Ok(())
}

fn finish(connection: &Connection) -> Result<(), MirrorError> {
    connection.execute_batch(
        "CREATE INDEX IF NOT EXISTS spec_index_folded ON spec_index (folded);
         CREATE INDEX IF NOT EXISTS spec_index_backward ON spec_index (backward);
         UPDATE profile SET search_built = 1, search_after = NULL;",
    )?;
    collect_at_most(connection, HASH_OTHERWISE)
}
