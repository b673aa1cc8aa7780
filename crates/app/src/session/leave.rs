//! Signing out: the person's work leaves this laptop. What is unsent goes into a pack first, and without one nothing goes.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use clara_contract::rescue::RescueFile;

use super::profile::Folder;
use crate::app::Core;
use crate::error::{Error, Result, Rule};
use crate::rescue::{Cause, Occasion, kept};
use crate::vault::Vault;

/// What is on its way out. Once this folder is there, the rest follows, whatever ends the program in between.
const LEAVING: &str = "leaving";

impl Core {
    /// Takes work and keys off this laptop. The pack with what was unsent, if there was anything.
    pub(crate) fn sign_out(&self) -> Result<Option<RescueFile>> {
        let _one_at_a_time = self.opening.lock();
        let open = self.open()?;
        let maker = open.maker.clone().ok_or(Error::NotAllowed(Rule::Demo))?;
        drop(open);
        let packed = match maker.mirror.hand_out_unsent()?.is_empty() {
            true => None,
            false => {
                let made = maker.make(Cause::ByItself(Occasion::SignOut), None)?;
                kept(&maker.folder)
                    .into_iter()
                    .find(|one| Path::new(&one.file.path).file_name() == made.path.file_name())
            }
        };
        drop(maker);
        self.close_whole();
        let folder = Folder::at(&self.options.profile);
        fs::create_dir_all(folder.root().join(LEAVING)).map_err(|error| Error::File("profile", error))?;
        self.go_on_leaving(&folder)?;
        Ok(packed)
    }

    /// Ends a sign-out that was begun. Before anybody else is enrolled here: their work must not begin on what is left of it.
    pub(super) fn go_on_leaving(&self, folder: &Folder) -> Result<()> {
        let leaving = folder.root().join(LEAVING);
        if !leaving.is_dir() {
            return Ok(());
        }
        Vault::at(&folder.keys(), self.options.keyring).forget_everywhere();
        move_out(folder, &leaving)
    }
}

fn move_out(folder: &Folder, leaving: &Path) -> Result<()> {
    let failed = |error| Error::File("profile", error);
    // The card first: without it nobody takes the rest for a profile.
    for name in ["profile.json", "keys", "mirror"] {
        match fs::rename(folder.root().join(name), leaving.join(name)) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    fs::remove_dir_all(leaving).map_err(failed)
}
