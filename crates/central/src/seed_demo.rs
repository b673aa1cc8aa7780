//! Loads the rules that every company starts with, and the demo company.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Offset as _, TimeZone, Utc};
use clara_demo::{Person, Picture};
use clara_domain::mirror::{Entity, Kind, Table};
use clara_domain::row::{Fields, Row};
use clara_sync::{CentralError, MAX_CHUNK_BYTES};
use serde_json::{Value, json};

use crate::connect::{Mode, Server, SyncTx, sql};
use crate::error::AdminError;

/// What was loaded.
#[derive(Debug, Clone)]
pub struct Seeded {
    /// Rows written, by table; none where everything was there already.
    pub written: BTreeMap<&'static str, u64>,
    /// Everybody in the company, to be enrolled by e-mail address.
    pub people: Vec<Person>,
}

/// Loads the demo company as it stands on the morning of `today`. Doing it again on another day moves its dates and adds
/// nothing.
///
/// # Errors
/// [`AdminError`]; then nothing was written.
pub async fn seed_demo<Zone: TimeZone>(
    admin: &Server,
    today: NaiveDate,
    now: DateTime<Zone>,
) -> Result<Seeded, AdminError> {
    // The clock of whoever loads it is the company's.
    let (zone, now) = (now.offset().fix(), now.to_utc());
    let mut company = clara_demo::company_in(zone, today);
    // A mirror takes the catalogue last; here equipment refers to models by foreign keys.
    company.rows.sort_by_key(|(entity, _)| match entity {
        Entity::Manufacturers => 0,
        Entity::EquipmentModels => 1,
        _ => 2,
    });
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let mut written = BTreeMap::new();
    for (entity, rows) in &company.rows {
        let Some(table) = entity.table() else { continue };
        let mut fields = sent(table, rows);
        if *entity == Entity::Users {
            introduce(&mut fields, &company.people);
        }
        let count = load(&mut tx, *entity, fields, now, Existing::Update).await?;
        *written.entry(table.name).or_default() += count;
    }
    for picture in clara_demo::pictures_in(zone, today) {
        *written.entry("photos").or_default() += hang(&mut tx, &picture, now).await?;
    }
    tx.execute(
        sql("INSERT INTO app.settings (key, value) VALUES ('company', to_jsonb($1::text))
             ON CONFLICT (key) DO UPDATE SET value = excluded.value")
        .bind(clara_demo::COMPANY),
    )
    .await?;
    tx.commit().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    tx.execute(sql("SELECT app.make_partitions()")).await?;
    tx.commit().await?;
    connection.close().await;
    written.retain(|_, count| *count > 0);
    Ok(Seeded { written, people: company.people })
}

/// Templates and capture requirements, where the company has none of that id yet. What the company has made of them
/// since is left alone. Returns how many rows were added.
///
/// # Errors
/// [`AdminError`]; then nothing was written.
pub async fn seed_rules(admin: &Server, now: DateTime<Utc>) -> Result<u64, AdminError> {
    let mut connection = admin.connect().await?;
    let mut tx = connection.begin(Mode::Write).await?;
    let mut added = 0;
    for (entity, rows) in clara_demo::rules() {
        let Some(table) = entity.table() else { continue };
        added += load(&mut tx, entity, sent(table, &rows), now, Existing::Keep).await?;
    }
    tx.commit().await?;
    connection.close().await;
    Ok(added)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Existing {
    Update,
    Keep,
}

/// One statement to write what has changed, and one to add what is missing.
struct Statements {
    entity: Entity,
    update: &'static str,
    insert: &'static str,
}

/// The value of a column for a row that is there: times of the row itself are the database's business.
macro_rules! set {
    (created_at) => {
        "t.created_at"
    };
    (updated_at) => {
        "t.updated_at"
    };
    ($column:ident) => {
        concat!("r.", stringify!($column))
    };
}

macro_rules! statements {
    ($($variant:ident $table:ident $scope:ident { $($column:ident : $kind:ident),+ $(,)? })+) => {
        // `$1` the rows, `$2` what columns have that a row does not name.
        const STATEMENTS: &[Statements] = &[$(Statements {
            entity: Entity::$variant,
            update: concat!(
                "UPDATE public.", stringify!($table), " t SET (id", $(",", stringify!($column),)+ ") = ROW(t.id",
                $(",", set!($column),)+
                ") FROM jsonb_populate_recordset(jsonb_populate_record(NULL::public.", stringify!($table), ",$2),$1) r
                 WHERE r.id = t.id AND ROW(t.id", $(",t.", stringify!($column),)+ ") IS DISTINCT FROM ROW(t.id",
                $(",", set!($column),)+ ")"
            ),
            insert: concat!(
                "INSERT INTO public.", stringify!($table), " (id", $(",", stringify!($column),)+ ") SELECT r.id",
                $(",r.", stringify!($column),)+
                " FROM jsonb_populate_recordset(jsonb_populate_record(NULL::public.", stringify!($table), ",$2),$1) r
                 WHERE NOT EXISTS (SELECT FROM public.", stringify!($table), " t WHERE t.id = r.id)"
            ),
        }),+];
    };
}
clara_domain::mirrored!(statements);

/// The mirror has no addresses of people, but the table wants them.
const USERS_INSERT: &str = "INSERT INTO public.users
    (id, email, phone, full_name, role, is_active, certification_numbers, deleted_at)
    SELECT r.id, r.email, r.phone, r.full_name, r.role, r.is_active, r.certification_numbers, r.deleted_at
    FROM jsonb_populate_recordset(jsonb_populate_record(NULL::public.users, $2), $1) r
    WHERE NOT EXISTS (SELECT FROM public.users t WHERE t.id = r.id)";

async fn load(
    tx: &mut SyncTx<'_>,
    entity: Entity,
    rows: Vec<Fields>,
    now: DateTime<Utc>,
    existing: Existing,
) -> Result<u64, AdminError> {
    // Devices, conflicts and parked work come to be by syncing, never by loading.
    let ours = !matches!(entity, Entity::Devices | Entity::Conflicts | Entity::ParkedOperations);
    let statements = STATEMENTS.iter().find(|statements| statements.entity == entity).filter(|_| ours);
    let (Some(statements), Some(table)) = (statements, entity.table()) else {
        return Err(AdminError::Demo(format!("{entity} cannot be loaded")));
    };
    let unnamed = unnamed(table, now);
    let rows = Value::Array(rows.into_iter().map(Value::Object).collect());
    let mut written = 0;
    if existing == Existing::Update {
        written += run(tx, entity, statements.update, &rows, &unnamed).await?;
    }
    let insert = if entity == Entity::Users { USERS_INSERT } else { statements.insert };
    written += run(tx, entity, insert, &rows, &unnamed).await?;
    Ok(written)
}

async fn run(
    tx: &mut SyncTx<'_>,
    entity: Entity,
    text: &'static str,
    rows: &Value,
    unnamed: &Value,
) -> Result<u64, AdminError> {
    tx.execute(sql(text).bind(rows.clone()).bind(unnamed.clone())).await.map_err(|error| match error {
        CentralError::Refused { code, message } => AdminError::Demo(format!("{entity}: {code}: {message}")),
        other => other.into(),
    })
}

/// Rows as JSON, without the columns that are empty.
fn sent(table: &Table, rows: &[Row]) -> Vec<Fields> {
    rows.iter()
        .map(|row| {
            let mut fields: Fields = row.fields(table).into_iter().filter(|(_, value)| !value.is_null()).collect();
            fields.insert("id".to_owned(), json!(row.id));
            fields
        })
        .collect()
}

/// What a column has where a row does not name it: the default of its table.
fn unnamed(table: &Table, now: DateTime<Utc>) -> Value {
    let mut fields = Fields::new();
    for column in table.columns {
        let value = match (column.name, column.kind) {
            ("created_at" | "updated_at", _) => json!(now.naive_utc()),
            ("condition" | "choices" | "deficiency", _) => continue,
            (
                "checklist"
                | "deficiencies"
                | "photo_urls"
                | "symptoms"
                | "related_parts"
                | "data_sources"
                | "certification_numbers"
                | "missing_fields"
                | "captured_fields",
                _,
            ) => json!([]),
            (_, Kind::Json) => json!({}),
            ("is_active", _) => json!(true),
            _ => continue,
        };
        fields.insert(column.name.to_owned(), value);
    }
    Value::Object(fields)
}

fn introduce(rows: &mut [Fields], people: &[Person]) {
    for row in rows {
        let person = people.iter().find(|person| row.get("id") == Some(&json!(person.user_id)));
        if let Some(person) = person {
            row.insert("email".to_owned(), json!(person.email));
            row.insert("phone".to_owned(), json!(person.phone));
        }
    }
}

async fn hang(tx: &mut SyncTx<'_>, picture: &Picture, now: DateTime<Utc>) -> Result<u64, AdminError> {
    let Some(table) = Entity::Photos.table() else { return Ok(0) };
    let rows = sent(table, std::slice::from_ref(&picture.row));
    let written = load(tx, Entity::Photos, rows, now, Existing::Update).await?;
    for (number, chunk) in (0_i32..).zip(picture.bytes.chunks(MAX_CHUNK_BYTES)) {
        tx.execute(
            sql("INSERT INTO sync.photo_chunk (photo_id, number, bytes) VALUES ($1, $2, $3)
                 ON CONFLICT (photo_id, number) DO UPDATE SET bytes = excluded.bytes
                 WHERE photo_chunk.bytes <> excluded.bytes")
            .bind(picture.row.id)
            .bind(number)
            .bind(chunk.to_vec()),
        )
        .await?;
    }
    Ok(written)
}
