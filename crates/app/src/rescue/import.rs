//! Putting a pack into the central database: the office's part. The same pack any number of times, whole or cut off, after
//! the laptop itself has sent some of it or before: each operation takes effect once, in its author's name.

use std::collections::BTreeSet;
use std::path::Path;

use clara_central::{PgCentral, Server};
use clara_domain::category::Role;
use clara_domain::operation::{MAX_BATCH_BYTES, MAX_BATCH_OPS, Operation, Outcome, Receipt};
use clara_domain::{DeviceId, PhotoId};
use clara_local::UnsentOperation;
use clara_sync::{Central, CentralError, ChunkAck, MAX_CHUNK_BYTES, PhotoAsk};
use serde::Serialize;
use uuid::Uuid;

use super::pack::{PackHeader, PackPhoto};
use super::read::{Part, Reader};
use super::{Identity, RescueError};
use crate::app::Core;
use crate::error::{Error, Rule};
use crate::session::enroll::apart;

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImportedOperation {
    /// As it is in the pack.
    pub operation: Operation,
    /// The server's answer; none where it was not put in, because it waits for a draft.
    pub receipt: Option<Receipt>,
}

/// What became of one photo's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Imported {
    /// Now on the server, with the hash they should have.
    Stored,
    /// There already.
    There,
    /// The photo itself is not on the server: it was refused, waits for a decision, or for a draft. Import again after.
    NoRow,
    /// The bytes in the pack are not the photo's.
    Lacking,
}

/// One photo of a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ImportedPhoto {
    /// Which.
    pub photo_id: PhotoId,
    /// What became of it.
    pub outcome: Imported,
}

/// What an import came to.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Whose work it is.
    pub header: PackHeader,
    /// In the order in which it was saved.
    pub operations: Vec<ImportedOperation>,
    /// Inspections that were never completed: nobody but their author completes them. `clara rescue show` has them.
    pub drafts: u32,
    /// The bytes.
    pub photos: Vec<ImportedPhoto>,
    /// The pack was whole.
    pub whole: bool,
}

impl Report {
    /// Operations that were new to the server.
    pub fn new_operations(&self) -> usize {
        self.operations.iter().filter(|one| one.receipt.as_ref().is_some_and(|receipt| !receipt.duplicate)).count()
    }

    /// Operations of one outcome.
    pub fn with_outcome(&self, outcome: Outcome) -> usize {
        self.operations.iter().filter(|one| one.receipt.as_ref().is_some_and(|r| r.outcome == outcome)).count()
    }
}

/// Imports a pack. Cut short at any point, the same call again goes on where it ended.
///
/// # Errors
/// Where the seal cannot be opened, or the server is not reached or refuses the caller or the laptop. A pack that is
/// damaged further on gives what is before.
pub async fn import(office: &Server, path: &Path, identity: &Identity) -> Result<Report, RescueError> {
    let mut reader = Reader::open(path, identity)?;
    let mut central = PgCentral::new(office.clone());
    let Some(Part::Header(header)) = reader.next_part()? else { return Err(RescueError::Damaged) };
    let device = header.device_id;
    let mut drafts: BTreeSet<Uuid> = header.draft_ids.iter().copied().collect();
    let mut report = Report { header: *header, operations: Vec::new(), drafts: 0, photos: Vec::new(), whole: false };
    let mut waiting = Vec::new();
    let mut part = next(&mut reader)?;
    loop {
        match part {
            Next::Part(Part::Operation(operation)) => waiting.push(*operation),
            Next::Part(Part::Draft(draft)) => {
                drafts.insert(draft.id.uuid());
                report.drafts += 1;
            }
            _ => break,
        }
        part = next(&mut reader)?;
    }
    put_operations(&mut central, device, waiting, &drafts, &mut report).await?;
    loop {
        match part {
            Next::Part(Part::Photo(photo)) => {
                let (outcome, after) = put_photo(&mut central, &mut reader, &photo).await?;
                report.photos.push(ImportedPhoto { photo_id: photo.photo_id, outcome });
                part = after;
            }
            Next::Part(Part::End(_)) => {
                report.whole = true;
                break;
            }
            Next::Part(_) => part = next(&mut reader)?,
            Next::CutOff => break,
        }
    }
    central.close().await;
    Ok(report)
}

impl Core {
    /// With the login of this profile.
    pub(crate) fn import_rescue(&self, pack: &Path, identity: &Identity) -> Result<Report, Error> {
        let open = self.open()?;
        if !matches!(open.role(), Role::OfficeStaff | Role::Admin) {
            return Err(Error::NotAllowed(Rule::OfficeOnly));
        }
        let (folder, profile) = self.current(&open)?;
        let address = profile.server.as_ref().ok_or(Error::NotAllowed(Rule::Demo))?;
        let office = self.server(&folder, address, &open.key)?;
        let (pack, identity) = (pack.to_owned(), identity.clone());
        Ok(apart(move || async move { import(&office, &pack, &identity).await })??)
    }
}

enum Next {
    Part(Part),
    CutOff,
}

fn next(reader: &mut Reader) -> Result<Next, RescueError> {
    match reader.next_part() {
        Ok(Some(part)) => Ok(Next::Part(part)),
        Ok(None) | Err(RescueError::Damaged) => Ok(Next::CutOff),
        Err(other) => Err(other),
    }
}

async fn put_operations(
    central: &mut PgCentral,
    device: DeviceId,
    all: Vec<UnsentOperation>,
    drafts: &BTreeSet<Uuid>,
    report: &mut Report,
) -> Result<(), RescueError> {
    let mut batch: Vec<Operation> = Vec::new();
    let mut bytes = 0;
    for UnsentOperation { operation, .. } in all {
        // The laptop holds it back too: its author may still throw the draft away, and the photo with it.
        if inspection_of(&operation).is_some_and(|id| drafts.contains(&id)) {
            report.operations.push(ImportedOperation { operation, receipt: None });
            continue;
        }
        let size = serde_json::to_vec(&operation).map_or(0, |text| text.len());
        if batch.len() == MAX_BATCH_OPS || (!batch.is_empty() && bytes + size > MAX_BATCH_BYTES) {
            put_batch(central, device, std::mem::take(&mut batch), report).await?;
            bytes = 0;
        }
        bytes += size;
        batch.push(operation);
    }
    if !batch.is_empty() {
        put_batch(central, device, batch, report).await?;
    }
    report.operations.sort_by_key(|one| one.operation.seq);
    Ok(())
}

async fn put_batch(
    central: &mut PgCentral,
    device: DeviceId,
    batch: Vec<Operation>,
    report: &mut Report,
) -> Result<(), RescueError> {
    let receipts = central.rescue(device, &batch).await?;
    for operation in batch {
        let receipt = receipts.iter().find(|receipt| receipt.op_id == operation.op_id).cloned();
        report.operations.push(ImportedOperation { operation, receipt });
    }
    Ok(())
}

fn inspection_of(operation: &Operation) -> Option<Uuid> {
    operation.new.get("inspection_id").and_then(|id| id.as_str()).and_then(|id| Uuid::parse_str(id).ok())
}

/// Sends the chunks that the server lacks, as they come out of the pack.
async fn put_photo(
    central: &mut PgCentral,
    reader: &mut Reader,
    photo: &PackPhoto,
) -> Result<(Imported, Next), RescueError> {
    let chunks = i32::try_from(photo.byte_count.div_ceil(MAX_CHUNK_BYTES as u64)).map_err(|_| RescueError::Damaged)?;
    let asked = central.photo_ask(photo.photo_id, chunks).await?;
    let missing: BTreeSet<i32> = match &asked {
        PhotoAsk::Missing(numbers) => numbers.iter().copied().collect(),
        _ => BTreeSet::new(),
    };
    let (mut number, mut lacking) = (0, false);
    let after = loop {
        match next(reader)? {
            Next::Part(Part::Chunk(bytes)) => {
                if missing.contains(&number) {
                    match central.photo_chunk(photo.photo_id, number, bytes).await {
                        // Longer than its row says: not this photo's bytes.
                        Err(CentralError::Refused { .. }) => lacking = true,
                        other => other?,
                    }
                }
                number += 1;
            }
            Next::Part(Part::Lacking) => lacking = true,
            after => break after,
        }
    };
    let outcome = match asked {
        PhotoAsk::Stored => Imported::There,
        PhotoAsk::NoRow => Imported::NoRow,
        PhotoAsk::Missing(_) if lacking => Imported::Lacking,
        PhotoAsk::Missing(_) => match central.photo_finish(photo.photo_id).await? {
            ChunkAck::Stored => Imported::Stored,
            ChunkAck::Mismatch => Imported::Lacking,
        },
    };
    Ok((outcome, after))
}
