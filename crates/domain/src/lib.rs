//! What Clara Field is about, without any I/O: ids, the tables both sides share, operations and receipts,
//! the rules of an inspection, limits, completeness. No clock, no database, no socket; time and randomness
//! come in as arguments.

mod id;
mod text;

pub mod capture;
pub mod category;
pub mod limit;
pub mod mirror;
pub mod operation;
pub mod row;

pub use id::{
    ConflictId, CustomerId, DeviceId, EquipmentId, InspectionId, JobId, LocationId, ModelId, OpId, PhotoId, UserId,
};
pub use text::{BadValue, MAX_DEPTH, MAX_JSON_BYTES, MAX_TEXT_BYTES, check_json, check_text};
