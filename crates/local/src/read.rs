use clara_domain::mirror::Entity;
use clara_domain::row::{Fields, Row};
use rusqlite::Connection;
use uuid::Uuid;

use crate::error::MirrorError;
use crate::photo_file::PhotoFiles;
use crate::statement;

/// The mirror at one point in time. What a screen needs of a table is a method in `table/<table>.rs`.
pub struct Read<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) photos: &'c PhotoFiles,
}

impl Read<'_> {
    /// One row as the person sees it: the server's version with unsent work over it.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn row(&self, entity: Entity, id: Uuid) -> Result<Option<Row>, MirrorError> {
        statement::select(self.connection, entity, id)
    }

    /// The same as column name to value, without `id` and `row_ver`.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn fields(&self, entity: Entity, id: Uuid) -> Result<Option<Fields>, MirrorError> {
        let table = statement::table(entity)?;
        Ok(self.row(entity, id)?.map(|row| row.fields(table)))
    }
}
