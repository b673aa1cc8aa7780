//! `clara completeness`

use std::process::ExitCode;

use clara_app::App;
use clara_contract::completeness::{Completeness as Page, CompletenessFilter, Drill, DrillRow};
use clara_domain::{LocationId, UserId};

use crate::arguments::Completeness;
use crate::error::Error;
use crate::output::{Output, table};
use crate::{equipment, job};

pub(crate) fn run(asked: &Completeness, app: &App, output: &Output) -> Result<ExitCode, Error> {
    let filter = CompletenessFilter {
        location_id: asked.location.map(LocationId),
        category: equipment::category_of(asked.category.as_deref())?,
        job_id: asked.job.as_deref().map(|job| job::find(app, job)).transpose()?,
        technician_id: asked.technician.map(UserId),
    };
    let done = if asked.csv {
        output.answer(&app.export_completeness(filter)?, |csv| csv.text.clone())
    } else if asked.rows {
        let rows = app.drill_completeness(Drill { filter, field_key: None, limit: None })?;
        output.answer(&rows, |rows| list(rows))
    } else {
        output.answer(&app.completeness(filter)?, page)
    };
    app.close();
    done
}

fn list(rows: &[DrillRow]) -> String {
    let row = |item: &DrillRow| {
        vec![item.location_name.clone(), item.tag.clone(), item.missing.join(", "), item.justified.join(", ")]
    };
    table(&rows.iter().map(row).collect::<Vec<_>>())
}

fn page(page: &Page) -> String {
    let mut rows = vec![vec![
        page.filter_words.clone(),
        format!("{}%", page.percentage),
        format!("{} captured", page.total.captured),
        format!("{} justified", page.total.justified),
        format!("{} missing", page.total.missing),
        format!("{} unknown", page.unknown),
    ]];
    for site in &page.sites {
        rows.push(vec![
            format!("  {}", site.name),
            format!("{}%", site.percentage),
            format!("{} captured", site.count.captured),
            format!("{} justified", site.count.justified),
            format!("{} missing", site.count.missing),
        ]);
    }
    table(&rows)
}
