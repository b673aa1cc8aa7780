//! The office's heavy reports, read from what was computed beforehand: capture completeness, inspections due, open
//! deficiencies. They hold counts of the whole company, so only the office may read them.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::Row as _;

use crate::connect::{Mode, Server, call_error, sql};
use crate::error::AdminError;

/// Captured data of one category in one month.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Completeness {
    /// The first of the month.
    pub month: NaiveDate,
    /// `equipment_category`.
    pub category: String,
    /// Items looked at, each once for every job.
    pub items: i64,
    /// Those with nothing missing.
    pub complete: i64,
    /// The mean of what was captured, in percent.
    pub percent: f64,
}

/// Inspections of one category that are due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Due {
    /// `equipment_category`.
    pub category: String,
    /// Past their day.
    pub overdue: i64,
    /// Days since the oldest was due.
    pub longest_days: i32,
    /// Due within thirty days.
    pub within_30_days: i64,
}

/// Open deficiencies of one severity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenDeficiencies {
    /// `critical`, `impairment`, …
    pub severity: String,
    /// In all.
    pub open: i64,
    /// Found more than 30 days ago.
    pub over_30_days: i64,
    /// Found more than 90 days ago.
    pub over_90_days: i64,
}

/// All three, and the moment that they are true for.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reports {
    /// When they were computed.
    pub refreshed_at: DateTime<Utc>,
    /// Newest month first.
    pub completeness: Vec<Completeness>,
    /// By category.
    pub due: Vec<Due>,
    /// By severity.
    pub deficiencies: Vec<OpenDeficiencies>,
}

/// Capture completeness by month and category, from the report; the rest of its columns are for other tools.
const COMPLETENESS: &str = "SELECT month, equipment_category::text AS category, sum(items)::bigint AS items,
    sum(complete_items)::bigint AS complete, sum(percentage_sum) / sum(items) AS percent
    FROM report.capture_completeness GROUP BY month, equipment_category ORDER BY month DESC, equipment_category";
const DUE: &str = "SELECT equipment_category::text AS category,
    count(*) FILTER (WHERE next_inspection_due < $1) AS overdue,
    coalesce(max($1 - next_inspection_due) FILTER (WHERE next_inspection_due < $1), 0) AS longest_days,
    count(*) FILTER (WHERE next_inspection_due BETWEEN $1 AND $1 + 30) AS within_30_days
    FROM report.inspections_due WHERE next_inspection_due <= $1 + 30 GROUP BY equipment_category ORDER BY equipment_category";
const DEFICIENCIES: &str = "SELECT severity, sum(deficiencies)::bigint AS open,
    coalesce(sum(deficiencies) FILTER (WHERE found_on < $1 - 30), 0)::bigint AS over_30_days,
    coalesce(sum(deficiencies) FILTER (WHERE found_on < $1 - 90), 0)::bigint AS over_90_days
    FROM report.open_deficiencies GROUP BY severity ORDER BY severity";

/// Reads the reports as of `today`. For a login of a manager, of the office, of the company's service or of an
/// administrator.
///
/// # Errors
/// [`AdminError`]; code 42501 for a technician.
pub async fn reports(reader: &Server, today: NaiveDate) -> Result<Reports, AdminError> {
    let mut connection = reader.connect().await?;
    let mut tx = connection.begin(Mode::Snapshot).await?;
    let freshness = tx.fetch_one(sql("SELECT refreshed_at FROM report.freshness")).await?;
    let completeness = tx.fetch_all(sql(COMPLETENESS)).await?;
    let due = tx.fetch_all(sql(DUE).bind(today)).await?;
    let deficiencies = tx.fetch_all(sql(DEFICIENCIES).bind(today)).await?;
    tx.commit().await?;
    connection.close().await;
    let read = || -> Result<Reports, sqlx::Error> {
        Ok(Reports {
            refreshed_at: freshness.try_get("refreshed_at")?,
            completeness: completeness
                .iter()
                .map(|row| {
                    Ok(Completeness {
                        month: row.try_get("month")?,
                        category: row.try_get("category")?,
                        items: row.try_get("items")?,
                        complete: row.try_get("complete")?,
                        percent: row.try_get("percent")?,
                    })
                })
                .collect::<Result<_, sqlx::Error>>()?,
            due: due
                .iter()
                .map(|row| {
                    Ok(Due {
                        category: row.try_get("category")?,
                        overdue: row.try_get("overdue")?,
                        longest_days: row.try_get("longest_days")?,
                        within_30_days: row.try_get("within_30_days")?,
                    })
                })
                .collect::<Result<_, sqlx::Error>>()?,
            deficiencies: deficiencies
                .iter()
                .map(|row| {
                    Ok(OpenDeficiencies {
                        severity: row.try_get("severity")?,
                        open: row.try_get("open")?,
                        over_30_days: row.try_get("over_30_days")?,
                        over_90_days: row.try_get("over_90_days")?,
                    })
                })
                .collect::<Result<_, sqlx::Error>>()?,
        })
    };
    Ok(read().map_err(call_error)?)
}

/// Computes the reports anew while whoever reads them goes on reading. A small company's are refreshed by the daily
/// round; a large one runs this from a timer.
///
/// # Errors
/// [`AdminError`]; the reports are then as they were.
pub async fn refresh(admin: &Server) -> Result<DateTime<Utc>, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let row = tx.fetch_one(sql("SELECT report.refresh() AS moment")).await?;
    tx.commit().await?;
    connection.close().await;
    Ok(row.try_get("moment").map_err(call_error)?)
}
