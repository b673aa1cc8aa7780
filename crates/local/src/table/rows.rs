//! Rows of a mirrored table as they are, by a column that holds an id. For screens that put several tables together and
//! for which a read of their own would save nothing.

use clara_domain::mirror::Entity;
use clara_domain::row::{Cell, Row};
use rusqlite::types::ValueRef;
use uuid::Uuid;

use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::{Key, table, uuid_at};

struct Selects {
    all: &'static str,
    by: &'static [(&'static str, &'static str)],
}

macro_rules! select {
    ($table:ident { $($column:ident : $kind:ident),+ $(,)? }) => {
        concat!("SELECT id, row_ver", $(", ", stringify!($column),)+ " FROM ", stringify!($table), " ORDER BY id")
    };
    ($table:ident { $($column:ident : $kind:ident),+ $(,)? } $where:ident) => {
        concat!(
            "SELECT id, row_ver", $(", ", stringify!($column),)+ " FROM ", stringify!($table),
            " WHERE ", stringify!($where), " = ?1 ORDER BY id"
        )
    };
}

macro_rules! selects {
    (@table $table:ident $body:tt { $($column:ident : $kind:ident),+ $(,)? }) => {
        Selects { all: select!($table $body), by: &[$((stringify!($column), select!($table $body $column))),+] }
    };
    ($($variant:ident $table:ident $scope:ident $body:tt)+) => {
        static SELECTS: &[(Entity, Selects)] = &[$((Entity::$variant, selects!(@table $table $body $body))),+];
    };
}
clara_domain::mirrored!(selects);

fn of(entity: Entity) -> Result<&'static Selects, MirrorError> {
    let found = SELECTS.iter().find(|(known, _)| *known == entity).map(|(_, selects)| selects);
    found.ok_or(MirrorError::Unreadable("a table that is not mirrored"))
}

impl Read<'_> {
    /// Every row, in the order of ids. For tables that fit on a screen or two.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn all(&self, entity: Entity) -> Result<Vec<Row>, MirrorError> {
        self.rows_of(entity, of(entity)?.all, None)
    }

    /// The rows whose `column` holds `id`, in the order of ids. Columns that hold ids are indexed.
    ///
    /// # Errors
    /// [`MirrorError::BadField`] where the table has no such column.
    pub fn rows_by(&self, entity: Entity, column: &str, id: Uuid) -> Result<Vec<Row>, MirrorError> {
        let (_, sql) = of(entity)?
            .by
            .iter()
            .find(|(name, _)| *name == column)
            .ok_or_else(|| MirrorError::BadField { entity, field: column.to_owned() })?;
        self.rows_of(entity, sql, Some(id))
    }

    fn rows_of(&self, entity: Entity, sql: &'static str, id: Option<Uuid>) -> Result<Vec<Row>, MirrorError> {
        let width = table(entity)?.columns.len();
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = match id {
            Some(id) => statement.query([Key::of(id)])?,
            None => statement.query([])?,
        };
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let mut cells = Vec::with_capacity(width);
            for at in 0..width {
                cells.push(match row.get_ref(at + 2)? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(i) => Cell::Int(i),
                    ValueRef::Real(r) => Cell::Real(r),
                    ValueRef::Text(t) | ValueRef::Blob(t) => Cell::Text(String::from_utf8_lossy(t).into_owned()),
                });
            }
            found.push(Row { id: uuid_at(row, 0)?, row_ver: row.get(1)?, cells });
        }
        Ok(found)
    }
}
