//! What the program says by itself, on the channel `clara`.

use clara_app::App;
use tauri::{AppHandle, Emitter};

pub(crate) fn forward(app: &App, window: &AppHandle) {
    let window = window.clone();
    app.listen(move |event| {
        if let Err(error) = window.emit_to("main", "clara", event) {
            tracing::debug!(%error, "an event did not reach the window");
        }
    });
}
