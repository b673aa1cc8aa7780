//! `clara specs …`

use std::fmt::Write as _;
use std::process::ExitCode;

use clara_app::App;
use clara_contract::specs::{ModelSheet, OpenModel, SearchSpecs, SpecScope, SpecsFound};
use clara_domain::ModelId;

use crate::arguments::Specs;
use crate::error::Error;
use crate::output::{Output, table};

pub(crate) fn run(verb: &Specs, app: &App, output: &Output) -> Result<ExitCode, Error> {
    let done = match verb {
        Specs::Search { text, within, limit } => {
            let within = match within.as_str() {
                "in_our_care" => SpecScope::InOurCare,
                "this_site" => SpecScope::ThisSite,
                _ => SpecScope::All,
            };
            let request = SearchSpecs { text: text.clone(), within, location_id: None, limit: *limit };
            output.answer(&app.search_specs(request)?, found)
        }
        Specs::Show { model } => output.answer(&app.open_model(OpenModel { model_id: ModelId(*model) })?, sheet),
    };
    app.close();
    done
}

fn found(found: &SpecsFound) -> String {
    let rows: Vec<Vec<String>> = found
        .models
        .iter()
        .map(|model| {
            vec![
                model.manufacturer.clone(),
                model.model_number.clone(),
                model.product_name.clone().unwrap_or_default(),
                format!("{} in our care", model.in_our_care),
                model.model_id.to_string(),
            ]
        })
        .collect();
    format!("{}{} of {} models, read as {}", table(&rows), found.models.len(), found.catalogue, found.read_as)
}

fn sheet(sheet: &ModelSheet) -> String {
    let mut text = format!("{} {}\n", sheet.manufacturer, sheet.model_number);
    for group in &sheet.specs {
        let _ = writeln!(text, "{}", group.title);
        for (label, value) in &group.lines {
            let _ = writeln!(text, "  {label}: {value}");
        }
    }
    for problem in &sheet.problems {
        let _ = writeln!(text, "{} ({}): {}", problem.severity, problem.frequency, problem.description);
    }
    text
}
