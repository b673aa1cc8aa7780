//! The laptop's client: [`Central`] over PostgreSQL.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Receipt};
use clara_domain::row::Row;
use clara_domain::{DeviceId, PhotoId};
use clara_sync::{Bucket, Central, CentralError, ChunkAck, Cursor, Hello, Page, PhotoAsk, Pull, PullRequest, RowKey};
use uuid::Uuid;

use crate::connect::Server;
use crate::gate::Wire;
use crate::message::{Answers, Message};
use crate::{audit, hello, page, photos, pull, push};

/// How long a server may be silent. A line that moves, however slowly, is not given up: what takes a minute today would
/// take a minute at every try.
pub(crate) const CALL_LIMIT: Duration = Duration::from_secs(15);

/// The server's schema with which `sync.pull` came.
const DELTA_SINCE: i32 = 3;

/// A laptop's way to one server. Connects at the first call, and again after an error.
#[derive(Debug)]
pub struct PgCentral {
    server: Server,
    wire: Option<Wire>,
    sees_all: Option<bool>,
    /// Of the server's schema, where a hello has told.
    schema_version: Option<i32>,
    /// A hello on this line has told that the server answers a pull in one call.
    knows_delta: bool,
    /// Tables that have changed since the last pull because we changed them.
    pushed: BTreeSet<Entity>,
}

impl PgCentral {
    /// Does not connect yet.
    pub fn new(server: Server) -> Self {
        Self { server, wire: None, sees_all: None, schema_version: None, knows_delta: false, pushed: BTreeSet::new() }
    }

    /// Which server it speaks to.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Tells the office how much is still only on this laptop.
    ///
    /// # Errors
    /// [`CentralError`], as every call.
    pub async fn report_unsent(
        &mut self,
        device: DeviceId,
        count: u32,
        oldest: Option<DateTime<Utc>>,
    ) -> Result<(), CentralError> {
        self.exchange(hello::report(device, count, oldest)).await.map(drop)
    }

    /// Ends the connection politely.
    pub async fn close(&mut self) {
        if let Some(wire) = self.wire.take() {
            wire.close().await;
        }
    }

    /// Sends one message. The line is out of `self` meanwhile: a call that fails, runs out of time or is dropped
    /// half-way takes its line with it, so that no later call reads its answers.
    pub(crate) async fn exchange(&mut self, message: Message) -> Result<Answers, CentralError> {
        let mut wire = match self.wire.take() {
            Some(wire) => wire,
            None => self.server.open().await?,
        };
        let answers = message.send(&mut wire).await?;
        self.wire = Some(wire);
        Ok(answers)
    }

    /// Whether the person sees all sites, where a hello has told.
    pub(crate) fn sees_all(&self) -> Option<bool> {
        self.sees_all
    }

    /// The next pull need not ask whether these have anything new.
    pub(crate) fn has_pushed(&mut self, entities: impl Iterator<Item = Entity>) {
        self.pushed.extend(entities.filter(|entity| entity.table().is_some()));
    }

    /// What was pushed since the last pull.
    pub(crate) fn take_pushed(&mut self) -> BTreeSet<Entity> {
        std::mem::take(&mut self.pushed)
    }

    pub(crate) fn met(&mut self, hello: &Hello) {
        self.sees_all = Some(hello.role != "technician");
        self.schema_version = Some(hello.schema_version);
        self.knows_delta = hello.schema_version >= DELTA_SINCE;
    }

    /// The server answers a pull in one call.
    pub(crate) fn knows_delta(&self) -> bool {
        // On a new line it may be another server, or this one put back to yesterday.
        self.wire.is_some() && self.knows_delta
    }

    /// A server of yesterday has no such table. That is the same as an empty one: when the server learns it, its rows
    /// are new and come with the next pull.
    pub(crate) fn lacks(&self, entity: Entity) -> bool {
        self.schema_version.is_some_and(|version| version < entity.since())
    }
}

impl Central for PgCentral {
    async fn hello(&mut self, device: DeviceId) -> Result<Hello, CentralError> {
        hello::hello(self, device).await
    }

    async fn pull(&mut self, request: &PullRequest) -> Result<Pull, CentralError> {
        pull::pull(self, request).await
    }

    async fn page(&mut self, entity: Entity, after: Option<Uuid>, limit: u32) -> Result<Page, CentralError> {
        if self.lacks(entity) {
            return Ok(Page { rows: Vec::new(), last: true });
        }
        page::page(self, entity, after, limit).await
    }

    async fn push(&mut self, device: DeviceId, operations: &[Operation]) -> Result<Vec<Receipt>, CentralError> {
        push::push(self, device, operations).await
    }

    async fn photo_ask(&mut self, photo: PhotoId, chunks: i32) -> Result<PhotoAsk, CentralError> {
        photos::ask(self, photo, chunks).await
    }

    async fn photo_chunk(&mut self, photo: PhotoId, number: i32, bytes: Vec<u8>) -> Result<(), CentralError> {
        photos::store_chunk(self, photo, number, bytes).await
    }

    async fn photo_finish(&mut self, photo: PhotoId) -> Result<ChunkAck, CentralError> {
        photos::finish(self, photo).await
    }

    async fn photo_fetch(&mut self, photo: PhotoId, number: i32) -> Result<Option<Vec<u8>>, CentralError> {
        photos::fetch(self, photo, number).await
    }

    async fn buckets(&mut self, entity: Entity) -> Result<(Cursor, Vec<Bucket>), CentralError> {
        // The snapshot is wanted all the same; the table of people is as good as any to ask for it with.
        if self.lacks(entity) {
            return Ok((audit::buckets(self, Entity::Users).await?.0, Vec::new()));
        }
        audit::buckets(self, entity).await
    }

    async fn bucket_keys(&mut self, entity: Entity, buckets: &[i16]) -> Result<Vec<RowKey>, CentralError> {
        if self.lacks(entity) {
            return Ok(Vec::new());
        }
        audit::bucket_keys(self, entity, buckets).await
    }

    async fn rows(&mut self, entity: Entity, ids: &[Uuid]) -> Result<Vec<Row>, CentralError> {
        if self.lacks(entity) {
            return Ok(Vec::new());
        }
        page::rows(self, entity, ids).await
    }
}
