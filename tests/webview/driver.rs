//! A WebDriver client of the few calls these stories need. It speaks to `WebKitWebDriver` itself: on Linux that is all
//! `tauri-driver` does, and one program less stands between a story and its window (docs/decisions/0004-webview.md).

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// What the driver refused, in its own words, for the message of a story that fails.
pub struct Refused(String);

impl std::fmt::Debug for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One driver on its own port, with at most one window.
pub struct Driver {
    process: Child,
    port: u16,
    session: Option<String>,
}

impl Driver {
    /// Starts the driver; what is set here, the app it opens inherits.
    pub fn start(environment: &[(&str, &str)]) -> Driver {
        let port = free_port();
        let process = Command::new("WebKitWebDriver")
            .args([format!("--port={port}"), "--host=127.0.0.1".into()])
            .env("TAURI_WEBVIEW_AUTOMATION", "true")
            .env("NO_AT_BRIDGE", "1")
            .env("WEBKIT_DISABLE_DMABUF_RENDERER", "1")
            .env("WEBKIT_DISABLE_COMPOSITING_MODE", "1")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("WebKitWebDriver is installed (Debian: webkit2gtk-driver)");
        let driver = Driver { process, port, session: None };
        wait("the driver answers", Duration::from_secs(20), || {
            exchange(driver.port, "GET", "/status", None).is_some().then_some(())
        });
        driver
    }

    /// Opens the app's window and waits for its page.
    pub fn open(&mut self, program: &Path, arguments: &[&str]) {
        let wish = json!({ "capabilities": { "alwaysMatch": {
            // No `browserName`: the driver does not know the app's and would refuse it.
            "webkitgtk:browserOptions": { "binary": program, "args": arguments },
            "timeouts": { "script": 30_000, "pageLoad": 30_000, "implicit": 0 },
        }}});
        let answer = self.ask("POST", "/session", Some(wish)).expect("the app opens a window");
        self.session = Some(answer["sessionId"].as_str().expect("a session has an id").to_owned());
    }

    /// The process the driver started: the app.
    pub fn app_pid(&self) -> u32 {
        let children = self.children();
        assert_eq!(children.len(), 1, "the driver runs one app");
        children[0]
    }

    fn children(&self) -> Vec<u32> {
        let parent = self.process.id();
        std::fs::read_dir("/proc")
            .expect("a list of processes")
            .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
            .filter(|pid| parent_of(*pid) == Some(parent))
            .collect()
    }

    /// Ends the driver without a word to the app: for after the app was killed.
    pub fn stop(mut self) {
        self.session = None;
    }

    pub fn call(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, Refused> {
        let session = self.session.as_deref().expect("a window is open");
        self.ask(method, &format!("/session/{session}{path}"), body)
    }

    fn ask(&self, method: &str, path: &str, body: Option<Value>) -> Result<Value, Refused> {
        let body = body.map(|body| body.to_string());
        let (status, answer) = exchange(self.port, method, path, body.as_deref())
            .ok_or_else(|| Refused(format!("no answer to {method} {path}")))?;
        let value = answer.get("value").cloned().unwrap_or(Value::Null);
        if status == 200 {
            return Ok(value);
        }
        Err(Refused(value.to_string()))
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let left = self.children();
        if self.session.is_some() {
            drop(self.call("DELETE", "", None));
        }
        drop(self.process.kill());
        drop(self.process.wait());
        // The driver takes the page away and may leave the window: whoever waits for all that this run prints would wait
        // for that app as well.
        let patience = Instant::now();
        while left.iter().any(|app| parent_of(*app).is_some()) && patience.elapsed() < Duration::from_secs(3) {
            std::thread::sleep(Duration::from_millis(40));
        }
        for app in left.into_iter().filter(|app| parent_of(*app).is_some()) {
            drop(Command::new("kill").args(["-9", &app.to_string()]).status());
        }
    }
}

/// Asks again until there is an answer; a story that waits longer than `patience` has failed.
pub fn wait<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < patience, "waited {patience:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(40));
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its number").port()
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before it may hold blanks and brackets: only what follows its last bracket is fields.
    let mut fields = stat[stat.rfind(')')? + 1..].split_whitespace();
    (fields.next()? != "Z").then(|| fields.next()?.parse().ok())?
}

fn exchange(port: u16, method: &str, path: &str, body: Option<&str>) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(90))).ok()?;
    let body = body.unwrap_or_default();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok()?;
    let mut answer = Vec::new();
    let mut part = [0; 65536];
    loop {
        if let Some((status, length, head)) = heading(&answer)
            && answer.len() >= head + length
        {
            return Some((status, serde_json::from_slice(&answer[head..head + length]).unwrap_or(Value::Null)));
        }
        match stream.read(&mut part).ok()? {
            0 => return None,
            read => answer.extend_from_slice(&part[..read]),
        }
    }
}

fn heading(answer: &[u8]) -> Option<(u16, usize, usize)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    })?;
    Some((status, length, end))
}
