//! Rows as they travel between the two databases.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use uuid::Uuid;

use crate::mirror::{Kind, Table};

/// A JSON object: column name to value.
pub type Fields = Map<String, Value>;

/// One value in the representation SQLite stores: booleans are 0 and 1; uuids, enums, dates (`YYYY-MM-DD`),
/// times (`HH:MM:SS`), UTC timestamps (`YYYY-MM-DDTHH:MM:SS.ffffffZ`) and JSON documents are text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// An integer or a boolean.
    Int(i64),
    /// A finite float.
    Real(f64),
    /// Everything else.
    Text(String),
}

/// One row of a mirrored table: its key, the server's version of it, and its cells in the order of
/// [`Table::columns`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Primary key.
    pub id: Uuid,
    /// The server's `row_ver`; 0 for a row that the server has not seen.
    pub row_ver: i64,
    /// As many as the table has columns.
    pub cells: Vec<Cell>,
}

impl Cell {
    /// The cell as JSON. `Kind` tells a boolean from a number and a document from a text.
    pub fn to_json(&self, kind: Kind) -> Value {
        match (self, kind) {
            (Cell::Null, _) => Value::Null,
            (Cell::Int(i), Kind::Bool) => Value::Bool(*i != 0),
            (Cell::Int(i), _) => Value::Number((*i).into()),
            (Cell::Real(r), _) => Number::from_f64(*r).map_or(Value::Null, Value::Number),
            (Cell::Text(t), Kind::Json) => serde_json::from_str(t).unwrap_or(Value::Null),
            (Cell::Text(t), _) => Value::String(t.clone()),
        }
    }

    /// The reverse of [`Cell::to_json`].
    pub fn from_json(value: &Value, kind: Kind) -> Cell {
        match (value, kind) {
            (Value::Null, _) => Cell::Null,
            (other, Kind::Json) => Cell::Text(other.to_string()),
            (Value::Bool(b), _) => Cell::Int((*b).into()),
            (Value::Number(n), Kind::Real) => n.as_f64().map_or(Cell::Null, Cell::Real),
            (Value::Number(n), _) => {
                n.as_i64().map(Cell::Int).or_else(|| n.as_f64().map(Cell::Real)).unwrap_or(Cell::Null)
            }
            (Value::String(s), _) => Cell::Text(s.clone()),
            (other, _) => Cell::Text(other.to_string()),
        }
    }
}

impl Row {
    /// Column name to value, `id` and `row_ver` not included.
    pub fn fields(&self, table: &Table) -> Fields {
        table
            .columns
            .iter()
            .zip(&self.cells)
            .map(|(column, cell)| (column.name.to_owned(), cell.to_json(column.kind)))
            .collect()
    }

    /// A row from column values; columns that `fields` does not name become NULL.
    pub fn from_fields(table: &Table, id: Uuid, row_ver: i64, fields: &Fields) -> Row {
        let cells = table
            .columns
            .iter()
            .map(|column| fields.get(column.name).map_or(Cell::Null, |value| Cell::from_json(value, column.kind)))
            .collect();
        Row { id, row_ver, cells }
    }
}
