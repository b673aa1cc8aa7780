//! The mirrored tables on the server: their names, their columns, and how a row becomes cells.
//!
//! Answers come as text, which every type of the schema has: a date, a number or a document then reaches the mirror
//! with hardly a conversion, and nothing depends on the OIDs of our enums.

mod cell;

use clara_domain::mirror::{Column, Entity, Scope, Table};
use clara_domain::row::{Cell, Row};
use clara_sync::CentralError;
use uuid::Uuid;

use crate::reply::{Replies, Reply};

/// One mirrored table as SQL.
#[derive(Debug)]
pub(crate) struct Source {
    /// Which.
    pub(crate) entity: Entity,
    /// `SELECT id, row_ver, …columns FROM table t`, to be followed by a condition.
    pub(crate) select: &'static str,
    /// `FROM table t`.
    pub(crate) from: &'static str,
    /// The column of the site, for tables that have one.
    pub(crate) site: Option<&'static str>,
    /// Who holds its rows.
    pub(crate) scope: Scope,
}

macro_rules! from {
    (devices) => {
        " FROM sync.device t"
    };
    (conflicts) => {
        " FROM sync.conflict t"
    };
    (parked_operations) => {
        " FROM sync.parked t"
    };
    ($table:ident) => {
        concat!(" FROM public.", stringify!($table), " t")
    };
}

macro_rules! site {
    (locations Location) => {
        Some("t.id")
    };
    ($table:ident Location) => {
        Some("t.location_id")
    };
    ($table:ident $scope:ident) => {
        None
    };
}

macro_rules! cast {
    // The client would ask the server what the enum is, in a round trip of its own.
    (Enum) => {
        "::text"
    };
    ($kind:ident) => {
        ""
    };
}

macro_rules! sources {
    ($($variant:ident $name:ident $scope:ident { $($column:ident : $kind:ident),+ $(,)? })+) => {
        static SOURCES: &[Source] = &[
            $(Source {
                entity: Entity::$variant,
                select: concat!("SELECT t.id,t.row_ver" $(, ",t.", stringify!($column), cast!($kind))+, from!($name)),
                from: from!($name),
                site: site!($name $scope),
                scope: Scope::$scope,
            }),+
        ];
    };
}
clara_domain::mirrored!(sources);

/// Every mirrored table, parents before children.
pub(crate) fn all() -> &'static [Source] {
    SOURCES
}

/// A table as SQL and as columns.
///
/// # Errors
/// For the table that laptops only append to.
pub(crate) fn of(entity: Entity) -> Result<(&'static Source, &'static Table), CentralError> {
    SOURCES
        .iter()
        .find(|source| source.entity == entity)
        .zip(entity.table())
        .ok_or_else(|| CentralError::Refused { code: "not_mirrored".to_owned(), message: entity.name().to_owned() })
}

/// Rows from the answer to [`Source::select`].
pub(crate) fn read(table: &Table, answer: &Replies) -> Result<Vec<Row>, CentralError> {
    answer.iter().map(|row| read_one(table, row)).collect()
}

fn read_one(table: &Table, row: Reply<'_>) -> Result<Row, CentralError> {
    let mut cells = Vec::with_capacity(table.columns.len());
    for (position, column) in table.columns.iter().enumerate() {
        cells.push(cell(table, column, text(row, position + 2)?)?);
    }
    Ok(Row { id: uuid(row, 0)?, row_ver: integer(row, 1)?, cells })
}

/// A value of a column.
pub(crate) fn cell(table: &Table, column: &Column, value: Option<&str>) -> Result<Cell, CentralError> {
    cell::read(column.kind, value).ok_or_else(|| CentralError::Refused {
        code: "decode".to_owned(),
        message: format!("column {} of {} has another type", column.name, table.name),
    })
}

/// A value as the server spelt it.
pub(crate) fn text(row: Reply<'_>, position: usize) -> Result<Option<&str>, CentralError> {
    let value = row.value(position).ok_or_else(|| unreadable(position))?;
    value.map(|bytes| std::str::from_utf8(bytes).map_err(|_| unreadable(position))).transpose()
}

/// A value that is never null.
pub(crate) fn present(row: Reply<'_>, position: usize) -> Result<&str, CentralError> {
    text(row, position)?.ok_or_else(|| unreadable(position))
}

/// An integer.
pub(crate) fn integer(row: Reply<'_>, position: usize) -> Result<i64, CentralError> {
    present(row, position)?.parse().map_err(|_| unreadable(position))
}

/// A uuid.
pub(crate) fn uuid(row: Reply<'_>, position: usize) -> Result<Uuid, CentralError> {
    Uuid::parse_str(present(row, position)?).map_err(|_| unreadable(position))
}

fn unreadable(position: usize) -> CentralError {
    CentralError::Refused { code: "decode".to_owned(), message: format!("answer column {position} has another type") }
}
