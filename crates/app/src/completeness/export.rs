use clara_contract::completeness::{CompletenessFilter, Csv};
use clara_domain::capture::completion_percentage;

use super::drill::row;
use super::survey::survey;
use crate::app::Core;
use crate::equipment::item::{Item, category_words};
use crate::error::Result;
use crate::field::{day, figure};

impl Core {
    /// Every item of the filter with its fields, for a spreadsheet.
    pub(crate) fn export_completeness(&self, filter: CompletenessFilter) -> Result<Csv> {
        let (now, today) = (self.now(), self.date());
        self.open()?.read(|view| {
            let found = survey(view, &filter, now, today)?;
            let mut text = line(&[
                "Site",
                "Tag",
                "Category",
                "Manufacturer",
                "Model",
                "Serial",
                "Location",
                "Captured",
                "Justified",
                "Missing",
                "Complete %",
                "Missing fields",
                "Justified fields",
                "Last visit",
                "By",
                "Photos",
            ]);
            for surveyed in &found.items {
                let item = Item::find(view, surveyed.id)?;
                let of = row(view, &item, surveyed, None)?;
                let count = item.count();
                let said = |text: &Option<String>| text.clone().unwrap_or_default();
                text.push_str(&line(&[
                    &of.location_name,
                    &of.tag,
                    category_words(of.category),
                    &said(&item.manufacturer),
                    &said(&item.model_number),
                    &item.record.word("serial_number"),
                    &said(&of.location_detail),
                    &count.captured.to_string(),
                    &count.justified.to_string(),
                    &of.missing.len().to_string(),
                    &figure((completion_percentage(&item.captured) * 10.0).round() / 10.0),
                    &of.missing.join("; "),
                    &of.justified.join("; "),
                    &said(&of.last_visit),
                    &said(&of.last_inspector),
                    &of.photos.to_string(),
                ]));
            }
            Ok(Csv { name: format!("completeness-{}.csv", day(today)), text })
        })
    }
}

fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| escape(cell)).collect();
    format!("{}\r\n", cells.join(","))
}

/// One cell, after RFC 4180. A spreadsheet takes a cell that begins with one of these signs for a formula, and a serial
/// number typed in a riser room must not be able to run one in the office.
fn escape(cell: &str) -> String {
    let number = cell.parse::<f64>().is_ok();
    let formula = !number && cell.trim_start().starts_with(['=', '+', '-', '@', '\t', '\r']);
    let formula = formula || cell.starts_with(['\t', '\r', '\n']);
    let cell = if formula { format!("'{cell}") } else { cell.to_owned() };
    if formula || cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn a_cell_that_a_spreadsheet_would_run_is_made_text() {
        assert_eq!(escape("=HYPERLINK(\"http://x\",\"y\")"), "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"");
        assert_eq!(escape("@SUM(A1)"), "\"'@SUM(A1)\"");
        assert_eq!(escape("+1-555-0100"), "\"'+1-555-0100\"");
        assert_eq!(escape("  =1+1"), "\"'  =1+1\"");
        assert_eq!(escape("\t=1+1"), "\"'\t=1+1\"");
    }

    #[test]
    fn numbers_stay_numbers_and_words_are_quoted_only_where_they_must_be() {
        assert_eq!(escape("-12.5"), "-12.5");
        assert_eq!(escape("Riser room"), "Riser room");
        assert_eq!(escape("Riser \"B\", level 2"), "\"Riser \"\"B\"\", level 2\"");
        assert_eq!(escape("two\nlines"), "\"two\nlines\"");
    }
}
