//! A pull of few changes, in one call: `sync.pull`, whose lines leave out what is the same as in the line before.

use std::borrow::Cow;

use clara_domain::mirror::{Entity, Table};
use clara_domain::row::{Cell, Row};
use clara_sync::{CentralError, Pull, PullRequest, TableRows, Tombstone};
use uuid::Uuid;

use crate::client::PgCentral;
use crate::hello::garbled;
use crate::message::Message;
use crate::pull::{News, judge_head};
use crate::table::{self, present};

/// What came of it.
pub(crate) enum Delta {
    /// All of it.
    Whole(Box<Pull>),
    /// These have changed, and by more than one answer should hold: they are to be asked for.
    Names(News),
}

pub(crate) async fn pull(central: &mut PgCentral, request: &PullRequest) -> Result<Delta, CentralError> {
    let message = Message::snapshot()
        .sql("SELECT sync.pull(")
        .uuid(request.device.uuid())
        .sql(",")
        .cursor(&request.cursor)
        .sql(")")
        .end();
    let answers = central.exchange(message).await?;
    let mut lines = answers.first().ok_or_else(garbled)?.iter().map(|row| present(row, 0));
    let mut next = || lines.next().transpose();
    let (hello, names) = (next()?.ok_or_else(garbled)?, next()?.ok_or_else(garbled)?);
    let (hello, news) = judge_head(central, hello, names)?;
    let mut pull = Pull { hello, granted: vec![], revoked: vec![], rows: vec![], tombstones: vec![] };
    let mut part = Part::Unknown;
    let mut told = Vec::new();
    while let Some(line) = next()? {
        if line == "+" {
            return Ok(Delta::Names(news));
        }
        if let Some(name) = line.strip_prefix('=') {
            part.end(&mut pull);
            part = Part::begin(name);
            told.extend(name.parse::<Entity>());
            continue;
        }
        match &mut part {
            Part::Rows(rows) => rows.take(line)?,
            Part::Tombstones => {
                let (id, name) = line.split_once('\t').ok_or_else(garbled)?;
                let id = id.parse().map_err(|_| garbled())?;
                // A table that a newer server knows and this program does not is none of its business.
                pull.tombstones.extend(name.parse().map(|entity| Tombstone { entity, id }));
            }
            Part::Unknown => {}
        }
    }
    part.end(&mut pull);
    // A table that this program has learnt since the function was written.
    if news.entities.iter().any(|entity| !told.contains(entity)) {
        return Ok(Delta::Names(news));
    }
    Ok(Delta::Whole(Box::new(pull)))
}

/// What the lines are about.
enum Part {
    Rows(Rows),
    Tombstones,
    Unknown,
}

impl Part {
    fn begin(name: &str) -> Self {
        match name.parse::<Entity>().ok().and_then(Entity::table) {
            Some(table) => Part::Rows(Rows::of(table)),
            None if name == "tombstone" => Part::Tombstones,
            None => Part::Unknown,
        }
    }

    fn end(&mut self, pull: &mut Pull) {
        if let Part::Rows(Rows { table, rows, .. }) = self
            && !rows.is_empty()
        {
            pull.rows.push(TableRows { entity: table.entity, rows: std::mem::take(rows) });
        }
    }
}

/// Rows of one table, each told by how it differs from the one before.
struct Rows {
    table: &'static Table,
    rows: Vec<Row>,
    before: Row,
}

impl Rows {
    fn of(table: &'static Table) -> Self {
        let cells = vec![Cell::Null; table.columns.len()];
        Self { table, rows: Vec::new(), before: Row { id: Uuid::nil(), row_ver: 0, cells } }
    }

    fn take(&mut self, line: &str) -> Result<(), CentralError> {
        let mut fields = line.split('\t');
        let mut row = self.before.clone();
        row.id = fields.next().and_then(|id| Uuid::try_parse(id).ok()).ok_or_else(garbled)?;
        match fields.next() {
            Some("") | None => {}
            Some(version) => row.row_ver = version.parse().map_err(|_| garbled())?,
        }
        let mut columns = self.table.columns.iter().zip(&mut row.cells);
        for field in fields {
            let (column, cell) = columns.next().ok_or_else(garbled)?;
            *cell = match field {
                "" => continue,
                "\\N" => Cell::Null,
                "\\E" => table::cell(self.table, column, Some(""))?,
                told => table::cell(self.table, column, Some(&plain(told)))?,
            };
        }
        self.before.clone_from(&row);
        self.rows.push(row);
        Ok(())
    }
}

/// A text without the backslashes that kept it in its field.
fn plain(told: &str) -> Cow<'_, str> {
    if !told.contains('\\') {
        return Cow::Borrowed(told);
    }
    let mut plain = String::with_capacity(told.len());
    let mut rest = told.chars();
    while let Some(letter) = rest.next() {
        match letter {
            '\\' => plain.extend(rest.next().map(|escaped| if escaped == 't' { '\t' } else { escaped })),
            _ => plain.push(letter),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_leaves_out_is_as_in_the_one_before() {
        let mut rows = Rows::of(Entity::JobEquipment.table().unwrap());
        let id = |n: u128| Uuid::from_u128(n).to_string();
        let text = |text: &str| Cell::Text(text.to_owned());
        rows.take(&format!("{}\t7\tj\te\tl\ta\\tb\\\\t\\\\N", id(1))).unwrap();
        rows.take(&id(2)).unwrap();
        rows.take(&format!("{}\t8\t\tf\t\t\\N", id(3))).unwrap();
        rows.take(&format!("{}\t\t\t\t\t\\E", id(4))).unwrap();
        assert_eq!(rows.rows.iter().map(|row| row.row_ver).collect::<Vec<_>>(), [7, 7, 8, 8]);
        let of_first = [text("j"), text("e"), text("l"), text("a\tb\\t\\N"), Cell::Null, Cell::Null];
        assert_eq!(rows.rows[0].cells, of_first);
        assert_eq!(rows.rows[1].cells, of_first);
        assert_eq!(rows.rows[2].cells[..4], [text("j"), text("f"), text("l"), Cell::Null]);
        assert_eq!(rows.rows[3].cells[3], text(""));
        let long = format!("{}{}", id(5), "\tx".repeat(8));
        for garbled in ["", "not-an-id", &format!("{}\tseven", id(5)), &long] {
            assert!(rows.take(garbled).is_err(), "{garbled}");
        }
    }
}
