//! Closing the window: what was typed in the last moment is saved first. The page is asked and answers; a page that does
//! not answer is not waited for without end.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clara_app::App;
use tauri::{AppHandle, Manager, Window, WindowEvent};

/// A page that is alive answers within a save: milliseconds, on a bad disk a second or two.
const PATIENCE: Duration = Duration::from_secs(8);

/// Who waits for the page's answer, if somebody does.
#[derive(Clone, Default)]
pub(crate) struct Closing(Arc<Mutex<Option<Sender<bool>>>>);

impl Closing {
    /// The page's answer: the window goes, or stays. Whether somebody waited for it.
    fn answer(&self, close: bool) -> bool {
        self.waiting().as_ref().is_some_and(|waiting| waiting.send(close).is_ok())
    }

    /// A new wait; none while one goes on: a second press on the cross asks nothing twice.
    fn begin(&self) -> Option<Receiver<bool>> {
        let mut waiting = self.waiting();
        if waiting.is_some() {
            return None;
        }
        let (answer, wait) = mpsc::channel();
        *waiting = Some(answer);
        Some(wait)
    }

    /// Whether the window goes, as soon as that is known.
    fn end(&self, wait: &Receiver<bool>, patience: Duration) -> bool {
        // No answer is no reason to stay.
        let close = wait.recv_timeout(patience).unwrap_or(true);
        *self.waiting() = None;
        close
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Sender<bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the page's answers. Where nobody waits any more, the person was asked meanwhile and lets the window go.
pub(crate) fn answers(closing: &Closing, app: &App, shell: &AppHandle) {
    let (closing, shell) = (closing.clone(), shell.clone());
    app.close_with(move |close| {
        if !closing.answer(close)
            && close
            && let Some(window) = shell.get_webview_window("main")
            && let Err(error) = window.destroy()
        {
            tracing::warn!(%error, "the window did not close");
        }
    });
}

/// What happens to the window.
pub(crate) fn hear(closing: &Closing, app: &App, window: &Window, event: &WindowEvent) {
    let WindowEvent::CloseRequested { api, .. } = event else { return };
    api.prevent_close();
    let Some(wait) = closing.begin() else { return };
    let (closing, app, window) = (closing.clone(), app.clone(), window.clone());
    let waiter = std::thread::Builder::new().name("closing".into()).spawn({
        let window = window.clone();
        move || {
            app.closing();
            if closing.end(&wait, PATIENCE)
                && let Err(error) = window.destroy()
            {
                tracing::warn!(%error, "the window did not close");
            }
        }
    });
    if waiter.is_err() {
        let _gone_already = window.destroy();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_window_goes_when_the_page_says_so_and_stays_when_it_says_so() {
        for close in [true, false] {
            let closing = Closing::default();
            let wait = closing.begin().unwrap();
            assert!(closing.answer(close));
            assert_eq!(closing.end(&wait, Duration::from_secs(60)), close);
        }
    }

    #[test]
    fn a_page_that_does_not_answer_cannot_hold_the_window() {
        let closing = Closing::default();
        let wait = closing.begin().unwrap();
        assert!(closing.end(&wait, Duration::ZERO));
    }

    #[test]
    fn a_second_press_asks_nothing_twice_and_a_later_one_asks_again() {
        let closing = Closing::default();
        let wait = closing.begin().unwrap();
        assert!(closing.begin().is_none(), "one wait at a time");
        assert!(closing.answer(false));
        assert!(!closing.end(&wait, Duration::from_secs(60)));
        assert!(!closing.answer(true), "nobody waits between two presses");
        let again = closing.begin().unwrap();
        assert!(closing.answer(false));
        assert!(!closing.end(&again, Duration::from_secs(60)));
    }
}
