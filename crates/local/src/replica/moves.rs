//! A job or an item that the office moved to another site takes along what is under way there: it must not be sealed
//! with the old site, nor stay when the new one goes.

use clara_domain::mirror::Entity;
use rusqlite::params;
use uuid::Uuid;

use crate::error::MirrorError;
use crate::overlay;
use crate::statement::{Key, uuid_at};
use crate::tx::Tx;

/// Gives unsent work, drafts and photo files the site that the rows they belong to have now. To be called where such rows
/// have arrived, before any site is taken away.
pub(super) fn follow(tx: &mut Tx<'_>) -> Result<(), MirrorError> {
    let moved: Vec<(Uuid, String, Uuid, Uuid)> = {
        let mut statement = tx.connection.prepare_cached(
            "SELECT op_id, entity, row_id, site FROM (
                 SELECT o.op_id, o.entity, o.row_id, o.location_id, coalesce(
                     -- What the server says of the row itself; work that lies over it may say where it was made.
                     (SELECT json_extract(s.fields, '$.location_id') FROM shadow s
                      WHERE s.entity = o.entity AND s.row_id = o.row_id AND s.gone = 0),
                     (SELECT j.location_id FROM jobs j
                      WHERE j.id = CASE o.entity WHEN 'jobs' THEN o.row_id ELSE json_extract(o.new, '$.job_id') END),
                     CASE o.entity
                         WHEN 'photos' THEN (SELECT p.location_id FROM photos p WHERE p.id = o.row_id)
                         WHEN 'job_equipment' THEN (SELECT e.location_id FROM job_equipment e WHERE e.id = o.row_id)
                         WHEN 'equipment_inventory' THEN
                             (SELECT e.location_id FROM equipment_inventory e WHERE e.id = o.row_id)
                     END) AS site
                 FROM outbox o WHERE o.overlaid = 1 AND o.location_id IS NOT NULL)
             WHERE site <> location_id",
        )?;
        statement
            .query_map([], |row| Ok((uuid_at(row, 0)?, row.get(1)?, uuid_at(row, 2)?, uuid_at(row, 3)?)))?
            .collect::<Result<_, _>>()?
    };
    for (op_id, name, row_id, site) in moved {
        let entity: Entity = name.parse().map_err(|_| MirrorError::Unreadable("an operation"))?;
        tx.connection
            .prepare_cached("UPDATE outbox SET location_id = ?2 WHERE op_id = ?1")?
            .execute(params![Key::of(op_id), Key::of(site)])?;
        overlay::recompute(tx.connection, entity, row_id)?;
        tx.touched(entity);
    }
    for sql in [
        "UPDATE inspection_draft SET location_id = j.location_id FROM jobs j
         WHERE j.id = inspection_draft.job_id AND inspection_draft.sealed = 0
             AND j.location_id <> inspection_draft.location_id",
        "UPDATE photo_file SET location_id = p.location_id FROM photos p
         WHERE p.id = photo_file.photo_id AND photo_file.sealed = 0 AND p.location_id <> photo_file.location_id",
    ] {
        tx.connection.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}
