//! The profile a command works on.

use std::io::Read;
use std::path::{Path, PathBuf};

use clara_app::{App, Options};
use clara_contract::Empty;
use clara_contract::session::{StartState, Unlock};
use serde_json::Value;

use crate::arguments::{Arguments, Call};
use crate::error::Error;
use crate::output::Output;
use crate::secret;

/// The folder: as given, or where the app keeps it.
pub(crate) fn folder(arguments: &Arguments) -> Result<PathBuf, Error> {
    if let Some(folder) = &arguments.profile {
        return Ok(folder.clone());
    }
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share")));
    data.map(|data| data.join("clara-field")).ok_or_else(|| Error::Given("Which profile? Give --profile DIR.".into()))
}

/// An app without background work: a command does what it says and ends.
pub(crate) fn app(folder: PathBuf) -> App {
    App::new(Options { background: false, ..Options::here(folder) })
}

/// The open profile.
pub(crate) fn open(arguments: &Arguments) -> Result<App, Error> {
    let app = app(folder(arguments)?);
    match app.start(Empty {})?.state {
        StartState::Open => Ok(app),
        StartState::Fresh | StartState::SignedOut => Err(Error::Unclear {
            what: "Nobody is enrolled in this profile.".into(),
            next: "Name another with --profile, or run `clara device enroll` or `clara device try-demo`.".into(),
        }),
        StartState::Revoked => {
            // The app's own words: it says what to do.
            app.unlock(Unlock { passphrase: String::new() })?;
            Ok(app)
        }
        StartState::Locked => {
            let passphrase = secret::ask("CLARA_PASSPHRASE", "Passphrase").unwrap_or_default();
            app.unlock(Unlock { passphrase })?;
            Ok(app)
        }
    }
}

/// `clara call`.
pub(crate) fn call(asked: &Call, app: &App, output: &Output) -> Result<std::process::ExitCode, Error> {
    let text = if asked.request == "-" { read(Path::new("-"))? } else { asked.request.clone() };
    let request: Value =
        serde_json::from_str(&text).map_err(|error| Error::Given(format!("The request is no JSON: {error}.")))?;
    let answer = app.call(&asked.command, request)?;
    let done = output.answer(&answer, |answer| format!("{answer:#}"));
    app.close();
    done
}

/// A file's text; standard input for `-`.
pub(crate) fn read(path: &Path) -> Result<String, Error> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(Error::file(path))?;
        return Ok(text);
    }
    std::fs::read_to_string(path).map_err(Error::file(path))
}
