//! The photo lane: bytes follow their row, chunk by chunk, and never hold up work.
//!
//! While the server is at work on one thing, the laptop prepares the next: it reads a chunk while the one before it is
//! under way, and notes one photo as stored while the server is asked about the next. What a cut can cost stays one
//! chunk: nothing is sent before the server has confirmed what came before it.

use std::collections::VecDeque;

use clara_domain::PhotoId;

use crate::central::{Central, ChunkAck, MAX_CHUNK_BYTES, PhotoAsk};
use crate::engine::{Environment, is_same};
use crate::overlap::overlap;
use crate::replica::{PendingPhoto, Replica, ReplicaError};
use crate::report::{Progress, SyncError, SyncReport};

/// An upload whose hash the server did not confirm is tried once more in the same sync; then it waits for the next.
const TRIES: u32 = 2;

/// What became of a photo.
enum Sent {
    /// The server has its bytes, by hash. The laptop has not noted it yet.
    Stored,
    /// It waits for something else: its row, a person, the next sync.
    Waits,
    /// The server has no row of it.
    NoRow,
}

/// Sends photos until none is left or work waits to go first; true in the latter case.
pub(crate) async fn send_photos<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<bool, SyncError> {
    // Photos that wait for something else must not hold up those behind them.
    let mut skip = Vec::new();
    let mut stored = None;
    let mut next = replica.next_photo(&skip)?;
    while let Some(photo) = next {
        // Stored ones too, until that is noted.
        skip.push(photo.id);
        let mut lane = Lane { replica, central, photo: &photo, skip: &skip, stored: &mut stored, after: None };
        let sent = lane.send(env, report).await;
        let after = lane.after;
        // The one before, where nothing was sent meanwhile.
        let noted = note(replica, &mut stored);
        match sent? {
            Sent::Stored => stored = Some(photo.id),
            Sent::NoRow if is_gone(replica, central, report).await? => replica.photo_unwanted(photo.id)?,
            Sent::NoRow | Sent::Waits => {}
        }
        noted?;
        let (photo, work_waits) = match after {
            Some(after) => after,
            None => (replica.next_photo(&skip)?, replica.state()?.pending > 0),
        };
        if work_waits {
            note(replica, &mut stored)?;
            return Ok(true);
        }
        next = photo;
    }
    note(replica, &mut stored)?;
    Ok(false)
}

/// Whether a row that was taken once and is not there now is gone for good. To a login that was taken away no row is there,
/// and a server that was put back meanwhile gets its rows again.
async fn is_gone<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    report: &SyncReport,
) -> Result<bool, SyncError> {
    let hello = central.hello(replica.state()?.device).await?;
    Ok(hello.device_known && report.hello.as_ref().is_some_and(|planned| is_same(planned, &hello)))
}

/// Notes the photo that the server has confirmed.
fn note<R: Replica>(replica: &mut R, stored: &mut Option<PhotoId>) -> Result<(), ReplicaError> {
    if let Some(photo) = stored.take() {
        replica.photo_stored(photo)?;
    }
    Ok(())
}

/// One photo on its way.
struct Lane<'a, R, C> {
    replica: &'a mut R,
    central: &'a mut C,
    photo: &'a PendingPhoto,
    skip: &'a [PhotoId],
    stored: &'a mut Option<PhotoId>,
    /// The photo after it, and whether work waits to go before that one; looked up while the server was hashing.
    after: Option<(Option<PendingPhoto>, bool)>,
}

type Chunk = (i32, Result<Vec<u8>, ReplicaError>);

impl<R: Replica, C: Central> Lane<'_, R, C> {
    async fn send(&mut self, env: &mut impl Environment, report: &mut SyncReport) -> Result<Sent, SyncError> {
        let id = self.photo.id;
        let total = self.photo.byte_count.div_ceil(MAX_CHUNK_BYTES as u64);
        let total = i32::try_from(total).map_err(|_| ReplicaError::PhotoBytes(id))?;
        for _ in 0..TRIES {
            let Self { replica, central, .. } = self;
            // Most often nothing of it is there yet.
            let (answer, first) =
                overlap(central.photo_ask(id, total), || -> Chunk { (0, replica.photo_chunk(id, 0)) }).await;
            let missing = match answer? {
                PhotoAsk::NoRow => return Ok(Sent::NoRow),
                PhotoAsk::Stored => {
                    report.photos += 1;
                    return Ok(Sent::Stored);
                }
                PhotoAsk::Missing(missing) => VecDeque::from(missing),
            };
            if !self.send_chunks(first, missing, total, env, report).await? {
                return Ok(Sent::Waits);
            }
            let Self { replica, central, skip, .. } = self;
            let (answer, after) = overlap(central.photo_finish(id), || {
                Ok::<_, ReplicaError>((replica.next_photo(skip)?, replica.state()?.pending > 0))
            })
            .await;
            if answer? == ChunkAck::Stored {
                report.photos += 1;
                self.after = Some(after?);
                return Ok(Sent::Stored);
            }
        }
        Ok(Sent::Waits)
    }

    /// Sends what is missing; false where the laptop's own bytes are damaged.
    async fn send_chunks(
        &mut self,
        first: Chunk,
        mut missing: VecDeque<i32>,
        total: i32,
        env: &mut impl Environment,
        report: &mut SyncReport,
    ) -> Result<bool, SyncError> {
        let Self { replica, central, photo, stored, .. } = self;
        let mut done = total - i32::try_from(missing.len()).unwrap_or(total);
        let prepared = missing.pop_front_if(|number| *number == first.0).map(|_| first);
        let mut read =
            |replica: &mut R| missing.pop_front().map(|number| (number, replica.photo_chunk(photo.id, number)));
        let mut next = prepared.or_else(|| read(replica));
        while let Some((number, bytes)) = next {
            if env.stopped() {
                return Err(SyncError::Stopped);
            }
            let bytes = match bytes {
                Ok(bytes) => bytes,
                Err(ReplicaError::PhotoBytes(id)) => {
                    replica.photo_damaged(id)?;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            };
            env.progress(Progress::Photo {
                photo: photo.id,
                done: done.unsigned_abs(),
                total: total.unsigned_abs(),
                byte_count: photo.byte_count,
            });
            let (answer, prepared) = overlap(central.photo_chunk(photo.id, number, bytes), || {
                note(*replica, stored)?;
                Ok::<_, ReplicaError>(read(replica))
            })
            .await;
            answer?;
            next = prepared?;
            done += 1;
            report.chunks += 1;
        }
        Ok(true)
    }
}
