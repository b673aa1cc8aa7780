//! A photo whose bytes are only on the server.

use chrono::{DateTime, Utc};
use clara_central::PgCentral;
use clara_domain::PhotoId;
use clara_local::Mirror;
use clara_sync::Central;

use super::intake;
use crate::error::{Error, Result};

/// All bytes of a stored photo.
pub(crate) async fn whole(central: &mut PgCentral, id: PhotoId) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut number = 0;
    while let Some(chunk) = central.photo_fetch(id, number).await? {
        bytes.extend_from_slice(&chunk);
        number += 1;
        if bytes.len() > intake::MAX_FILE_BYTES {
            return Err(Error::Photo(intake::Unfit::TooLarge(bytes.len())));
        }
    }
    if bytes.is_empty() { Err(Error::NotHere("photo")) } else { Ok(bytes) }
}

/// Keeps fetched bytes; the mirror checks their hash.
pub(crate) fn keep(mirror: &Mirror, id: PhotoId, bytes: &[u8], now: DateTime<Utc>) -> Result<()> {
    // Whatever another program stored is doubted like a file from a stranger.
    let thumb = intake::thumbnail(bytes)?;
    mirror.write(now, |write| Ok::<_, Error>(write.keep_photo(id, bytes, &thumb)?))?;
    Ok(())
}
