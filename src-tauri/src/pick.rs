//! Dialogs of the system: which pictures to take in, where to save a table. What a person picked stays on this side.

use std::path::PathBuf;

use clara_app::App;
use clara_contract::completeness::Csv;
use clara_contract::{Code, Failure};
use tauri::AppHandle;
use tauri_plugin_dialog::{DialogExt, FilePath};

/// How the app asks for photos. Its commands run on threads that may wait for a person.
pub(crate) fn photos_for(app: &App, window: &AppHandle) {
    let window = window.clone();
    app.pick_with(move || {
        seam("CLARA_PICK").unwrap_or_else(|| {
            let dialog = window.dialog().file().set_title("Add photos");
            // HEIC is offered too: the app refuses it with a sentence that says what to do, and a dialog cannot.
            let pictures = &["jpg", "jpeg", "png", "webp", "heic", "heif"];
            paths(dialog.add_filter("Pictures", pictures).blocking_pick_files().unwrap_or_default())
        })
    });
}

/// Saves a table where the person says; not at all, if they say nowhere.
pub(crate) async fn save(handle: &AppHandle, table: &Csv) -> Result<String, Failure> {
    let place = match seam("CLARA_SAVE") {
        Some(place) => place,
        None => {
            let (answer, answered) = tokio::sync::oneshot::channel();
            handle
                .dialog()
                .file()
                .set_file_name(&table.name)
                .add_filter("Table", &["csv"])
                .save_file(move |file| drop(answer.send(file)));
            paths(answered.await.ok().flatten())
        }
    };
    let mut name = String::new();
    for path in place {
        name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        std::fs::write(&path, &table.text).map_err(|error| Failure {
            code: if error.kind() == std::io::ErrorKind::StorageFull { Code::DiskFull } else { Code::BadInput },
            message: "The table could not be saved there.".into(),
            safe: "Nothing was changed.".into(),
            next: "Save it in another folder.".into(),
            field: None,
        })?;
    }
    Ok(name)
}

fn paths(files: impl IntoIterator<Item = FilePath>) -> Vec<PathBuf> {
    files.into_iter().filter_map(|file| file.into_path().ok()).collect()
}

/// What a person would have picked: a test cannot click in a dialog of the system. Not in the program that ships.
#[cfg(debug_assertions)]
fn seam(name: &str) -> Option<Vec<PathBuf>> {
    std::env::var_os(name).map(|list| std::env::split_paths(&list).collect())
}

#[cfg(not(debug_assertions))]
fn seam(_name: &str) -> Option<Vec<PathBuf>> {
    None
}
