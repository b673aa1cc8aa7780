//! `clara demo`: the whole of it on a private PostgreSQL, without a window.

mod compare;
mod stage;
mod story;

use std::process::ExitCode;

use serde_json::json;

use crate::arguments::Demo;
use crate::error::Error;
use crate::output::Output;
use stage::Stage;

pub(crate) fn run(asked: &Demo, output: &Output) -> Result<ExitCode, Error> {
    let stage = Stage::set(asked.folder.as_deref(), output)?;
    if asked.serve { serve(&stage, output) } else { story::tell(&stage, output) }
}

/// Keeps the server running for the app's window.
fn serve(stage: &Stage, output: &Output) -> Result<ExitCode, Error> {
    for person in [&stage.technician, &stage.manager] {
        let app = stage.open(person)?;
        app.sync_now(clara_contract::Empty {})?;
        app.close();
    }
    output.note(&format!("Where there is no keyring, the passphrase is: {}", stage::PASSPHRASE));
    output.note("The server runs until this program is ended.");
    let folders = json!({
        "technician": stage.technician.folder, "manager": stage.manager.folder, "passphrase": stage::PASSPHRASE,
    });
    output.line(&folders.to_string());
    wait_for_the_end()?;
    Ok(ExitCode::SUCCESS)
}

/// Until a signal, or until whoever started us closes our standard input.
fn wait_for_the_end() -> Result<(), Error> {
    let failed = |source| Error::File { path: "signals".into(), source };
    let (closed, seen) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _read = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        let _gone = closed.send(());
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(async {
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
            tokio::select! {
                _ = seen => {}
                _ = terminate.recv() => {}
                interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed)?,
            }
        }
        #[cfg(not(unix))]
        tokio::select! {
            _ = seen => {}
            interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed)?,
        }
        Ok(())
    })
}
