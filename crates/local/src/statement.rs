//! One set of static SQL texts for each mirrored table, made from its one description at compile time.

use clara_domain::mirror::{Entity, Table};
use clara_domain::row::{Cell, Row};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Statement, ToSql};
use uuid::Uuid;

use crate::error::MirrorError;

/// The SQL of one mirrored table.
pub(crate) struct Statements {
    entity: Entity,
    upsert: &'static str,
    renew: &'static str,
    /// By column: whether it is one of those that `renew` compares and does not set.
    indexed: &'static [bool],
    select: &'static str,
    delete: &'static str,
    keys: &'static str,
    count: &'static str,
}

/// Columns that an index holds, or asks for in its condition. SQLite takes a row out of an index and puts it back for
/// every column that a statement sets, whether the value differs or not.
macro_rules! if_indexed {
    (Uuid $column:ident, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident captured_at, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident created_at, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident deleted_at, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident equipment_category, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident inspection_date, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident item_key, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident position, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident resolved_at, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident scheduled_date, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident serial_number, $yes:expr, $no:expr) => {
        $yes
    };
    ($kind:ident $column:ident, $yes:expr, $no:expr) => {
        $no
    };
}

macro_rules! statements {
    ($($variant:ident $name:ident $scope:ident { $($column:ident : $kind:ident),+ $(,)? })+) => {
        static STATEMENTS: &[Statements] = &[$(Statements {
            entity: Entity::$variant,
            upsert: concat!(
                "INSERT INTO ", stringify!($name), " (id, row_ver", $(", ", stringify!($column),)+
                ") VALUES (:id, :row_ver", $(", :", stringify!($column),)+
                ") ON CONFLICT (id) DO UPDATE SET row_ver = excluded.row_ver",
                $(", ", stringify!($column), " = excluded.", stringify!($column),)+
            ),
            // Touches no index, and nothing where an indexed column has changed.
            renew: concat!(
                "UPDATE ", stringify!($name), " SET row_ver = :row_ver",
                $(if_indexed!($kind $column, "", concat!(", ", stringify!($column), " = :", stringify!($column))),)+
                " WHERE id = :id",
                $(if_indexed!($kind $column, concat!(" AND ", stringify!($column), " IS :", stringify!($column)), ""),)+
            ),
            indexed: &[$(if_indexed!($kind $column, true, false)),+],
            select: concat!(
                "SELECT id, row_ver", $(", ", stringify!($column),)+ " FROM ", stringify!($name), " WHERE id = ?1"
            ),
            delete: concat!("DELETE FROM ", stringify!($name), " WHERE id = ?1"),
            keys: concat!("SELECT id, row_ver FROM ", stringify!($name), " WHERE row_ver > 0"),
            count: concat!("SELECT count(*) FROM ", stringify!($name)),
        }),+];
    };
}
clara_domain::mirrored!(statements);

impl Statements {
    /// Where in `renew` id, row_ver and the columns stand: SQLite counts names in the order in which they first appear.
    fn places(&self) -> Vec<usize> {
        let set = self.indexed.iter().filter(|indexed| !**indexed).count();
        let (mut next_set, mut next_compared) = (2, set + 3);
        let mut places = Vec::with_capacity(self.indexed.len() + 2);
        places.extend([set + 2, 1]);
        for indexed in self.indexed {
            let next = if *indexed { &mut next_compared } else { &mut next_set };
            places.push(*next);
            *next += 1;
        }
        places
    }
}

/// Of a mirrored table; none for the one table that is only appended to.
pub(crate) fn of(entity: Entity) -> Result<&'static Statements, MirrorError> {
    STATEMENTS
        .get(entity as usize)
        .filter(|statements| statements.entity == entity)
        .ok_or(MirrorError::Unreadable("a table that is not mirrored"))
}

/// The description of a mirrored table.
pub(crate) fn table(entity: Entity) -> Result<&'static Table, MirrorError> {
    entity.table().ok_or(MirrorError::Unreadable("a table that is not mirrored"))
}

/// A uuid as both databases write it, without an allocation.
pub(crate) struct Key([u8; 36]);

impl Key {
    pub(crate) fn of(id: Uuid) -> Self {
        let mut buffer = [0; 36];
        id.as_hyphenated().encode_lower(&mut buffer);
        Self(buffer)
    }
}

impl ToSql for Key {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

struct Bound<'a>(&'a Cell);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            Cell::Null => ValueRef::Null,
            Cell::Int(i) => ValueRef::Integer(*i),
            Cell::Real(r) => ValueRef::Real(*r),
            Cell::Text(t) => ValueRef::Text(t.as_bytes()),
        }))
    }
}

/// Reads a uuid from a text column.
pub(crate) fn uuid_at(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    let text = row.get_ref(index)?.as_str()?;
    Uuid::parse_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(index, rusqlite::types::Type::Text, Box::new(error)))
}

/// Writes rows of one table, its statements prepared once. A row that is there and of which no index knows anything new
/// is written without one: a tenth of the pages.
pub(crate) struct Upsert<'c> {
    connection: &'c Connection,
    statements: &'static Statements,
    /// Prepared for the first row that is new: most calls bring one that is there.
    whole: Option<CachedStatement<'c>>,
    renew: CachedStatement<'c>,
    /// Where in `renew` id, row_ver and the columns stand.
    places: Vec<usize>,
    /// Rows in a row that `renew` was tried for in vain.
    misses: u32,
    /// Rows for which it is not tried any more.
    passed_over: u32,
}

impl<'c> Upsert<'c> {
    pub(crate) fn new(connection: &'c Connection, entity: Entity) -> Result<Self, MirrorError> {
        let statements = of(entity)?;
        let renew = connection.prepare_cached(statements.renew)?;
        let places = statements.places();
        Ok(Self { connection, statements, whole: None, renew, places, misses: 0, passed_over: 0 })
    }

    pub(crate) fn row(&mut self, row: &Row) -> Result<(), MirrorError> {
        if self.places.len() != row.cells.len() + 2 {
            return Err(MirrorError::Unreadable("a row with another number of columns"));
        }
        if self.passed_over == 0 {
            let places = self.places.iter().copied();
            if bind(&mut self.renew, places, row)?.raw_execute()? > 0 {
                self.misses = 0;
                return Ok(());
            }
            // New rows come many at a time: looking for each of them would be for nothing.
            self.misses = (self.misses + 1).min(10);
            self.passed_over = 1 << self.misses;
        }
        self.passed_over -= 1;
        let whole = match &mut self.whole {
            Some(whole) => whole,
            none => none.insert(self.connection.prepare_cached(self.statements.upsert)?),
        };
        bind(whole, 1.., row)?.raw_execute()?;
        Ok(())
    }
}

/// Binds id, row_ver and cells at these places.
fn bind<'s, 'c>(
    statement: &'s mut Statement<'c>,
    mut places: impl Iterator<Item = usize>,
    row: &Row,
) -> Result<&'s mut Statement<'c>, MirrorError> {
    let mut place = || places.next().ok_or(MirrorError::Unreadable("a column"));
    statement.raw_bind_parameter(place()?, Key::of(row.id))?;
    statement.raw_bind_parameter(place()?, row.row_ver)?;
    for cell in &row.cells {
        statement.raw_bind_parameter(place()?, Bound(cell))?;
    }
    Ok(statement)
}

/// One row as it stands in the mirror.
pub(crate) fn select(connection: &Connection, entity: Entity, id: Uuid) -> Result<Option<Row>, MirrorError> {
    let width = table(entity)?.columns.len();
    let mut statement = connection.prepare_cached(of(entity)?.select)?;
    Ok(statement
        .query_row([Key::of(id)], |row| {
            let mut cells = Vec::with_capacity(width);
            for at in 0..width {
                cells.push(match row.get_ref(at + 2)? {
                    ValueRef::Null => Cell::Null,
                    ValueRef::Integer(i) => Cell::Int(i),
                    ValueRef::Real(r) => Cell::Real(r),
                    ValueRef::Text(t) | ValueRef::Blob(t) => Cell::Text(String::from_utf8_lossy(t).into_owned()),
                });
            }
            Ok(Row { id, row_ver: row.get(1)?, cells })
        })
        .optional()?)
}

/// Removes one row. Returns whether it was there.
pub(crate) fn delete(connection: &Connection, entity: Entity, id: Uuid) -> Result<bool, MirrorError> {
    Ok(connection.prepare_cached(of(entity)?.delete)?.execute([Key::of(id)])? > 0)
}

/// The rows of all mirrored tables that a database has; an older one does not have them all.
pub(crate) fn rows_in_all(connection: &Connection) -> Result<u64, MirrorError> {
    let mut present =
        connection.prepare("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1)")?;
    let mut rows = 0;
    for statements in STATEMENTS {
        if present.query_row([statements.entity.name()], |row| row.get(0))? {
            rows += connection.query_row(statements.count, [], |row| row.get::<_, i64>(0))?;
        }
    }
    Ok(u64::try_from(rows).unwrap_or(0))
}

/// Calls `each` with id and version of every row that the server has seen.
pub(crate) fn keys(
    connection: &Connection,
    entity: Entity,
    mut each: impl FnMut(Uuid, i64),
) -> Result<(), MirrorError> {
    let mut statement = connection.prepare_cached(of(entity)?.keys)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        each(uuid_at(row, 0)?, row.get(1)?);
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use clara_domain::mirror::{Kind, TABLES};

    #[test]
    fn the_migrations_make_every_mirrored_table_column_for_column() {
        let connection = Connection::open_in_memory().unwrap();
        crate::migrate::run_all(&connection).unwrap();
        for table in TABLES {
            let mut columns = connection.prepare("SELECT name, type FROM pragma_table_info(?1)").unwrap();
            let found: Vec<(String, String)> =
                columns.query_map([table.name], |r| Ok((r.get(0)?, r.get(1)?))).unwrap().map(Result::unwrap).collect();
            let mut wanted = vec![("id".to_owned(), "TEXT".to_owned()), ("row_ver".to_owned(), "INTEGER".to_owned())];
            wanted.extend(table.columns.iter().map(|c| {
                let kind = match c.kind {
                    Kind::Int | Kind::Bool => "INTEGER",
                    Kind::Real => "REAL",
                    _ => "TEXT",
                };
                (c.name.to_owned(), kind.to_owned())
            }));
            assert_eq!(found, wanted, "{}", table.name);
            let strict: i64 = connection
                .query_row("SELECT strict FROM pragma_table_list WHERE name = ?1", [table.name], |r| r.get(0))
                .unwrap();
            assert_eq!(strict, 1, "{}", table.name);
            let indexed: Vec<String> = connection
                .prepare("SELECT DISTINCT i.name FROM pragma_index_list(?1) l, pragma_index_info(l.name) i WHERE i.seqno = 0")
                .unwrap()
                .query_map([table.name], |r| r.get(0))
                .unwrap()
                .map(Result::unwrap)
                .collect();
            for column in table.columns.iter().filter(|c| c.kind == Kind::Uuid) {
                assert!(indexed.contains(&column.name.to_owned()), "{}.{} has no index", table.name, column.name);
            }
        }
    }

    #[test]
    fn a_row_with_nothing_new_for_an_index_is_renewed_without_one() {
        let connection = Connection::open_in_memory().unwrap();
        crate::migrate::run_all(&connection).unwrap();
        for statements in STATEMENTS {
            let mut plan = connection.prepare(&format!("EXPLAIN {}", statements.renew)).unwrap();
            let steps: Vec<String> = plan.raw_query().mapped(|row| row.get(1)).map(Result::unwrap).collect();
            assert!(steps.contains(&"Insert".to_owned()), "{}", statements.renew);
            let indexed = |step: &String| step == "IdxInsert" || step == "IdxDelete";
            assert!(!steps.iter().any(indexed), "sets an indexed column: {}", statements.renew);
        }
    }

    #[test]
    fn every_value_of_a_renewed_row_stands_where_sqlite_looks_for_it() {
        let connection = Connection::open_in_memory().unwrap();
        crate::migrate::run_all(&connection).unwrap();
        for statements in STATEMENTS {
            let whole = connection.prepare(statements.upsert).unwrap();
            let renew = connection.prepare(statements.renew).unwrap();
            let wanted: Vec<usize> = (1..=whole.parameter_count())
                .map(|number| renew.parameter_index(whole.parameter_name(number).unwrap()).unwrap().unwrap())
                .collect();
            assert_eq!(statements.places(), wanted, "{}", statements.renew);
        }
    }

    #[test]
    fn any_column_that_has_changed_is_stored_whether_an_index_holds_it_or_not() {
        let connection = Connection::open_in_memory().unwrap();
        crate::migrate::run_all(&connection).unwrap();
        for table in TABLES {
            let cell = |kind, first| match kind {
                Kind::Json if first => Cell::Text("[1]".to_owned()),
                Kind::Json => Cell::Text("[2]".to_owned()),
                Kind::Int | Kind::Bool => Cell::Int(first.into()),
                Kind::Real => Cell::Real(if first { 0.5 } else { 0.25 }),
                _ => Cell::Text(if first { "one" } else { "two" }.to_owned()),
            };
            let whole = |first| table.columns.iter().map(|column| cell(column.kind, first)).collect();
            let mut row = Row { id: Uuid::from_u128(7), row_ver: 2, cells: whole(true) };
            let mut upsert = Upsert::new(&connection, table.entity).unwrap();
            upsert.row(&row).unwrap();
            for at in 0..row.cells.len() {
                for value in [Cell::Null, cell(table.columns[at].kind, false)] {
                    row.row_ver += 1;
                    row.cells[at] = value;
                    upsert.passed_over = 0;
                    upsert.row(&row).unwrap();
                    assert_eq!(select(&connection, table.entity, row.id).unwrap(), Some(row.clone()), "{}", table.name);
                }
            }
        }
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
    }

    #[test]
    fn a_row_comes_back_as_it_was_stored() {
        let connection = Connection::open_in_memory().unwrap();
        crate::migrate::run_all(&connection).unwrap();
        for table in TABLES {
            let row = Row {
                id: Uuid::from_u128(7),
                row_ver: 3,
                cells: table
                    .columns
                    .iter()
                    .map(|c| match c.kind {
                        Kind::Json => Cell::Text(r#"{"a":[1,null]}"#.to_owned()),
                        Kind::Int => Cell::Int(-5),
                        Kind::Bool => Cell::Int(1),
                        Kind::Real => Cell::Real(0.1),
                        _ => Cell::Text("5 µF ≤ 6 %\u{0}".to_owned()),
                    })
                    .collect(),
            };
            for _ in 0..2 {
                Upsert::new(&connection, table.entity).unwrap().row(&row).unwrap();
                assert_eq!(select(&connection, table.entity, row.id).unwrap(), Some(row.clone()), "{}", table.name);
            }
            assert!(delete(&connection, table.entity, row.id).unwrap());
            assert_eq!(select(&connection, table.entity, row.id).unwrap(), None);
        }
        assert!(of(Entity::PerformanceMetrics).is_err());
    }
}
