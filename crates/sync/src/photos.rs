//! The photo lane: bytes follow their row, chunk by chunk, and never hold up work.

use crate::central::{Central, ChunkAck, MAX_CHUNK_BYTES, PhotoAsk};
use crate::engine::Environment;
use crate::replica::{Replica, ReplicaError};
use crate::report::{Progress, SyncError, SyncReport};

/// An upload whose hash the server did not confirm is tried once more in the same sync; then it waits for the next.
const TRIES: u32 = 2;

/// Sends photos until none is left or work waits to go first; true in the latter case.
pub(crate) async fn send_photos<R: Replica, C: Central>(
    replica: &mut R,
    central: &mut C,
    env: &mut impl Environment,
    report: &mut SyncReport,
) -> Result<bool, SyncError> {
    // Photos that wait for something else (their row, a person) must not hold up those behind them.
    let mut skip = Vec::new();
    while let Some(photo) = replica.next_photo(&skip)? {
        let total = photo.byte_count.div_ceil(MAX_CHUNK_BYTES as u64);
        let total = i32::try_from(total).map_err(|_| ReplicaError::PhotoBytes(photo.id))?;
        let mut tries = 0;
        loop {
            match central.photo_ask(photo.id, total).await? {
                PhotoAsk::NoRow => {
                    skip.push(photo.id);
                    break;
                }
                PhotoAsk::Stored => {
                    replica.photo_stored(photo.id)?;
                    report.photos += 1;
                    break;
                }
                PhotoAsk::Missing(missing) => {
                    let mut done = total - i32::try_from(missing.len()).unwrap_or(total);
                    for number in missing {
                        if env.stopped() {
                            return Err(SyncError::Stopped);
                        }
                        let bytes = match replica.photo_chunk(photo.id, number) {
                            Ok(bytes) => bytes,
                            Err(ReplicaError::PhotoBytes(id)) => {
                                replica.photo_damaged(id)?;
                                skip.push(id);
                                break;
                            }
                            Err(error) => return Err(error.into()),
                        };
                        central.photo_chunk(photo.id, number, bytes).await?;
                        done += 1;
                        report.chunks += 1;
                        env.progress(Progress::Photo { done: done.unsigned_abs(), total: total.unsigned_abs() });
                    }
                    if skip.contains(&photo.id) {
                        break;
                    }
                    tries += 1;
                    if central.photo_finish(photo.id).await? == ChunkAck::Stored {
                        replica.photo_stored(photo.id)?;
                        report.photos += 1;
                        break;
                    }
                    if tries == TRIES {
                        skip.push(photo.id);
                        break;
                    }
                }
            }
        }
        if replica.state()?.pending > 0 {
            return Ok(true);
        }
    }
    Ok(false)
}
