//! The public face: one method for each command of the contract, timed, with failures as a person is told them.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use clara_contract::backups::*;
use clara_contract::completeness::*;
use clara_contract::conflicts::*;
use clara_contract::equipment::*;
use clara_contract::inspection::*;
use clara_contract::jobs::*;
use clara_contract::photos::*;
use clara_contract::rescue::*;
use clara_contract::session::*;
use clara_contract::specs::*;
use clara_contract::sync::*;
use clara_contract::{Empty, Event, Failure};
use clara_domain::operation::Operation;
use clara_local::table::metrics::MetricNew;
use serde_json::Value;

use crate::app::{Core, Options};
use crate::error::Error;
use crate::sync::compare::Compared;

/// Timings kept in memory before they are written: a screen that is only looked at must not cost a write to the disk.
const TIMINGS: usize = 50;

/// The use cases. Clones share one profile. Calls block: not for an async thread.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Core>);

macro_rules! methods {
    ($($name:ident ($request:ty) -> $answer:ty,)+) => {
        /// The commands of the contract.
        impl App {
            $(
                #[doc = concat!("The command `", stringify!($name), "`.")]
                ///
                /// # Errors
                /// A [`Failure`], for a person.
                pub fn $name(&self, request: $request) -> Result<$answer, Failure> {
                    self.0.timed(stringify!($name), |core| core.$name(request))
                }
            )+

            /// Any command by name, with request and answer as JSON.
            ///
            /// # Errors
            /// A [`Failure`], for a person.
            pub fn call(&self, name: &str, request: Value) -> Result<Value, Failure> {
                match name {
                    $(
                        stringify!($name) => {
                            let request: $request = serde_json::from_value(request).map_err(Error::Request)?;
                            let answer = self.$name(request)?;
                            Ok(serde_json::to_value(answer).map_err(|_| Error::Bug("an answer that is no JSON"))?)
                        }
                    )+
                    _ => Err(Error::NoCommand(name.to_owned()).into()),
                }
            }
        }
    };
}
clara_contract::commands!(methods);

impl App {
    /// Opens nothing yet; see [`App::start`].
    pub fn new(options: Options) -> App {
        App(Arc::new(Core::new(options)))
    }

    /// Calls `listener` with everything the window should know, from any thread.
    pub fn listen(&self, listener: impl Fn(&Event) + Send + Sync + 'static) {
        self.0.listen(Box::new(listener));
    }

    /// How `pick_photos` asks the person for files: a dialog of the system. It may block.
    pub fn pick_with(&self, picker: impl Fn() -> Vec<PathBuf> + Send + Sync + 'static) {
        self.0.set_picker(Box::new(picker));
    }

    /// Who closes the window once the page has answered: with `true` it goes, with `false` it stays.
    pub fn close_with(&self, closer: impl Fn(bool) + Send + Sync + 'static) {
        self.0.set_closer(Box::new(closer));
    }

    /// Tells the page that the window is to be closed.
    pub fn closing(&self) {
        self.0.events.tell(&Event::Closing {});
    }

    /// Takes in photo files that are at hand as bytes.
    ///
    /// # Errors
    /// A [`Failure`] where the target is not there; a file that is no picture is in the answer.
    pub fn take_photos(&self, target: &PhotoTarget, files: Vec<crate::File>) -> Result<TakenIn, Failure> {
        self.0.timed("take_photos", |core| core.photos_take(target, files))
    }

    /// A photo's bytes, or its small picture, and what they are. Bytes that only the server has are fetched and kept.
    ///
    /// # Errors
    /// A [`Failure`] where they are neither here nor to be had.
    pub fn photo_bytes(&self, id: clara_domain::PhotoId, small: bool) -> Result<(String, Vec<u8>), Failure> {
        self.0.timed("photo_bytes", |core| core.photo_bytes(id, small))
    }

    /// Compares both sides row by row: what the server shows this person, and what the mirror holds. Nothing is put right.
    ///
    /// # Errors
    /// A [`Failure`] where the server cannot be asked.
    pub fn compare_with_server(&self) -> Result<Vec<Compared>, Failure> {
        self.0.timed("compare_with_server", Core::compare_with_server)
    }

    /// Operations that the server has not confirmed, in order: all that would be lost with this laptop.
    ///
    /// # Errors
    /// A [`Failure`] where no profile is open.
    pub fn unsent_operations(&self) -> Result<Vec<Operation>, Failure> {
        Ok(self.0.unsent_operations()?)
    }

    /// Makes a rescue pack in a folder that the caller chose.
    ///
    /// # Errors
    /// A [`Failure`] where no profile is open, or the company has no recovery key.
    pub fn make_rescue_into(&self, folder: &std::path::Path) -> Result<RescueMade, Failure> {
        self.0.timed("make_rescue_into", |core| core.make_rescue_into(Some(folder)))
    }

    /// Takes the person's work off this laptop at once; what is unsent goes into a pack first. Not among the commands of the
    /// window: a page must not be able to remove anything. Its own `sign_out` closes, and the end of the program removes.
    ///
    /// # Errors
    /// A [`Failure`] where no profile is open, or no pack can be made of what is unsent; then nothing was removed.
    pub fn sign_out_for_good(&self) -> Result<Option<RescueMade>, Failure> {
        let packed = self.sign_out(Empty {})?.signed_out.and_then(|signed_out| signed_out.pack);
        self.0.leave_for_good()?;
        Ok(packed)
    }

    /// Puts a rescue pack in with the login of this profile, whose person works in the office.
    ///
    /// # Errors
    /// A [`Failure`] where the person does not, the seal does not open, or the server is not reached.
    pub fn import_rescue(
        &self,
        pack: &std::path::Path,
        identity: &crate::rescue::Identity,
    ) -> Result<crate::rescue::Report, Failure> {
        self.0.timed("import_rescue", |core| core.import_rescue(pack, identity))
    }

    /// Ends background work and closes the profile. Whoever signed out is gone from this laptop with it.
    pub fn close(&self) {
        self.0.close();
        if let Err(error) = self.0.leave_for_good() {
            tracing::warn!(%error, "what was signed out is still here: it goes at the next start");
        }
    }
}

impl Core {
    fn timed<T>(&self, name: &'static str, act: impl FnOnce(&Core) -> Result<T, Error>) -> Result<T, Failure> {
        let begun = Instant::now();
        let done = act(self).map_err(Failure::from);
        let timing = MetricNew {
            function_name: name.to_owned(),
            duration_ms: begun.elapsed().as_secs_f64() * 1000.0,
            success: done.is_ok(),
            // The code and not the sentence: sentences may name things.
            error_message: done.as_ref().err().map(|failure| format!("{:?}", failure.code)),
            metadata: serde_json::json!({"app_version": env!("CARGO_PKG_VERSION")}),
            recorded_at: self.now(),
        };
        let full = {
            let mut timings = self.timings.lock().unwrap_or_else(PoisonError::into_inner);
            timings.push(timing);
            timings.len() >= TIMINGS
        };
        if full {
            self.keep_timings();
        }
        done
    }

    pub(crate) fn forget_timings(&self) {
        self.timings.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Hands the timings to the mirror, from where they go out with the next sync. None is worth failing for.
    pub(crate) fn keep_timings(&self) {
        let timings = std::mem::take(&mut *self.timings.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(open) = self.opened().filter(|_| !timings.is_empty()) else { return };
        let count = u32::try_from(timings.len()).unwrap_or(u32::MAX);
        let kept = open.mirror.write(self.now(), |write| {
            for timing in &timings {
                write.metric(timing)?;
            }
            if !open.session.demo {
                write.send_metrics(count)?;
            }
            Ok::<_, Error>(())
        });
        if let Err(error) = kept {
            tracing::info!(%error, "timings were not kept");
        }
    }
}
