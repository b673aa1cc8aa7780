//! The window: commands, events and pictures of `clara-app`, carried to the webview and back. No logic.

mod closing;
mod commands;
mod events;
mod photo_scheme;
mod pick;
mod profile;
mod window;

use std::path::PathBuf;
use std::process::ExitCode;

use clara_app::{App, Options};
use clara_contract::{Code, Empty, Failure};
use tauri::RunEvent;
use tauri_plugin_dialog::{DialogExt, MessageDialogKind};

/// Runs the app until its window is closed.
pub fn run() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_env("CLARA_LOG").unwrap_or_else(|_| "warn".into()))
        .init();
    let profile = match profile::asked(std::env::args_os().skip(1)) {
        Ok(profile) => profile,
        Err(sentence) => {
            eprintln!("{sentence}");
            return ExitCode::from(2);
        }
    };
    let Some(profile) = profile.or_else(profile::of_this_person) else {
        return tell(profile::no_home());
    };
    let app = App::new(Options::here(profile.clone()));
    // The window's first screen tells of anything else that went wrong, and what to do. A second copy has no business
    // with a window: the one that is open has the person's work.
    match app.start(Empty {}) {
        Err(failure) if failure.code == Code::SecondCopy => tell(failure),
        _ if !has_display() => {
            eprintln!("There is no display to open a window on. In a terminal, `clara` does the same work.");
            app.close();
            ExitCode::FAILURE
        }
        _ => show(app, profile),
    }
}

fn show(app: App, profile: PathBuf) -> ExitCode {
    let (ending, closing) = (app.clone(), closing::Closing::default());
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_dialog::init())
        .manage(app.clone())
        .invoke_handler(commands::handler())
        .on_window_event({
            let (app, closing) = (app.clone(), closing.clone());
            move |window, event| closing::hear(&closing, &app, window, event)
        })
        .register_asynchronous_uri_scheme_protocol("photo", photo_scheme::answer)
        .setup(move |shell| {
            events::forward(&app, shell.handle());
            pick::photos_for(&app, shell.handle());
            closing::answers(&closing, &app, shell.handle());
            window::open(shell, &profile)?;
            Ok(())
        })
        .build(context());
    match built {
        Ok(shell) => {
            let code = shell.run_return(|_, _| {});
            ending.close();
            ended(code)
        }
        Err(error) => {
            eprintln!("The window did not open: {error}. Nothing was changed.");
            ExitCode::FAILURE
        }
    }
}

/// Says why there is no window, on the terminal and, where there is a display, in a box with one button.
fn tell(failure: Failure) -> ExitCode {
    eprintln!("{failure}");
    let code = exit_code(failure.code);
    if !has_display() {
        return ExitCode::from(code);
    }
    let built = tauri::Builder::default().plugin(tauri_plugin_dialog::init()).build(context());
    let Ok(shell) = built else { return ExitCode::from(code) };
    let text = format!("{}\n\n{}\n{}", failure.message, failure.safe, failure.next);
    let mut said = false;
    ended(shell.run_return(move |handle, event| {
        if matches!(event, RunEvent::Ready) && !std::mem::replace(&mut said, true) {
            let closing = handle.clone();
            handle
                .dialog()
                .message(&text)
                .title("Clara Field")
                .kind(MessageDialogKind::Error)
                .show(move |_| closing.exit(i32::from(code)));
        }
    }))
}

fn ended(code: i32) -> ExitCode {
    u8::try_from(code).map_or(ExitCode::FAILURE, ExitCode::from)
}

/// What a script that started the app can tell apart.
fn exit_code(code: Code) -> u8 {
    if code == Code::SecondCopy { 3 } else { 1 }
}

fn has_display() -> bool {
    !cfg!(target_os = "linux") || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some())
}

/// The configuration and the pages, built in.
#[allow(
    clippy::disallowed_methods,
    reason = "the macro's own: it ends the program when its built-in pages are damaged"
)]
fn context() -> tauri::Context {
    tauri::generate_context!()
}
