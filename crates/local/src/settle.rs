//! What follows from a receipt.

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Outcome, Receipt};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use crate::check::timestamp;
use crate::error::MirrorError;
use crate::hand_over;
use crate::outbox::OpState;
use crate::statement::{Key, uuid_at};

/// The state an outcome leads to.
pub(crate) fn state_after(outcome: Outcome) -> OpState {
    match outcome {
        Outcome::Applied | Outcome::Merged => OpState::Applied,
        Outcome::Conflict => OpState::Conflict,
        Outcome::Parked => OpState::Parked,
        Outcome::Rejected => OpState::Rejected,
    }
}

/// Stores a receipt. The operation stays laid over its row: an applied one until a pull shows it, a parked or refused
/// one until a person decides; what is refused and was handed over is with the office. Returns the row it is about; none
/// for an operation that is not known or not waiting.
pub(crate) fn receive(
    connection: &Connection,
    receipt: &Receipt,
    at: DateTime<Utc>,
) -> Result<Option<(Entity, Uuid)>, MirrorError> {
    // Not the whole operation: a batch has a hundred, and none of them is looked into.
    let known = connection
        .prepare_cached(
            "SELECT seq, entity, row_id FROM outbox WHERE op_id = ?1 AND state IN ('pending', 'in_flight')",
        )?
        .query_row([Key::of(receipt.op_id.uuid())], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, uuid_at(row, 2)?))
        })
        .optional()?;
    let Some((seq, entity, row_id)) = known else { return Ok(None) };
    let entity: Entity = entity.parse().map_err(|_| MirrorError::Unreadable("an operation"))?;
    let state = match state_after(receipt.outcome) {
        // The answer is given again, as it was before the work went to the office.
        OpState::Rejected if hand_over::is_handed_over(connection, receipt.op_id)? => OpState::Parked,
        state => state,
    };
    let text = serde_json::to_string(receipt).map_err(|_| MirrorError::Unreadable("a receipt"))?;
    connection
        .prepare_cached(
            "UPDATE outbox SET state = ?2, receipt = ?3, applied_xid = ?4, receipted_at = ?5 WHERE op_id = ?1",
        )?
        .execute(params![Key::of(receipt.op_id.uuid()), state, text, receipt.applied_xid, timestamp(at)])?;
    connection
        .prepare_cached("UPDATE profile SET highest_receipted_seq = max(highest_receipted_seq, ?1)")?
        .execute([seq])?;
    Ok(Some((entity, row_id)))
}
