//! A photo in a row or grid.

use clara_contract::photos::{PhotoState, PhotoTile};
use clara_domain::PhotoId;
use clara_local::table::photos::PhotoBytes;

use crate::error::Result;
use crate::field::Record;
use crate::view::View;

pub(crate) fn tile(view: &View<'_>, row: &Record) -> Result<PhotoTile> {
    let id = PhotoId(row.id);
    let state = match view.read.photo(id)?.map(|photo| photo.bytes) {
        Some(PhotoBytes::Waiting) if view.sending(row.id)? => PhotoState::Sending,
        Some(PhotoBytes::Waiting) => PhotoState::Waiting,
        Some(PhotoBytes::Both) => PhotoState::OnServer,
        Some(PhotoBytes::Damaged | PhotoBytes::Missing) => PhotoState::Damaged,
        // Another laptop's, not uploaded yet: there is nothing to be done here but wait.
        Some(PhotoBytes::Remote | PhotoBytes::Elsewhere) | None => PhotoState::Remote,
    };
    Ok(PhotoTile {
        photo_id: id,
        caption: row.text("caption"),
        field_key: row.text("field_key"),
        taken_at: row.text("taken_at"),
        position: row.real("latitude").zip(row.real("longitude")),
        state,
        width: row.count("width").unwrap_or_default(),
        height: row.count("height").unwrap_or_default(),
        byte_count: row.count("byte_count").unwrap_or_default(),
    })
}
