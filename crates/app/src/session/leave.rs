//! Signing out: the person's work leaves this laptop. What is unsent goes into a pack first, and without one nothing goes.
//!
//! In two steps, so that it can be undone: first everything is closed, and `unlock` still opens it; then, when the program
//! ends or starts again or somebody enrolls, it goes. A page can do the first alone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clara_contract::Empty;
use clara_contract::rescue::RescueMade;
use clara_contract::session::{SignedOut, Start, StartState};
use clara_domain::mirror::Entity;

use super::profile::Folder;
use crate::app::Core;
use crate::error::{Error, Result};
use crate::rescue::{Cause, Maker, Occasion, RescueError};
use crate::vault::{Vault, write_private};

/// The person signed out. Once this file is there, the rest follows at the next start at the latest; until then it is
/// only this file that stands between the person and their work.
const SIGNED_OUT: &str = "signed-out";
/// What is on its way out. Once this folder is there, nothing brings it back.
const LEAVING: &str = "leaving";

impl Core {
    /// Closes the work, sealed for the office where it was not sent. It is still here, for whoever thinks better of it.
    pub(crate) fn sign_out(&self, _request: Empty) -> Result<Start> {
        let _one_at_a_time = self.opening.lock();
        let open = self.open()?;
        let (folder, profile) = self.current(&open)?;
        let (maker, key) = (open.maker.clone(), open.key.clone());
        let full_name = self.refreshed(&open).full_name;
        drop(open);
        if let Some(maker) = &maker
            && maker.vault.recipient().is_none()
            && !loses_nothing(maker)
        {
            return Err(RescueError::NoRecipient.into());
        }
        // How long things took is no work, and would be the last thing unsent.
        self.forget_timings();
        // Closed before it is packed: what somebody saves meanwhile would be in neither.
        self.close_whole();
        let packed = maker.as_deref().map_or(Ok(None), pack);
        drop(maker);
        let closed = packed.and_then(|pack| {
            write_private(&folder.root().join(SIGNED_OUT), b"").map_err(|error| Error::File("profile", error))?;
            Ok(pack)
        });
        match closed {
            Ok(pack) => {
                self.set_signed_out(Some(SignedOut { full_name, demo: profile.server.is_none(), pack }));
                self.found(StartState::SignedOut)
            }
            Err(error) => {
                self.open_profile(&folder, &profile, key)?;
                Err(error)
            }
        }
    }

    /// The person stays. The key was opened before: until then nothing is undone.
    pub(super) fn stay(&self, folder: &Folder) -> Result<()> {
        remove(&folder.root().join(SIGNED_OUT))?;
        self.set_signed_out(None);
        Ok(())
    }

    /// Takes what was signed out off this laptop, now.
    pub(crate) fn leave_for_good(&self) -> Result<()> {
        let _one_at_a_time = self.opening.lock();
        if self.signed_out().is_none() {
            return Ok(());
        }
        let folder = Folder::at(&self.options.profile);
        self.go_on_leaving(&folder.demo())?;
        self.go_on_leaving(&folder)
    }

    /// Ends a sign-out that was begun. Before anybody else is enrolled here: their work must not begin on what is left of it.
    pub(super) fn go_on_leaving(&self, folder: &Folder) -> Result<()> {
        let (leaving, signed_out) = (folder.root().join(LEAVING), folder.root().join(SIGNED_OUT));
        if !leaving.is_dir() && !signed_out.exists() {
            return Ok(());
        }
        fs::create_dir_all(&leaving).map_err(|error| Error::File("profile", error))?;
        Vault::at(&folder.keys(), self.options.keyring).forget_everywhere();
        move_out(folder, &leaving)?;
        // Last: as long as it is there, a start goes on with it.
        remove(&signed_out)?;
        self.set_signed_out(None);
        Ok(())
    }
}

/// All that a person would miss is on the server.
fn loses_nothing(maker: &Maker) -> bool {
    // Looked at and not handed out: what is in no pack can still be changed.
    let found = maker.mirror.read(|read| {
        let figures = read.sync_figures(maker.clock.now())?;
        let mut operations = read.unsent_operations()?.into_iter();
        let waits = operations.any(|operation| operation.entity != Entity::PerformanceMetrics);
        Ok::<_, Error>(!waits && figures.drafts == 0 && figures.photos_waiting == 0)
    });
    found.unwrap_or(false)
}

fn pack(maker: &Maker) -> Result<Option<RescueMade>> {
    if loses_nothing(maker) {
        return Ok(None);
    }
    Ok(Some(maker.make(Cause::ByItself(Occasion::SignOut), None)?.told()))
}

fn remove(file: &PathBuf) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::File("profile", error)),
        _ => Ok(()),
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
