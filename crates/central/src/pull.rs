//! The difference between two snapshots.
//!
//! Most pulls are one call, [`delta`]. Where the server does not know that one yet, or more is new than it brings, a first
//! message asks who is there and which tables have anything new, and a second one reads those tables, in one snapshot of
//! its own. Right after a push something is new for certain, and the first message is left out.

use std::collections::{BTreeSet, HashSet};

use clara_domain::LocationId;
use clara_domain::mirror::{Entity, Scope};
use clara_sync::{CentralError, Cursor, Hello, Pull, PullRequest, TableRows, Tombstone};

use crate::client::PgCentral;
use crate::delta::{self, Delta};
use crate::hello::{garbled, read as read_hello};
use crate::message::{Answers, Message};
use crate::reply::Reply;
use crate::table::{self, Source, present, uuid};

/// Rows of one pull: some tens of megabytes. A day's changes are a few hundred; an import of the office, or a new site
/// with thirty years of history, is more than a laptop should hold in memory or a mobile network carry in one piece.
const MOST_ROWS: usize = 20_000;

/// A table may change between the two messages; then the second is sent again, with that table too.
const ATTEMPTS: u32 = 4;

/// What has changed: mirrored tables by name, and the two that have none.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct News {
    pub(crate) entities: BTreeSet<Entity>,
    access: bool,
    tombstones: bool,
}

impl News {
    fn read(names: &str) -> Self {
        let mut news = Self::default();
        for name in names.split_whitespace() {
            match name {
                "location_access" => news.access = true,
                "tombstone" => news.tombstones = true,
                // A table that a newer server knows and this program does not is none of its business.
                _ => news.entities.extend(name.parse::<Entity>()),
            }
        }
        news
    }

    fn everything(there: impl Fn(Entity) -> bool) -> Self {
        let entities = table::all().iter().map(|source| source.entity).filter(|entity| there(*entity)).collect();
        Self { entities, access: true, tombstones: true }
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    fn contains(&self, other: &Self) -> bool {
        self.entities.is_superset(&other.entities)
            && (self.access || !other.access)
            && (self.tombstones || !other.tombstones)
    }

    fn join(mut self, other: Self) -> Self {
        self.entities.extend(other.entities);
        self.access |= other.access;
        self.tombstones |= other.tombstones;
        self
    }
}

pub(crate) async fn pull(central: &mut PgCentral, request: &PullRequest) -> Result<Pull, CentralError> {
    // After a push some of the answer is known, and most often all of it: the question can be left out.
    let mut news = News { entities: central.take_pushed(), ..News::default() };
    if central.knows_delta() {
        match delta::pull(central, request).await? {
            Delta::Whole(pull) => return Ok(*pull),
            Delta::Names(names) => news = names,
        }
    } else if news.is_nothing() {
        let answers = central.exchange(ask(request).end()).await?;
        let (hello, asked) = read_head(central, &answers)?;
        if asked.is_nothing() {
            return Ok(Pull { hello, granted: vec![], revoked: vec![], rows: vec![], tombstones: vec![] });
        }
        news = asked;
    }
    for attempt in 1..=ATTEMPTS {
        if attempt == ATTEMPTS {
            news = News::everything(|entity| !central.lacks(entity));
        }
        let answers = central.exchange(read_all(request, &news)).await?;
        let (hello, seen) = read_head(central, &answers)?;
        if news.contains(&seen) {
            return collect(hello, &news, &answers);
        }
        news = news.join(seen);
    }
    Err(garbled())
}

fn ask(request: &PullRequest) -> Message {
    Message::snapshot()
        .sql("SELECT sync.hello(")
        .uuid(request.device.uuid())
        .sql("),sync.changed(")
        .cursor(&request.cursor)
        .sql(")")
}

fn read_head(central: &mut PgCentral, answers: &Answers) -> Result<(Hello, News), CentralError> {
    let row = answers.first().and_then(|rows| rows.first()).ok_or_else(garbled)?;
    judge_head(central, present(row, 0)?, present(row, 1)?)
}

/// Who answered and what is new, from a server that may be pulled from.
pub(crate) fn judge_head(central: &mut PgCentral, hello: &str, names: &str) -> Result<(Hello, News), CentralError> {
    let (hello, rebase_due) = read_hello(hello)?;
    // A standby reports transactions that still run on its primary as finished: its snapshots lie.
    let refusal = if hello.in_recovery {
        Some(("standby", "this server is a standby; changes can only be fetched from the primary"))
    } else if rebase_due {
        Some(("needs_rebase", "the server was restored into another cluster; run `clara central rebase` on it first"))
    } else {
        None
    };
    if let Some((code, message)) = refusal {
        return Err(CentralError::Refused { code: code.to_owned(), message: message.to_owned() });
    }
    central.met(&hello);
    Ok((hello, News::read(names)))
}

fn since(message: Message, cursor: &Cursor) -> Message {
    message
        .sql("t.cx>=pg_snapshot_xmin(")
        .cursor(cursor)
        .sql(") AND NOT pg_visible_in_snapshot(t.cx,")
        .cursor(cursor)
        .sql(")")
}

fn granted(message: Message, cursor: &Cursor) -> Message {
    let message = message.sql(
        "(SELECT t.location_id FROM sync.location_access t \
         WHERE t.user_id=(SELECT app.me()) AND t.state='granted' AND ",
    );
    since(message, cursor).sql(")")
}

/// Head, access changes, tombstones, then per table its changed rows, then the subtrees of granted sites: parents
/// before children in each.
fn read_all(request: &PullRequest, news: &News) -> Message {
    let cursor = &request.cursor;
    // Without fresh statistics the planner takes a third of a table for changed, and reads all of it.
    let mut message =
        ask(request).at_most(MOST_ROWS).end().sql("SET LOCAL enable_seqscan=off").end().sql("SET LOCAL jit=off").end();
    if news.access {
        message = message.sql(
            "SELECT t.location_id,t.state::text FROM sync.location_access t WHERE t.user_id=(SELECT app.me()) AND ",
        );
        message = since(message, cursor).end();
    }
    if news.tombstones {
        message = message.sql("SELECT t.table_name,t.row_id FROM sync.tombstone t WHERE ");
        message = since(message, cursor).end();
    }
    for source in table::all() {
        if news.entities.contains(&source.entity) {
            message = since(message.sql(source.select).sql(" WHERE "), cursor).end();
        }
        if let (true, Some(column)) = (news.access, subtree_column(source)) {
            message = message.sql(source.select).sql(" WHERE ").sql(column).sql(" IN ");
            message = granted(message, cursor);
            if source.scope == Scope::Customer {
                message = message.sql(")");
            }
            message = message.end();
        }
    }
    message
}

/// What a site's rows are found by; for customers up to the opening of the list of sites.
fn subtree_column(source: &Source) -> Option<&'static str> {
    match source.scope {
        Scope::Customer => Some("t.id IN (SELECT l.customer_id FROM public.locations l WHERE l.id"),
        Scope::Location => source.site,
        Scope::Global => None,
    }
}

fn collect(hello: Hello, news: &News, answers: &Answers) -> Result<Pull, CentralError> {
    // Head and the two settings.
    let mut answers = answers.iter().skip(3);
    let mut next = || answers.next().ok_or_else(garbled);
    let mut pull = Pull { hello, granted: vec![], revoked: vec![], rows: vec![], tombstones: vec![] };
    if news.access {
        for row in next()? {
            let site: LocationId = uuid(row, 0)?.into();
            match present(row, 1)? {
                "granted" => pull.granted.push(site),
                _ => pull.revoked.push(site),
            }
        }
    }
    if news.tombstones {
        pull.tombstones = next()?.iter().filter_map(|row| read_tombstone(row).transpose()).collect::<Result<_, _>>()?;
    }
    for source in table::all() {
        let (_, columns) = table::of(source.entity)?;
        let mut rows = Vec::new();
        if news.entities.contains(&source.entity) {
            rows = table::read(columns, next()?)?;
        }
        if news.access && subtree_column(source).is_some() {
            // A row of a granted site that has changed as well comes twice.
            let known: HashSet<_> = rows.iter().map(|row| row.id).collect();
            let subtree = table::read(columns, next()?)?;
            rows.extend(subtree.into_iter().filter(|row| !known.contains(&row.id)));
        }
        if !rows.is_empty() {
            pull.rows.push(TableRows { entity: source.entity, rows });
        }
    }
    Ok(pull)
}

fn read_tombstone(row: Reply<'_>) -> Result<Option<Tombstone>, CentralError> {
    let id = uuid(row, 1)?;
    Ok(present(row, 0)?.parse().ok().map(|entity| Tombstone { entity, id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_only_a_newer_server_knows_is_passed_over() {
        assert!(News::read("drones").is_nothing());
        let news = News::read("location_access jobs conflicts");
        assert!(news.access && !news.tombstones && news.entities.len() == 2);
        let everything = News::everything(|_| true);
        assert!(everything.contains(&news) && !news.contains(&everything));
    }

    #[test]
    fn a_server_of_yesterday_is_not_asked_for_a_table_of_today() {
        let yesterday = News::everything(|entity| entity.since() <= 1);
        assert!(!yesterday.entities.contains(&Entity::SpecLimits) && yesterday.entities.contains(&Entity::Jobs));
    }
}
