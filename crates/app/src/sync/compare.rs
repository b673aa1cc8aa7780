//! Both sides, row by row: what the server lets this person see against what the mirror holds. Slower than the check by
//! hashes that runs every day, and independent of it.

use std::collections::BTreeSet;

use clara_central::PgCentral;
use clara_domain::mirror::{Entity, TABLES};
use clara_domain::row::Row;
use clara_local::Mirror;
use clara_sync::Central;
use serde::Serialize;
use uuid::Uuid;

use crate::error::{Error, Result};

/// Rows asked for at once.
const PAGE: u32 = 1_000;

/// What a comparison found in one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// The table.
    pub table: String,
    /// Rows that the server shows this person.
    pub on_server: u64,
    /// Rows of these that the mirror holds, value for value.
    pub equal: u64,
    /// Rows that the mirror lacks or has with other values.
    pub differ: Vec<Uuid>,
    /// Rows that the mirror has and the server does not show.
    pub only_here: Vec<Uuid>,
}

/// Every mirrored table.
pub(super) async fn compare(mirror: &Mirror, central: &mut PgCentral) -> Result<Vec<Compared>> {
    let mut tables = Vec::new();
    for table in TABLES {
        let mut found = Compared { table: table.name.to_owned(), ..Compared::default() };
        let mut here: BTreeSet<Uuid> =
            mirror.read(|read| Ok::<_, Error>(read.all(table.entity)?.iter().map(|row| row.id).collect()))?;
        let mut after = None;
        loop {
            let page = central.page(table.entity, after, PAGE).await?;
            after = page.rows.last().map(|row| row.id).or(after);
            for row in &page.rows {
                found.on_server += 1;
                here.remove(&row.id);
                if equal(mirror, table.entity, row)? {
                    found.equal += 1;
                } else {
                    found.differ.push(row.id);
                }
            }
            if page.last {
                break;
            }
        }
        found.only_here = here.into_iter().collect();
        tables.push(found);
    }
    Ok(tables)
}

/// By value: the two databases may write the same document with other blanks.
fn equal(mirror: &Mirror, entity: Entity, row: &Row) -> Result<bool> {
    let table = entity.table().ok_or(Error::Bug("a table that is not mirrored"))?;
    let known = mirror.read(|read| Ok::<_, Error>(read.row(entity, row.id)?))?;
    Ok(known.is_some_and(|known| known.row_ver == row.row_ver && known.fields(table) == row.fields(table)))
}
