//! What was acknowledged, what the server has, and the difference, which must be nothing.

use clara_app::{App, Compared};
use clara_domain::PhotoId;
use serde::Serialize;

use super::stage::Stage;
use super::story::Acknowledged;
use crate::error::Error;
use crate::output::table;

/// The end of the story.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// Operations that the technician's laptop had acknowledged while it was offline.
    acknowledged: usize,
    /// Of these, in the server's ledger, each exactly once and in effect.
    on_server: usize,
    /// Photos whose bytes are the same on both laptops, having gone over the server.
    photos_equal: usize,
    /// Rows compared value for value, on both laptops.
    rows: u64,
    /// Whatever is not on both sides as it should be.
    pub(super) difference: usize,
    technician: Vec<Compared>,
    manager: Vec<Compared>,
}

pub(super) fn both_sides(
    stage: &Stage,
    acknowledged: &Acknowledged,
    technician: &App,
    manager: &App,
) -> Result<Outcome, Error> {
    let ids: Vec<String> = acknowledged.operations.iter().map(|operation| operation.op_id.to_string()).collect();
    let on_server = count(
        stage,
        &format!(
            "SELECT count(*) FROM sync.op WHERE outcome IN ('applied', 'merged', 'conflict') AND op_id IN ('{}')",
            // Ids that this program made itself, a moment ago.
            ids.join("','")
        ),
    )?;
    let inspection = acknowledged.inspection.inspection_id;
    let records = count(stage, &format!("SELECT count(*) FROM inspection_records WHERE id = '{inspection}'"))?;
    let stored = count(
        stage,
        &format!("SELECT count(*) FROM photos WHERE inspection_id = '{inspection}' AND state = 'stored'"),
    )?;
    let mut photos_equal = 0;
    for photo in &acknowledged.photos {
        if same_bytes(technician, manager, photo.photo_id)? {
            photos_equal += 1;
        }
    }
    let technician_side = technician.compare_with_server()?;
    let manager_side = manager.compare_with_server()?;
    let differing = |tables: &[Compared]| tables.iter().map(|t| t.differ.len() + t.only_here.len()).sum::<usize>();
    let unsent =
        technician.unsent_operations()?.iter().filter(|operation| ids.contains(&operation.op_id.to_string())).count();
    let difference = (ids.len() - on_server.min(ids.len()))
        + records.abs_diff(1)
        + stored.abs_diff(acknowledged.photos.len())
        + (acknowledged.photos.len() - photos_equal)
        + differing(&technician_side)
        + differing(&manager_side)
        + unsent;
    let rows = |tables: &[Compared]| tables.iter().map(|table| table.equal).sum::<u64>();
    Ok(Outcome {
        acknowledged: ids.len(),
        on_server,
        photos_equal,
        rows: rows(&technician_side) + rows(&manager_side),
        difference,
        technician: technician_side,
        manager: manager_side,
    })
}

fn count(stage: &Stage, sql: &str) -> Result<usize, Error> {
    let text = stage.cluster.psql("clara", sql)?;
    text.trim().parse().map_err(|_| Error::Story(format!("the server answered {text:?}")))
}

fn same_bytes(technician: &App, manager: &App, id: PhotoId) -> Result<bool, Error> {
    let (_, here) = technician.photo_bytes(id, false)?;
    let (_, there) = manager.photo_bytes(id, false)?;
    Ok(here == there)
}

pub(super) fn say(outcome: &Outcome) -> String {
    let mut rows = vec![["table", "technician", "differ", "manager", "differ"].map(str::to_owned).to_vec()];
    for (mine, office) in outcome.technician.iter().zip(&outcome.manager) {
        rows.push(vec![
            mine.table.clone(),
            mine.equal.to_string(),
            (mine.differ.len() + mine.only_here.len()).to_string(),
            office.equal.to_string(),
            (office.differ.len() + office.only_here.len()).to_string(),
        ]);
    }
    format!(
        "{}\n{} acknowledged on the laptop\n{} on the server\n{} photos equal byte for byte\n{} rows equal\n{} difference",
        table(&rows),
        outcome.acknowledged,
        outcome.on_server,
        outcome.photos_equal,
        outcome.rows,
        outcome.difference
    )
}
