//! Handing over operations: `sync.push`, one round trip for a batch.

use std::collections::HashMap;

use clara_domain::operation::{Operation, Outcome, Receipt};
use clara_domain::{BadValue, DeviceId, OpId, check_json, check_text};
use clara_sync::CentralError;
use serde::Deserialize;

use crate::client::PgCentral;
use crate::hello::garbled;
use crate::message::Message;
use crate::table::present;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    refused: Option<String>,
    #[serde(default)]
    receipts: Vec<Receipt>,
}

pub(crate) async fn push(
    central: &mut PgCentral,
    device: DeviceId,
    operations: &[Operation],
) -> Result<Vec<Receipt>, CentralError> {
    hand_over(central, "SELECT sync.push(", device, operations).await
}

/// By one of the two doors that take operations: `call` is the beginning of its statement.
pub(crate) async fn hand_over(
    central: &mut PgCentral,
    call: &'static str,
    device: DeviceId,
    operations: &[Operation],
) -> Result<Vec<Receipt>, CentralError> {
    // PostgreSQL would refuse the whole batch for one value that no jsonb can hold.
    let (unreadable, sound): (Vec<_>, Vec<_>) = operations.iter().partition(|operation| fault(operation).is_some());
    let mut receipts: Vec<Receipt> = unreadable.into_iter().map(refuse).collect();
    if sound.is_empty() {
        return Ok(receipts);
    }
    let document = serde_json::to_vec(&sound).map_err(|_| garbled())?;
    let message = Message::write().sql(call).uuid(device.uuid()).sql(",").json(document).sql(")").end();
    let answers = central.exchange(message).await?;
    let row = answers.first().and_then(|rows| rows.first()).ok_or_else(garbled)?;
    let answer: Answer = serde_json::from_str(present(row, 0)?).map_err(|_| garbled())?;
    if let Some(code) = answer.refused {
        return Err(CentralError::DeviceRefused(code));
    }
    central.has_pushed(sound.iter().map(|operation| operation.entity));
    // An operation without an answer would stay in flight for ever.
    let mut answered: HashMap<OpId, Receipt> = answer.receipts.into_iter().map(|r| (r.op_id, r)).collect();
    for operation in sound {
        receipts.push(answered.remove(&operation.op_id).ok_or_else(garbled)?);
    }
    Ok(receipts)
}

/// The first field that the server cannot keep, and why.
fn fault(operation: &Operation) -> Option<(&str, BadValue)> {
    let mut fields = operation.new.iter().chain(&operation.base);
    fields.find_map(|(name, value)| {
        let bad = check_text(name).err().or_else(|| check_json(value).err())?;
        Some((name.as_str(), bad))
    })
}

fn refuse(operation: &Operation) -> Receipt {
    let (field, bad) = fault(operation).unzip();
    let (code, reason) = match bad {
        Some(BadValue::TooLong { .. }) => ("too_long", "is too long"),
        Some(BadValue::TooDeep) => ("too_deep", "is nested too deeply"),
        _ => ("bad_value", "is not one that the server can keep"),
    };
    let field = field.map(|name| name.replace('\0', ""));
    Receipt {
        op_id: operation.op_id,
        outcome: Outcome::Rejected,
        duplicate: false,
        row_ver: None,
        applied_xid: None,
        code: Some(code.to_owned()),
        message: field.as_deref().map(|name| format!("The value of {name} {reason}.")),
        field,
        conflicts: Vec::new(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_reads_as_receipts_or_as_a_refusal() {
        let answer: Answer = serde_json::from_value(serde_json::json!({"receipts": [{
            "op_id": "0198c0de-0000-7000-8000-000000000001", "outcome": "merged", "row_ver": 3, "applied_xid": "77",
        }]}))
        .unwrap();
        assert_eq!(answer.receipts.first().map(|r| (r.outcome, r.row_ver)), Some((Outcome::Merged, Some(3))));
        let answer: Answer = serde_json::from_value(serde_json::json!({"refused": "device_cloned"})).unwrap();
        assert_eq!(answer.refused.as_deref(), Some("device_cloned"));
    }
}
