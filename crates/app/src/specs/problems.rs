//! Known problems of a model.

use clara_contract::specs::Problem;
use clara_domain::mirror::Entity;
use uuid::Uuid;

use crate::error::Result;
use crate::view::View;

/// Most frequent first, then gravest.
pub(crate) fn of(view: &View<'_>, model: Uuid) -> Result<Vec<Problem>> {
    let rank = |word: &str, words: [&str; 4]| words.iter().position(|known| *known == word).unwrap_or(words.len());
    let mut rows = view.by(Entity::CommonProblems, "equipment_model_id", model)?;
    rows.sort_by_key(|row| {
        (
            rank(&row.word("frequency"), ["very_common", "common", "occasional", "rare"]),
            rank(&row.word("severity"), ["critical", "high", "medium", "low"]),
        )
    });
    Ok(rows
        .iter()
        .map(|row| Problem {
            description: row.word("problem_description"),
            symptoms: row.texts("symptoms"),
            root_cause: row.text("root_cause"),
            solution: row.text("solution"),
            severity: row.word("severity"),
            frequency: row.word("frequency"),
            typical_age_range: row.text("typical_age_range"),
            related_parts: row.texts("related_parts"),
        })
        .collect())
}
