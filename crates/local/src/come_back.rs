//! Work that the server refused because it had not (or no longer) what the work is about. A server that was put back to an
//! older copy gets its rows again from whoever made them, and then there is nothing left to refuse.

use std::collections::BTreeMap;

use clara_domain::OpId;
use clara_domain::mirror::Entity;
use clara_domain::operation::Operation;
use clara_domain::row::Fields;
use rusqlite::Connection;
use serde_json::Value;
use uuid::Uuid;

use crate::error::MirrorError;
use crate::outbox::{self, entry_columns};
use crate::overlay;
use crate::statement;
use crate::write::WriteTx;

/// The setting that says, for each such operation, which version of the missing row the mirror had when it first looked
/// after the refusal; null for none.
const LOOKED: &str = "refused_for_lack_of";

impl WriteTx<'_, '_> {
    /// Sends again what was refused for lack of a row that has come since. Returns how many.
    ///
    /// A mirror may still show a row that the server has lost, so that it is there says nothing: it must have come, or come
    /// in another version, after the refusal. Sent again in vain, it is a new operation, refused anew and looked at anew.
    ///
    /// # Errors
    /// Where the mirror cannot be written.
    pub fn send_again_what_is_back(&mut self) -> Result<u32, MirrorError> {
        let before: BTreeMap<OpId, Option<i64>> = match setting(self.tx.connection)? {
            Some(known) => serde_json::from_value(known).unwrap_or_default(),
            None => BTreeMap::new(),
        };
        let mut now = BTreeMap::new();
        let mut back = Vec::new();
        for (op_id, entity, row) in lacking(self.tx.connection)? {
            let version = version(self.tx.connection, entity, row)?;
            match before.get(&op_id) {
                Some(seen) if version.is_some() && version != *seen => back.push(op_id),
                Some(seen) => {
                    now.insert(op_id, *seen);
                }
                None => {
                    now.insert(op_id, version);
                }
            }
        }
        if now != before {
            let value = serde_json::to_value(&now).map_err(|_| MirrorError::Unreadable("a setting"))?;
            self.set_setting(LOOKED, &value)?;
        }
        let mut again = 0;
        for op_id in back {
            again += u32::from(self.send_again(op_id, Fields::new())?.is_some());
        }
        Ok(again)
    }
}

fn setting(connection: &Connection) -> Result<Option<Value>, MirrorError> {
    let mut statement = connection.prepare_cached("SELECT value FROM setting WHERE key = ?1")?;
    let text: Option<String> = statement.query_map([LOOKED], |row| row.get(0))?.next().transpose()?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// Refused operations with the row that the server did not have, in order.
fn lacking(connection: &Connection) -> Result<Vec<(OpId, Entity, Uuid)>, MirrorError> {
    let mut statement = connection.prepare_cached(concat!(
        "SELECT ",
        entry_columns!(),
        " FROM outbox WHERE state = 'rejected' ORDER BY seq"
    ))?;
    let mut lacking = Vec::new();
    for entry in statement.query_map([], outbox::entry)? {
        let entry = entry?;
        let Some(receipt) = &entry.receipt else { continue };
        let row = match receipt.code.as_deref() {
            Some("no_such_row") => Some((entry.operation.entity, entry.operation.row_id)),
            Some("missing_reference") => receipt.field.as_deref().and_then(|field| named(&entry.operation, field)),
            _ => None,
        };
        lacking.extend(row.map(|(entity, row)| (entry.operation.op_id, entity, row)));
    }
    Ok(lacking)
}

/// The row that a field of the operation names.
fn named(operation: &Operation, field: &str) -> Option<(Entity, Uuid)> {
    let entity = match field {
        "job_id" => Entity::Jobs,
        "location_id" => Entity::Locations,
        "equipment_id" | "replaced_by_equipment_id" | "replacement_of_equipment_id" => Entity::EquipmentInventory,
        "inspection_id" | "amends_inspection_id" => Entity::InspectionRecords,
        "equipment_model_id" => Entity::EquipmentModels,
        _ => return None,
    };
    let id = operation.new.get(field)?.as_str()?;
    Some((entity, Uuid::parse_str(id).ok()?))
}

/// The server's version of a row, as far as the mirror has one.
fn version(connection: &Connection, entity: Entity, id: Uuid) -> Result<Option<i64>, MirrorError> {
    let version = match overlay::shadow(connection, entity, id)? {
        Some(shadow) => (!shadow.gone).then_some(shadow.row_ver),
        None => statement::select(connection, entity, id)?.map(|row| row.row_ver),
    };
    Ok(version.filter(|version| *version > 0))
}
