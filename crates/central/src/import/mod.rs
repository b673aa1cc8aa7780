//! Brings a company's records in from files: CSV, JSON, JSON lines, by a column map.
//!
//! The same file twice changes nothing: every record has a natural key, from which its id is made, and rows that would
//! stay as they are are not written. A line that cannot be used is reported with its number and its reason, and the
//! rest goes in. Files are read as they come, never as a whole.

mod batch;
mod find;
mod map;
mod shape;
mod source;
mod step;
mod table;
mod value;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

pub use map::{ColumnMap, Format};

use crate::connect::{Mode, Server, sql};
use crate::error::AdminError;
use batch::Importer;
use shape::Shape;

/// Lines in one transaction.
const BATCH: usize = 500;

/// A line that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its number in the file, from 1; in a JSON array the number of the item.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// What became of the records for one table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// New rows.
    pub added: u64,
    /// Rows that changed.
    pub changed: u64,
    /// Rows that were there just so.
    pub unchanged: u64,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Lines read, headings not counted.
    pub lines: u64,
    /// By table.
    pub tables: BTreeMap<String, Counts>,
    /// In the order of the file.
    pub refused: Vec<Refusal>,
}

/// Imports one file. `admin` may be an administrator or a login of the group `clara_backend`. `progress` hears how
/// many lines are done.
///
/// # Errors
/// [`AdminError::Map`] where the map does not fit the tables, [`AdminError::Unfit`] where it does not fit the file, both
/// before anything is written;
/// [`AdminError::File`] where the file cannot be opened; [`AdminError::Central`] where the server goes away: what was
/// imported before stays, and the import can simply be run again.
pub async fn import(
    admin: &Server,
    map: &ColumnMap,
    file: &Path,
    mut progress: impl FnMut(u64),
) -> Result<Report, AdminError> {
    let mut source = source::open(map, file).await?;
    let mut connection = admin.connect().await?;
    let shape = Shape::read(&mut connection, map).await?;
    let mut importer = Importer::new(map, shape);
    let mut report = Report::default();
    let mut lines = Vec::with_capacity(BATCH);
    while let Some(line) = source.recv().await {
        report.lines += 1;
        match line.content {
            Ok(content) => lines.push((line.number, content)),
            Err(reason) => report.refused.push(Refusal { line: line.number, reason }),
        }
        if lines.len() == BATCH {
            importer.apply(&mut connection, std::mem::take(&mut lines), &mut report).await?;
            progress(report.lines);
        }
    }
    importer.apply(&mut connection, lines, &mut report).await?;
    progress(report.lines);
    report.refused.sort_by_key(|refusal| refusal.line);
    for (table, counts) in importer.counts() {
        report.tables.insert(table.to_owned(), counts);
    }
    // Inspections of years long past were held in the default partition until here.
    let mut tx = connection.begin(Mode::Write).await?;
    tx.execute(sql("SELECT app.make_partitions()")).await?;
    tx.commit().await?;
    connection.close().await;
    Ok(report)
}
