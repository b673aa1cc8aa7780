//! Which required fields are captured, over one item or all of them.

use std::collections::{BTreeMap, HashMap};

use clara_domain::capture::{FieldCapture, FieldState, Item, Requirement, judge};
use clara_domain::row::Fields;
use clara_domain::{EquipmentId, JobId, LocationId, UserId};
use rusqlite::{OptionalExtension, Row, named_params};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::{json, optional_id, text_id};
use crate::error::MirrorError;
use crate::read::Read;
use crate::statement::Key;

/// Which items.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CaptureFilter<'f> {
    /// At a site.
    pub location: Option<LocationId>,
    /// `equipment_category`.
    pub category: Option<&'f str>,
    /// Of a job.
    pub job: Option<JobId>,
    /// Of a technician's jobs.
    pub technician: Option<UserId>,
    /// One item.
    pub equipment: Option<EquipmentId>,
}

/// What completeness is added up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Per site.
    Site,
    /// Per category.
    Category,
    /// Per job; an item counts in each of its jobs.
    Job,
    /// Per technician; an item counts for everybody who has a job with it.
    Technician,
}

/// An item as it is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct CaptureHead {
    /// Which.
    pub equipment_id: EquipmentId,
    /// Its site.
    pub location_id: Option<LocationId>,
    /// Its category.
    pub category: String,
}

/// Counts and weights of required fields.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct CaptureTotals {
    /// Items judged.
    pub items: u32,
    /// Fields with a value.
    pub captured: u32,
    /// Fields with a reason.
    pub justified: u32,
    /// Fields with neither.
    pub missing: u32,
    /// Weight of all required fields.
    pub weight: i64,
    /// Weight of those captured or justified.
    pub weight_done: i64,
}

impl CaptureTotals {
    /// Adds one item.
    pub fn add(&mut self, fields: &[FieldCapture]) {
        self.items += 1;
        for field in fields {
            self.weight += field.weight;
            match field.state {
                FieldState::Captured => self.captured += 1,
                FieldState::Justified => self.justified += 1,
                FieldState::Missing => self.missing += 1,
            }
            if field.state != FieldState::Missing {
                self.weight_done += field.weight;
            }
        }
    }

    /// Weight done over weight required; 100 where nothing is required.
    pub fn percentage(&self) -> f64 {
        if self.weight == 0 { 100.0 } else { self.weight_done as f64 * 100.0 / self.weight as f64 }
    }
}

/// The completeness of one group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptureGroup {
    /// Id of the site, job or technician, or the category.
    pub key: String,
    /// For a person.
    pub name: String,
    /// Its counts.
    pub totals: CaptureTotals,
}

/// One data-capture log.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptureLog {
    /// Which.
    pub id: Uuid,
    /// Its job.
    pub job_id: Option<JobId>,
    /// Its item.
    pub equipment_id: Option<EquipmentId>,
    /// Who wrote it.
    pub technician_id: Option<UserId>,
    /// Its site.
    pub location_id: Option<LocationId>,
    /// In percent.
    pub completion_percentage: f64,
    /// RFC 3339.
    pub captured_at: Option<String>,
}

/// Logs of one month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptureMonth {
    /// `YYYY-MM`.
    pub month: String,
    /// Mean of the logs' percentages.
    pub percentage: f64,
    /// How many.
    pub logs: u32,
}

/// A catalogue of 100,000 models does not fit into the page cache, so ten thousand items must not look theirs up: an
/// item of a catalogue model has maker and number, whatever they are.
macro_rules! category_sql {
    () => {
        "coalesce(e.equipment_category,
             (SELECT m.equipment_category FROM equipment_models m WHERE m.id = e.equipment_model_id), 'other')"
    };
}

macro_rules! item_sql {
    () => {
        concat!(
            "SELECT e.id, e.location_id, ",
            category_sql!(),
            ",
                 coalesce(e.equipment_model_id, e.manual_manufacturer),
                 coalesce(e.equipment_model_id, e.manual_model_number), e.serial_number,
                 e.location_detail, e.installation_date, e.components, e.metadata,
                 EXISTS (SELECT 1 FROM photos p WHERE p.equipment_id = e.id AND p.deleted_at IS NULL)
             FROM equipment_inventory e
             WHERE e.deleted_at IS NULL AND coalesce(e.status, 'active') = 'active' "
        )
    };
}

/// Whether any rule looks into `metadata` beyond the reasons for fields not captured.
fn rules_use_metadata(requirements: &HashMap<String, Vec<Requirement>>) -> bool {
    let about = |key: &str| key.starts_with("metadata");
    requirements.values().flatten().any(|requirement| {
        about(&requirement.field_key)
            || requirement.condition.as_object().is_some_and(|wanted| wanted.keys().any(|key| about(key)))
    })
}

fn head(row: &Row<'_>, all_metadata: bool) -> rusqlite::Result<(CaptureHead, Item)> {
    let head = CaptureHead { equipment_id: text_id(row, 0)?, location_id: optional_id(row, 1)?, category: row.get(2)? };
    let mut fields = Fields::new();
    for (at, name) in [
        (3, "manufacturer"),
        (4, "model_number"),
        (5, "serial_number"),
        (6, "location_detail"),
        (7, "installation_date"),
    ] {
        if let Some(text) = row.get::<_, Option<String>>(at)? {
            fields.insert(name.to_owned(), Value::String(text));
        }
    }
    for (at, name) in [(8, "components"), (9, "metadata")] {
        // Reading a document costs more than looking whether there is anything in it.
        let wanted = row.get_ref(at)?.as_str_or_null()?.is_some_and(|text| {
            text.len() > 2 && (name == "components" || all_metadata || text.contains("not_captured"))
        });
        if wanted {
            fields.insert(name.to_owned(), json(row, at)?);
        }
    }
    Ok((head, Item { fields, has_photo: row.get(10)? }))
}

impl Read<'_> {
    /// What is required of every category, in order of position.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn all_requirements(&self) -> Result<HashMap<String, Vec<Requirement>>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT equipment_category, field_key, label, weight, position, condition, hint
             FROM capture_requirements WHERE deleted_at IS NULL ORDER BY equipment_category, position, field_key",
        )?;
        let mut rows = statement.query([])?;
        let mut found: HashMap<String, Vec<Requirement>> = HashMap::new();
        while let Some(row) = rows.next()? {
            let category: Option<String> = row.get(0)?;
            found.entry(category.unwrap_or_default()).or_default().push(Requirement {
                field_key: row.get::<_, Option<String>>(1)?.unwrap_or_default(),
                label: row.get::<_, Option<String>>(2)?.unwrap_or_default(),
                weight: row.get::<_, Option<i64>>(3)?.unwrap_or(1),
                position: row.get::<_, Option<i64>>(4)?.unwrap_or(0),
                condition: json(row, 5)?,
                hint: row.get(6)?,
            });
        }
        Ok(found)
    }

    /// What is required of one category.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn requirements(&self, category: &str) -> Result<Vec<Requirement>, MirrorError> {
        Ok(self.all_requirements()?.remove(category).unwrap_or_default())
    }

    /// An item as [`judge`] takes it. An item of a catalogue model has the model's id in place of maker and number: they
    /// are known, and nobody judges them by their words.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn capture_item(&self, id: EquipmentId) -> Result<Option<(CaptureHead, Item)>, MirrorError> {
        Ok(self
            .connection
            .prepare_cached(concat!(item_sql!(), "AND e.id = ?1"))?
            .query_row([Key::of(id.uuid())], |row| head(row, true))
            .optional()?)
    }

    /// The required fields of one item, judged; empty for an unknown item.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn capture_of(&self, id: EquipmentId) -> Result<Vec<FieldCapture>, MirrorError> {
        let Some((head, item)) = self.capture_item(id)? else { return Ok(Vec::new()) };
        Ok(judge(&self.requirements(&head.category)?, &item))
    }

    /// Calls `each` with every item of the filter and its required fields, judged.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn each_capture(
        &self,
        filter: &CaptureFilter<'_>,
        mut each: impl FnMut(&CaptureHead, &[FieldCapture]),
    ) -> Result<(), MirrorError> {
        let requirements = self.all_requirements()?;
        let mut statement = self.connection.prepare_cached(concat!(
            item_sql!(),
            "AND (:equipment IS NULL OR e.id = :equipment) AND (:location IS NULL OR e.location_id = :location)
             AND (:category IS NULL OR ",
            category_sql!(),
            " = :category)
             AND (:job IS NULL OR EXISTS (SELECT 1 FROM job_equipment je
                  WHERE je.equipment_id = e.id AND je.job_id = :job AND je.deleted_at IS NULL))
             AND (:technician IS NULL OR EXISTS (SELECT 1 FROM job_equipment je JOIN jobs j ON j.id = je.job_id
                  WHERE je.equipment_id = e.id AND je.deleted_at IS NULL AND j.deleted_at IS NULL
                      AND j.assigned_technician_id = :technician))"
        ))?;
        let all_metadata = rules_use_metadata(&requirements);
        let mut rows = statement.query(named_params! {
            ":equipment": filter.equipment.map(|id| Key::of(id.uuid())),
            ":location": filter.location.map(|id| Key::of(id.uuid())),
            ":category": filter.category,
            ":job": filter.job.map(|id| Key::of(id.uuid())),
            ":technician": filter.technician.map(|id| Key::of(id.uuid())),
        })?;
        while let Some(row) = rows.next()? {
            let (head, item) = head(row, all_metadata)?;
            let required = requirements.get(&head.category).map(Vec::as_slice).unwrap_or_default();
            each(&head, &judge(required, &item));
        }
        Ok(())
    }

    /// Completeness of the items of the filter, group by group, by name.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn completeness_by(
        &self,
        dimension: Dimension,
        filter: &CaptureFilter<'_>,
    ) -> Result<Vec<CaptureGroup>, MirrorError> {
        let members = match dimension {
            Dimension::Site | Dimension::Category => HashMap::new(),
            Dimension::Job | Dimension::Technician => self.groups_of_equipment(dimension)?,
        };
        let (mut by_id, mut by_category) = (HashMap::<Option<Uuid>, CaptureTotals>::new(), BTreeMap::new());
        self.each_capture(filter, |head, fields| match dimension {
            Dimension::Site => by_id.entry(head.location_id.map(LocationId::uuid)).or_default().add(fields),
            Dimension::Category => {
                by_category.entry(head.category.clone()).or_insert_with(CaptureTotals::default).add(fields);
            }
            Dimension::Job | Dimension::Technician => {
                for key in members.get(&head.equipment_id.uuid()).into_iter().flatten() {
                    by_id.entry(Some(*key)).or_default().add(fields);
                }
            }
        })?;
        let by_id = by_id.into_iter().map(|(key, totals)| (key.map(|id| id.to_string()).unwrap_or_default(), totals));
        let mut named = Vec::new();
        for (key, totals) in by_id.chain(by_category) {
            let name = self.name_of(dimension, &key)?;
            named.push(CaptureGroup { key, name, totals });
        }
        named.sort_by(|a, b| (&a.name, &a.key).cmp(&(&b.name, &b.key)));
        Ok(named)
    }

    /// The jobs, or their technicians, that each item counts for. Jobs are read once: to look one up for every line
    /// costs as much as judging all items.
    fn groups_of_equipment(&self, dimension: Dimension) -> Result<HashMap<Uuid, Vec<Uuid>>, MirrorError> {
        let mut jobs: HashMap<Uuid, Uuid> = HashMap::new();
        let mut statement =
            self.connection.prepare_cached("SELECT id, assigned_technician_id FROM jobs WHERE deleted_at IS NULL")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let job: Uuid = text_id(row, 0)?;
            let group: Option<Uuid> = if dimension == Dimension::Technician { optional_id(row, 1)? } else { Some(job) };
            jobs.extend(group.map(|group| (job, group)));
        }
        let mut statement = self.connection.prepare_cached(
            "SELECT equipment_id, job_id FROM job_equipment WHERE deleted_at IS NULL AND job_id IS NOT NULL",
        )?;
        let mut rows = statement.query([])?;
        let mut groups: HashMap<Uuid, Vec<Uuid>> = HashMap::new();
        while let Some(row) = rows.next()? {
            if let Some(group) = jobs.get(&text_id::<Uuid>(row, 1)?) {
                let of_item = groups.entry(text_id(row, 0)?).or_default();
                if !of_item.contains(group) {
                    of_item.push(*group);
                }
            }
        }
        Ok(groups)
    }

    fn name_of(&self, dimension: Dimension, key: &str) -> Result<String, MirrorError> {
        let sql = match dimension {
            Dimension::Category => return Ok(key.to_owned()),
            Dimension::Site => "SELECT location_name FROM locations WHERE id = ?1",
            Dimension::Job => "SELECT job_number FROM jobs WHERE id = ?1",
            Dimension::Technician => "SELECT full_name FROM users WHERE id = ?1",
        };
        let name: Option<Option<String>> =
            self.connection.prepare_cached(sql)?.query_row([key], |row| row.get(0)).optional()?;
        Ok(name.flatten().unwrap_or_default())
    }

    /// Data-capture logs written since an instant (RFC 3339 text, as stored), newest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn capture_logs(&self, since: Option<&str>) -> Result<Vec<CaptureLog>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, job_id, equipment_id, technician_id, location_id, completion_percentage, captured_at
             FROM data_capture_logs WHERE ?1 IS NULL OR captured_at >= ?1 ORDER BY captured_at DESC, id",
        )?;
        let logs = statement.query_map([since], |row| {
            Ok(CaptureLog {
                id: text_id(row, 0)?,
                job_id: optional_id(row, 1)?,
                equipment_id: optional_id(row, 2)?,
                technician_id: optional_id(row, 3)?,
                location_id: optional_id(row, 4)?,
                completion_percentage: row.get::<_, Option<f64>>(5)?.unwrap_or(0.0),
                captured_at: row.get(6)?,
            })
        })?;
        Ok(logs.collect::<Result<_, _>>()?)
    }

    /// Mean percentage of the logs of each month, oldest first.
    ///
    /// # Errors
    /// Where the mirror cannot be read.
    pub fn capture_months(&self) -> Result<Vec<CaptureMonth>, MirrorError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT substr(captured_at, 1, 7), avg(completion_percentage), count(*) FROM data_capture_logs
             WHERE captured_at IS NOT NULL GROUP BY 1 ORDER BY 1",
        )?;
        let months = statement.query_map([], |row| {
            Ok(CaptureMonth {
                month: row.get(0)?,
                percentage: row.get::<_, Option<f64>>(1)?.unwrap_or(0.0),
                logs: row.get(2)?,
            })
        })?;
        Ok(months.collect::<Result<_, _>>()?)
    }
}
