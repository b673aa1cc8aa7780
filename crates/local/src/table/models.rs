//! The catalogue: models, their makers and known problems.

use clara_domain::ModelId;
use rusqlite::OptionalExtension;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{json, optional_id, text_id};
use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::Key;

/// One model with its maker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Model {
    /// Which.
    pub id: ModelId,
    /// Its number.
    pub model_number: String,
    /// Its maker.
    pub manufacturer: String,
    /// Maker's support.
    pub support_phone: Option<String>,
    /// Maker's site.
    pub website: Option<String>,
    /// Its trade name.
    pub product_name: Option<String>,
    /// `equipment_category`.
    pub category: Option<String>,
    /// Factory specs.
    pub electrical_specs: Value,
    /// Factory specs.
    pub pressure_specs: Value,
    /// Factory specs.
    pub temperature_specs: Value,
    /// Factory specs.
    pub flow_specs: Value,
    /// Factory specs.
    pub physical_specs: Value,
    /// Made since.
    pub year_introduced: Option<i64>,
    /// Not made any more since.
    pub year_discontinued: Option<i64>,
    /// What replaces it.
    pub replaced_by: Option<ModelId>,
    /// The number of that.
    pub replaced_by_number: Option<String>,
    /// For maintenance.
    pub maintenance_notes: Option<String>,
    /// Where the specs are from.
    pub data_source: Option<String>,
    /// How sure they are, 0 to 1.
    pub confidence_score: Option<f64>,
    /// Items of it in the mirror.
    pub in_our_care: u32,
}

/// One known problem of a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    /// Which.
    pub id: Uuid,
    /// What goes wrong.
    pub description: String,
    /// How it shows: an array of texts.
    pub symptoms: Value,
    /// Why.
    pub root_cause: Option<String>,
    /// What to do.
    pub solution: Option<String>,
    /// `problem_severity`.
    pub severity: String,
    /// `problem_frequency`.
    pub frequency: String,
    /// At what age.
    pub typical_age_range: Option<String>,
    /// An array of texts.
    pub related_parts: Value,
    /// About how much.
    pub estimated_repair_cost: Option<String>,
    /// An array of texts.
    pub data_sources: Value,
}

impl Read<'_> {
    /// One model.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn model(&self, id: ModelId) -> Result<Option<Model>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT m.id, m.model_number, f.name, f.support_phone, f.website, m.product_name, m.equipment_category,
                 m.electrical_specs, m.pressure_specs, m.temperature_specs, m.flow_specs, m.physical_specs,
                 m.year_introduced, m.year_discontinued, m.replacement_model_id, r.model_number, m.maintenance_notes,
                 m.data_source, m.confidence_score,
                 (SELECT count(*) FROM equipment_inventory e WHERE e.equipment_model_id = m.id AND e.deleted_at IS NULL)
             FROM equipment_models m
             LEFT JOIN manufacturers f ON f.id = m.manufacturer_id
             LEFT JOIN equipment_models r ON r.id = m.replacement_model_id
             WHERE m.id = ?1 AND m.deleted_at IS NULL",
        )?;
        Ok(statement
            .query_row([Key::of(id.uuid())], |row| {
                let text = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.unwrap_or_default());
                Ok(Model {
                    id: text_id(row, 0)?,
                    model_number: text(1)?,
                    manufacturer: text(2)?,
                    support_phone: row.get(3)?,
                    website: row.get(4)?,
                    product_name: row.get(5)?,
                    category: row.get(6)?,
                    electrical_specs: json(row, 7)?,
                    pressure_specs: json(row, 8)?,
                    temperature_specs: json(row, 9)?,
                    flow_specs: json(row, 10)?,
                    physical_specs: json(row, 11)?,
                    year_introduced: row.get(12)?,
                    year_discontinued: row.get(13)?,
                    replaced_by: optional_id(row, 14)?,
                    replaced_by_number: row.get(15)?,
                    maintenance_notes: row.get(16)?,
                    data_source: row.get(17)?,
                    confidence_score: row.get(18)?,
                    in_our_care: row.get(19)?,
                })
            })
            .optional()?)
    }

    /// The known problems of a model: the most frequent first, the gravest first among those.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn problems_of(&self, id: ModelId) -> Result<Vec<Problem>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, problem_description, symptoms, root_cause, solution, severity, frequency, typical_age_range,
                 related_parts, estimated_repair_cost, data_sources
             FROM common_problems WHERE equipment_model_id = ?1 AND deleted_at IS NULL
             ORDER BY CASE frequency WHEN 'very_common' THEN 0 WHEN 'common' THEN 1 WHEN 'occasional' THEN 2 ELSE 3 END,
                 CASE severity WHEN 'critical' THEN 0 WHEN 'high' THEN 1 WHEN 'medium' THEN 2 ELSE 3 END, id",
        )?;
        let problems = statement.query_map([Key::of(id.uuid())], |row| {
            let text = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.unwrap_or_default());
            Ok(Problem {
                id: text_id(row, 0)?,
                description: text(1)?,
                symptoms: json(row, 2)?,
                root_cause: row.get(3)?,
                solution: row.get(4)?,
                severity: text(5)?,
                frequency: text(6)?,
                typical_age_range: row.get(7)?,
                related_parts: json(row, 8)?,
                estimated_repair_cost: row.get(9)?,
                data_sources: json(row, 10)?,
            })
        })?;
        Ok(problems.collect::<Result<_, _>>()?)
    }

    /// Models in the catalogue.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn catalogue_size(&self) -> Result<u32, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT CASE WHEN search_built = 1 THEN (SELECT count(*) FROM spec_index)
                 ELSE (SELECT count(*) FROM equipment_models WHERE model_number IS NOT NULL AND deleted_at IS NULL) END
             FROM profile",
        )?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }
}
