//! One adapter for each command of the contract. The list is the contract's own: a command that the app cannot answer
//! does not compile here, and one that is not in the list cannot be called.

use clara_app::App;
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
use clara_contract::{Code, Empty, Failure};
use tauri::ipc::Invoke;
use tauri::{AppHandle, State, Wry};

use crate::pick;

macro_rules! adapters {
    // A table is saved from here and not from the page: the dialog of the system knows paths, the page does not.
    (@adapter export_completeness($request:ty) -> $answer:ty) => {
        #[tauri::command]
        async fn export_completeness(
            handle: AppHandle,
            app: State<'_, App>,
            request: $request,
        ) -> Result<$answer, Failure> {
            let app = app.inner().clone();
            let mut table = run(move || app.export_completeness(request)).await?;
            // The name it was saved under; none where the person changed their mind.
            table.name = pick::save(&handle, &table).await?;
            Ok(table)
        }
    };
    (@adapter $name:ident($request:ty) -> $answer:ty) => {
        #[tauri::command]
        async fn $name(app: State<'_, App>, request: $request) -> Result<$answer, Failure> {
            let app = app.inner().clone();
            run(move || app.$name(request)).await
        }
    };
    ($($name:ident($request:ty) -> $answer:ty,)+) => {
        $(adapters! { @adapter $name($request) -> $answer })+

        pub(crate) fn handler() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
            tauri::generate_handler![$($name),+]
        }
    };
}
clara_contract::commands!(adapters);

/// The app reads and writes files; the threads that carry messages must not wait for a disk.
async fn run<A: Send + 'static>(work: impl FnOnce() -> Result<A, Failure> + Send + 'static) -> Result<A, Failure> {
    tauri::async_runtime::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a command ended without an answer");
        Err(Failure {
            code: Code::Internal,
            message: "Something in the program did not work.".into(),
            safe: "What was saved on this laptop is still here.".into(),
            next: "Try again; if it stays, close the program and open it again.".into(),
            field: None,
        })
    })
}
