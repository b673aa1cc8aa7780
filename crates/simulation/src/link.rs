//! The line between a laptop and the server.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use clara_domain::mirror::Entity;
use clara_domain::operation::{Operation, Receipt};
use clara_domain::row::Row;
use clara_domain::{DeviceId, PhotoId};
use clara_sync::{Bucket, Central, CentralError, ChunkAck, Cursor, Hello, Page, PhotoAsk, Pull, PullRequest, RowKey};
use uuid::Uuid;

use crate::control::Control;
use crate::fault::{CallFault, Plan, SharedFate, lock};
use crate::server::Server;

/// A request that is still under way when its sender has given up.
#[derive(Debug, Clone)]
pub enum Ghost {
    /// Operations.
    Push(Uuid, DeviceId, Vec<Operation>),
    /// A piece of a photo.
    Chunk(Uuid, PhotoId, i32, Vec<u8>),
    /// The end of a photo.
    Finish(Uuid, PhotoId),
}

impl Ghost {
    /// It arrives; nobody waits for the answer.
    pub fn arrive(self, server: &mut Server) {
        match self {
            Ghost::Push(user, device, operations) => drop(server.push(user, device, &operations)),
            Ghost::Chunk(user, photo, number, bytes) => drop(server.photo_chunk(user, photo, number, &bytes)),
            Ghost::Finish(user, photo) => drop(server.photo_finish(user, photo)),
        }
    }
}

/// One laptop's line for one sync.
pub struct Link {
    /// Behind it.
    pub server: Arc<Mutex<Server>>,
    /// Whose login.
    pub user: Uuid,
    /// What goes wrong.
    pub plan: Plan,
    /// How it fared.
    pub fate: SharedFate,
    /// What is still under way.
    pub ghosts: Arc<Mutex<Vec<Ghost>>>,
}

/// Lets everybody else go first, so many times.
struct Transit(u32);

impl Future for Transit {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 == 0 {
            return Poll::Ready(());
        }
        self.0 -= 1;
        Poll::Pending
    }
}

fn cut() -> CentralError {
    CentralError::Unreachable("the line was cut".to_owned())
}

impl Link {
    async fn ask<T: Send>(
        &mut self,
        ghost: Option<Ghost>,
        act: impl Fn(&mut Server, bool) -> Result<T, CentralError> + Send,
    ) -> Result<T, CentralError> {
        let number = {
            let mut fate = lock(&self.fate);
            fate.calls += 1;
            fate.calls
        };
        let fault = self.plan.calls.iter().find(|(at, _)| *at == number).map(|(_, fault)| *fault);
        if let Some(fault) = fault {
            lock(&self.fate).met.push(fault.kind());
        }
        Transit(if fault == Some(CallFault::Delay) { 12 } else { 1 }).await;
        match fault {
            Some(CallFault::CutBefore) => return Err(cut()),
            Some(CallFault::Busy) => return Err(CentralError::Busy("too many clients".to_owned())),
            Some(CallFault::Late) => {
                match ghost {
                    Some(ghost) => lock(&self.ghosts).push(ghost),
                    None => {
                        let _ = act(&mut lock(&self.server), false);
                    }
                }
                return Err(cut());
            }
            _ => {}
        }
        let corrupt = fault == Some(CallFault::Corrupt);
        if fault == Some(CallFault::Duplicate) {
            let _ = act(&mut lock(&self.server), corrupt);
        }
        let answer = act(&mut lock(&self.server), corrupt);
        if fault == Some(CallFault::CutAfter) {
            return Err(cut());
        }
        Transit(u32::from(fault == Some(CallFault::Delay)) * 6).await;
        answer
    }

    /// A control: the receipts are told, and then one transaction is undone.
    fn is_hasty(&self) -> bool {
        let cut = self.plan.calls.iter().any(|(_, fault)| *fault == CallFault::CutBefore);
        cut && lock(&self.server).broken == Some(Control::ReceiptBeforeCommit)
    }
}

impl Central for Link {
    async fn hello(&mut self, device: DeviceId) -> Result<Hello, CentralError> {
        let user = self.user;
        self.ask(None, move |server, _| server.hello(user, device)).await
    }

    async fn pull(&mut self, request: &PullRequest) -> Result<Pull, CentralError> {
        let (user, request) = (self.user, request.clone());
        self.ask(None, move |server, _| server.pull(user, &request)).await
    }

    async fn page(&mut self, entity: Entity, after: Option<Uuid>, limit: u32) -> Result<Page, CentralError> {
        let user = self.user;
        self.ask(None, move |server, _| server.page(user, entity, after, limit)).await
    }

    async fn push(&mut self, device: DeviceId, operations: &[Operation]) -> Result<Vec<Receipt>, CentralError> {
        let user = self.user;
        if self.is_hasty() {
            lock(&self.fate).calls += 1;
            let mut server = lock(&self.server);
            let before = server.state.clone();
            let receipts = server.push(user, device, operations);
            let next = server.state.next_xid;
            server.state = before;
            server.state.next_xid = next;
            // The commit of the first does not happen; those of the others do, and hide it.
            let _ = server.push(user, device, operations.get(1..).unwrap_or_default());
            return receipts;
        }
        let ghost = Ghost::Push(user, device, operations.to_vec());
        self.ask(Some(ghost), move |server, _| server.push(user, device, operations)).await
    }

    async fn photo_ask(&mut self, photo: PhotoId, chunks: i32) -> Result<PhotoAsk, CentralError> {
        let user = self.user;
        self.ask(None, move |server, _| server.photo_ask(user, photo, chunks)).await
    }

    async fn photo_chunk(&mut self, photo: PhotoId, number: i32, bytes: Vec<u8>) -> Result<(), CentralError> {
        let user = self.user;
        let ghost = Ghost::Chunk(user, photo, number, bytes.clone());
        // Few calls carry bytes: whichever call the fault was meant for, it hits one of these, once.
        let position = self.plan.calls.iter().position(|(_, fault)| *fault == CallFault::Corrupt);
        let corrupt = position.is_some();
        if let Some(position) = position {
            self.plan.calls.remove(position);
            lock(&self.fate).met.push(CallFault::Corrupt.kind());
        }
        self.ask(Some(ghost), move |server, _| {
            let mut bytes = bytes.clone();
            if let (true, Some(first)) = (corrupt, bytes.first_mut()) {
                *first ^= 1;
            }
            server.photo_chunk(user, photo, number, &bytes)
        })
        .await
    }

    async fn photo_finish(&mut self, photo: PhotoId) -> Result<ChunkAck, CentralError> {
        let user = self.user;
        self.ask(Some(Ghost::Finish(user, photo)), move |server, _| server.photo_finish(user, photo)).await
    }

    async fn photo_fetch(&mut self, photo: PhotoId, number: i32) -> Result<Option<Vec<u8>>, CentralError> {
        let user = self.user;
        self.ask(None, move |server, _| server.photo_fetch(user, photo, number)).await
    }

    async fn buckets(&mut self, entity: Entity) -> Result<(Cursor, Vec<Bucket>), CentralError> {
        let user = self.user;
        self.ask(None, move |server, _| server.buckets(user, entity)).await
    }

    async fn bucket_keys(&mut self, entity: Entity, buckets: &[i16]) -> Result<Vec<RowKey>, CentralError> {
        let (user, buckets) = (self.user, buckets.to_vec());
        self.ask(None, move |server, _| server.bucket_keys(user, entity, &buckets)).await
    }

    async fn rows(&mut self, entity: Entity, ids: &[Uuid]) -> Result<Vec<Row>, CentralError> {
        let (user, ids) = (self.user, ids.to_vec());
        self.ask(None, move |server, _| server.rows(user, entity, &ids)).await
    }
}
