//! Pages of a first sync, and rows by id.

use clara_domain::mirror::Entity;
use clara_domain::row::Row;
use clara_sync::{CentralError, Page};
use uuid::Uuid;

use crate::client::PgCentral;
use crate::hello::garbled;
use crate::message::Message;
use crate::table;

pub(crate) async fn page(
    central: &mut PgCentral,
    entity: Entity,
    after: Option<Uuid>,
    limit: u32,
) -> Result<Page, CentralError> {
    let (source, columns) = table::of(entity)?;
    let mut message = Message::snapshot().sql(source.select).sql(" WHERE t.id>").uuid(after.unwrap_or_default());
    // Row security alone would have the server walk the whole table in the order of ids to find a few sites' rows.
    // By its sites it finds them at once; what else a technician sees (own conflicts elsewhere) comes by author.
    if let (Some(site), Some(false)) = (source.site, central.sees_all()) {
        message = message.sql(" AND (").sql(site).sql(
            "=ANY(ARRAY(SELECT a.location_id FROM sync.location_access a \
             WHERE a.user_id=(SELECT app.me()) AND a.state='granted'))",
        );
        message = match entity {
            Entity::Conflicts | Entity::ParkedOperations => message.sql(" OR t.author_id=(SELECT app.me()))"),
            _ => message.sql(")"),
        };
    }
    let message = message.sql(" ORDER BY t.id LIMIT ").integer(limit.into()).end();
    let answers = central.exchange(message).await?;
    let rows = table::read(columns, answers.first().ok_or_else(garbled)?)?;
    let last = rows.len() < limit as usize;
    Ok(Page { rows, last })
}

pub(crate) async fn rows(central: &mut PgCentral, entity: Entity, ids: &[Uuid]) -> Result<Vec<Row>, CentralError> {
    let (source, columns) = table::of(entity)?;
    let message = Message::snapshot().sql(source.select).sql(" WHERE t.id=ANY(").uuids(ids).sql(")").end();
    let answers = central.exchange(message).await?;
    table::read(columns, answers.first().ok_or_else(garbled)?)
}
