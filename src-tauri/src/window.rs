//! The one window. It shows the app's own pages; it cannot be led anywhere else, and opens nothing beside itself.

use std::path::Path;

use tauri::webview::NewWindowResponse;
use tauri::{App, Url, WebviewWindowBuilder};

pub(crate) fn open(shell: &App, profile: &Path) -> tauri::Result<()> {
    for config in &shell.config().app.windows {
        WebviewWindowBuilder::from_config(shell, config)?
            // What the webview stores goes where the person's work is, and goes with it.
            .data_directory(profile.join("window"))
            .on_navigation(is_own)
            .on_new_window(|_, _| NewWindowResponse::Deny)
            .on_download(|_, _| false)
            .build()?;
    }
    Ok(())
}

/// Pages of the app itself: `tauri://localhost`, on Windows `http://tauri.localhost`.
fn is_own(url: &Url) -> bool {
    let (scheme, host) = if cfg!(windows) { ("http", "tauri.localhost") } else { ("tauri", "localhost") };
    url.scheme() == scheme && url.host_str() == Some(host) && url.port().is_none() && url.username().is_empty()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_the_apps_own_pages_may_be_shown() {
        let (own, near) = if cfg!(windows) {
            ("http://tauri.localhost/index.html", "http://tauri.localhost.example/")
        } else {
            ("tauri://localhost/index.html", "tauri://localhost.example/")
        };
        assert!(is_own(&own.parse().unwrap()));
        for stranger in [
            near,
            "https://tauri.localhost/",
            "https://localhost/",
            "http://localhost/",
            "tauri://evil/",
            "tauri://me@localhost/",
            "tauri://localhost:81/",
            "file:///etc/passwd",
            "photo://localhost/0190d8a2-0000-7000-8000-000000000000",
            "blob:tauri://localhost/0190d8a2-0000-7000-8000-000000000000",
            "about:blank",
            "data:text/html,<p>",
            "javascript:alert(1)",
        ] {
            assert!(!is_own(&stranger.parse().unwrap()), "{stranger}");
        }
    }
}
