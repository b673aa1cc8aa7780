//! What an inspection asks.

use clara_domain::limit::Limits;
use rusqlite::{OptionalExtension, Row};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{json, text_id};
use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::Key;

/// One template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Template {
    /// Which.
    pub id: Uuid,
    /// The same for all its revisions.
    pub template_key: String,
    /// For a person.
    pub name: String,
    /// `equipment_category`.
    pub category: Option<String>,
    /// Goes into the record.
    pub inspection_type: Option<String>,
    /// The standard it follows.
    pub standard: Option<String>,
    /// Its edition.
    pub edition: Option<String>,
    /// Our revision of it.
    pub revision: i64,
    /// How often.
    pub frequency: Option<String>,
}

/// One question of a template.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TemplateItem {
    /// Which.
    pub id: Uuid,
    /// Its key in `measurements`.
    pub item_key: String,
    /// The step it belongs to.
    pub section: String,
    /// Its place.
    pub position: i64,
    /// For a person.
    pub label: String,
    /// How it is answered.
    pub item_type: String,
    /// Of a number.
    pub unit: Option<String>,
    /// Completion waits for it.
    pub is_required: bool,
    /// For a choice.
    pub choices: Value,
    /// Of a number.
    pub limits: Limits,
    /// Standard and section.
    pub limit_source: Option<String>,
    /// The rule in one sentence.
    pub why: Option<String>,
    /// When it is asked.
    pub condition: Value,
    /// What to propose where it fails.
    pub deficiency: Value,
}

macro_rules! template_columns {
    () => {
        "SELECT id, template_key, name, equipment_category, inspection_type, standard, edition, revision, frequency
         FROM inspection_templates "
    };
}

fn template(row: &Row<'_>) -> rusqlite::Result<Template> {
    Ok(Template {
        id: text_id(row, 0)?,
        template_key: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
        name: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
        category: row.get(3)?,
        inspection_type: row.get(4)?,
        standard: row.get(5)?,
        edition: row.get(6)?,
        revision: row.get::<_, Option<i64>>(7)?.unwrap_or(0),
        frequency: row.get(8)?,
    })
}

impl Read<'_> {
    /// The active templates of a category, newest revision first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn templates_for(&self, category: &str) -> Result<Vec<Template>, MirrorError> {
        let mut statement = self.connection.prepare_cached(concat!(
            template_columns!(),
            "WHERE equipment_category = ?1 AND is_active = 1 AND deleted_at IS NULL ORDER BY name, revision DESC, id"
        ))?;
        Ok(statement.query_map([category], template)?.collect::<Result<_, _>>()?)
    }

    /// One template, active or not.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn template(&self, id: Uuid) -> Result<Option<Template>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!(template_columns!(), "WHERE id = ?1"))?
            .query_row([Key::of(id)], template)
            .optional()?)
    }

    /// The questions of a template, in order.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn template_items(&self, id: Uuid) -> Result<Vec<TemplateItem>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, item_key, section, position, label, item_type, unit, is_required, choices, limit_min, limit_max,
                 impossible_min, impossible_max, suspicious_min, suspicious_max, limit_source, why, condition, deficiency
             FROM template_items WHERE template_id = ?1 AND deleted_at IS NULL ORDER BY position, id",
        )?;
        let items = statement.query_map([Key::of(id)], |row| {
            let text = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(index)?.unwrap_or_default());
            Ok(TemplateItem {
                id: text_id(row, 0)?,
                item_key: text(1)?,
                section: text(2)?,
                position: row.get::<_, Option<i64>>(3)?.unwrap_or(0),
                label: text(4)?,
                item_type: text(5)?,
                unit: row.get(6)?,
                is_required: row.get::<_, Option<bool>>(7)?.unwrap_or(false),
                choices: json(row, 8)?,
                limits: Limits {
                    min: row.get(9)?,
                    max: row.get(10)?,
                    impossible_min: row.get(11)?,
                    impossible_max: row.get(12)?,
                    suspicious_min: row.get(13)?,
                    suspicious_max: row.get(14)?,
                },
                limit_source: row.get(15)?,
                why: row.get(16)?,
                condition: json(row, 17)?,
                deficiency: json(row, 18)?,
            })
        })?;
        Ok(items.collect::<Result<_, _>>()?)
    }
}
