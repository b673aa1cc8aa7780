//! What `photo://` shows.

use clara_domain::PhotoId;

use super::intake::{mime, thumbnail};
use crate::app::Core;
use crate::error::{Error, Result};

impl Core {
    /// A photo's bytes, or its small picture, and what they are. Bytes that only the server has are fetched and kept.
    ///
    /// # Errors
    /// Where they are neither here nor to be had.
    pub(crate) fn photo_bytes(&self, id: PhotoId, small: bool) -> Result<(String, Vec<u8>)> {
        let bytes = self.photo_read(id, small)?;
        // By its own bytes: the row says what another program meant to store.
        Ok((mime(&bytes).to_owned(), bytes))
    }

    fn photo_read(&self, id: PhotoId, small: bool) -> Result<Vec<u8>> {
        let open = self.open()?;
        let here =
            || open.read(|view| Ok(if small { view.read.photo_thumbnail(id)? } else { view.read.photo_bytes(id)? }));
        if let Some(bytes) = here()? {
            return Ok(bytes);
        }
        if small && let Some(bytes) = open.read(|view| Ok(view.read.photo_bytes(id)?))? {
            return Ok(thumbnail(&bytes)?);
        }
        let runner = open.runner.as_ref().ok_or(Error::NotHere("photo"))?;
        runner.photo(id)?;
        here()?.ok_or(Error::NotHere("photo"))
    }
}
