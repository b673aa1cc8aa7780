use clara_domain::ModelId;
use serde::Serialize;
use uuid::Uuid;

use super::word_expression;
use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::uuid_at;

/// A known problem that fits some words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ProblemHit {
    /// Which.
    pub problem_id: Uuid,
    /// Of which model.
    pub model_id: ModelId,
    /// Its number.
    pub model_number: Option<String>,
    /// Its maker.
    pub manufacturer: Option<String>,
    /// What goes wrong.
    pub description: String,
    /// `problem_severity`.
    pub severity: Option<String>,
    /// `problem_frequency`.
    pub frequency: Option<String>,
}

impl Read<'_> {
    /// Known problems by words of their description, symptoms, cause, solution or parts; every word may be a beginning,
    /// look-alike characters count as one. Best match first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn search_problems(&self, text: &str, limit: u32) -> Result<Vec<ProblemHit>, MirrorError> {
        let Some(expression) = word_expression(text) else { return Ok(Vec::new()) };
        let mut statement = self.connection.prepare_cached(
            "SELECT p.id, p.equipment_model_id, m.model_number, f.name, p.problem_description, p.severity, p.frequency
             FROM (SELECT rowid AS n, rank AS place FROM problem_words WHERE problem_words MATCH ?1
                   ORDER BY rank LIMIT ?2) w
             JOIN problem_index x ON x.n = w.n
             JOIN common_problems p ON p.id = x.problem_id
             LEFT JOIN equipment_models m ON m.id = p.equipment_model_id
             LEFT JOIN manufacturers f ON f.id = m.manufacturer_id
             ORDER BY w.place",
        )?;
        let hits = statement.query_map(rusqlite::params![expression, limit], |row| {
            Ok(ProblemHit {
                problem_id: uuid_at(row, 0)?,
                model_id: ModelId(uuid_at(row, 1)?),
                model_number: row.get(2)?,
                manufacturer: row.get(3)?,
                description: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
                severity: row.get(5)?,
                frequency: row.get(6)?,
            })
        })?;
        Ok(hits.collect::<Result<_, _>>()?)
    }
}
