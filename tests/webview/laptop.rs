//! A technician's laptop: a profile folder, and the built app with its window.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::{Driver, Refused, wait};

/// How long a screen may take on a small, busy machine before a story calls it broken.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a company may take to arrive, from the demo or over the network.
const ARRIVAL: Duration = Duration::from_secs(240);

/// The key WebDriver gives element references under.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A profile that outlives the windows opened on it.
pub struct Laptop {
    folder: TempDir,
    story: String,
    environment: Vec<(String, String)>,
}

impl Laptop {
    /// A new laptop; its pictures are kept in `target/webview/<story>-<step>.png`.
    pub fn new(story: &str) -> Laptop {
        Laptop { folder: TempDir::new().expect("a folder"), story: story.to_owned(), environment: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Laptop {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }

    /// A folder beside the profile, for files a person would have.
    pub fn desk(&self) -> &Path {
        self.folder.path()
    }

    fn variables(&self) -> Vec<(String, String)> {
        let folder = |name: &str| self.folder.path().join(name).display().to_string();
        let mut all = vec![
            ("CLARA_PROFILE".to_owned(), self.profile().display().to_string()),
            ("CLARA_KEYRING".to_owned(), "off".to_owned()),
            // Refusals are what some stories are about; they are asserted, and not worth a line each.
            ("CLARA_LOG".to_owned(), "error".to_owned()),
            ("XDG_DATA_HOME".to_owned(), folder("data")),
            ("XDG_CACHE_HOME".to_owned(), folder("cache")),
            ("XDG_CONFIG_HOME".to_owned(), folder("config")),
        ];
        all.extend(self.environment.iter().cloned());
        all
    }

    /// Opens the app and waits until its page has drawn something.
    pub fn open(&self) -> Window {
        let variables = self.variables();
        let borrowed: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let mut driver = Driver::start(&borrowed);
        driver.open(&program("clara-field"), &[]);
        let window = Window { driver, story: self.story.clone() };
        window.script(include_str!("witness.js"), json!([]));
        wait("the page draws something", PATIENCE, || {
            window.script("return document.body.innerText.trim().length > 0", json!([])).as_bool()?.then_some(())
        });
        window
    }

    /// Starts the app where there is no display, to hear what it says before any window.
    pub fn start_without_display(&self, arguments: &[&str]) -> Output {
        Command::new(program("clara-field"))
            .args(arguments)
            .envs(self.variables())
            .env_remove("DISPLAY")
            .env_remove("WAYLAND_DISPLAY")
            .stdin(Stdio::null())
            .output()
            .expect("the app starts")
    }
}

/// The built app's window.
pub struct Window {
    driver: Driver,
    story: String,
}

impl Window {
    /// Power off: the app has no moment to save anything.
    pub fn kill(self) {
        let pid = self.driver.app_pid();
        let killed = Command::new("kill").args(["-9", &pid.to_string()]).status().expect("kill runs");
        assert!(killed.success());
        gone(pid);
        self.driver.stop();
    }

    /// Closes the window and waits until the app has ended.
    pub fn close(self) {
        let pid = self.driver.app_pid();
        drop(self.driver);
        gone(pid);
    }

    /// Keeps a picture of the window.
    pub fn picture(&self, step: &str) {
        let folder = target().join("webview");
        std::fs::create_dir_all(&folder).expect("a folder for pictures");
        std::fs::write(folder.join(format!("{}-{step}.png", self.story)), self.screenshot())
            .expect("a picture is kept");
    }

    /// The window as it looks now, as PNG.
    pub fn screenshot(&self) -> Vec<u8> {
        // The driver waits for the next frame before it takes one, and a page at rest draws none.
        self.script(
            "const page = document.documentElement; let left = 20;
             const again = setInterval(() => {
                 page.style.opacity = left % 2 ? '0.999' : '';
                 if (left-- === 0) clearInterval(again);
             }, 30)",
            json!([]),
        );
        let answer = self.driver.call("GET", "/screenshot", None).expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(answer.as_str().expect("base64")).expect("base64")
    }

    /// Runs a function body in the page.
    pub fn script(&self, body: &str, arguments: Value) -> Value {
        self.try_script(body, arguments).unwrap_or_else(|refused| panic!("{refused:?}\n{body}"))
    }

    pub fn try_script(&self, body: &str, arguments: Value) -> Result<Value, Refused> {
        self.driver.call("POST", "/execute/sync", Some(json!({ "script": body, "args": arguments })))
    }

    /// Runs the body of an async function in the page and gives its answer, or `{ "thrown": … }`.
    pub fn script_async(&self, body: &str, arguments: Value) -> Value {
        let body = format!(
            "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);
             (async () => {{ {body} }})().then(
                 (value) => done(value === undefined ? null : value),
                 (error) => done({{ thrown: String(error?.message ?? error), name: error?.name ?? null,
                                    code: error?.code ?? null }}))"
        );
        self.driver
            .call("POST", "/execute/async", Some(json!({ "script": body, "args": arguments })))
            .unwrap_or_else(|refused| panic!("{refused:?}\n{body}"))
    }

    /// Waits for the element with this `data-testid` that can be seen.
    pub fn see(&self, testid: &str) -> Element<'_> {
        self.see_css(&format!("[data-testid=\"{testid}\"]"))
    }

    pub fn see_css(&self, css: &str) -> Element<'_> {
        self.appears(css, PATIENCE)
    }

    /// Waits for what stands at the end of a first sync, or of the demo moving in.
    pub fn arrives(&self, testid: &str) -> Element<'_> {
        self.appears(&format!("[data-testid=\"{testid}\"]"), ARRIVAL)
    }

    pub fn arrives_css(&self, css: &str) -> Element<'_> {
        self.appears(css, ARRIVAL)
    }

    fn appears(&self, css: &str, patience: Duration) -> Element<'_> {
        let start = Instant::now();
        loop {
            if let Some(element) = self.find(css).filter(Element::displayed) {
                return element;
            }
            if start.elapsed() > patience {
                self.picture("in-vain");
                panic!("waited {patience:?} in vain for {css}; the screen shows {}", self.summary());
            }
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// The element, seen or hidden, if it is there now.
    pub fn find(&self, css: &str) -> Option<Element<'_>> {
        let answer = self.driver.call("POST", "/element", Some(json!({ "using": "css selector", "value": css })));
        let id = answer.ok()?.get(ELEMENT)?.as_str()?.to_owned();
        Some(Element { window: self, id })
    }

    /// Presses the element with this `data-testid`, as soon as it can be pressed.
    pub fn press(&self, testid: &str) {
        self.press_css(&format!("[data-testid=\"{testid}\"]"));
    }

    pub fn press_css(&self, css: &str) {
        self.see_css(css);
        // A list that redraws between the look and the click gives a stale element: look again.
        self.until(
            || self.find(css).is_some_and(|element| element.enabled() && element.press().is_ok()),
            || format!("{css} can be pressed"),
        );
    }

    /// Fills the field with this `data-testid` at once, as pasting or choosing a day does.
    pub fn paste(&self, testid: &str, text: &str) {
        self.see(testid);
        self.script(
            "const field = document.querySelector(`[data-testid=\"${arguments[0]}\"]`);
             field.focus(); field.value = arguments[1];
             for (const kind of ['input', 'change']) field.dispatchEvent(new Event(kind, { bubbles: true }))",
            json!([testid, text]),
        );
    }

    /// Empties the field with this `data-testid` and types into it.
    pub fn write(&self, testid: &str, text: &str) {
        let css = format!("[data-testid=\"{testid}\"]");
        self.see(testid);
        self.until(
            || self.find(&css).is_some_and(|field| field.clear().is_ok() && field.keys(text).is_ok()),
            || format!("{css} takes what is typed"),
        );
    }

    /// Waits until it is so.
    pub fn until(&self, so: impl Fn() -> bool, what: impl Fn() -> String) {
        let start = Instant::now();
        while !so() {
            assert!(start.elapsed() < PATIENCE, "waited in vain: {}", what());
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// Waits until the page says this.
    pub fn hears(&self, what: &str, body: &str, arguments: Value) {
        self.until(
            || self.try_script(body, arguments.clone()).is_ok_and(|answer| answer == Value::Bool(true)),
            || format!("{what}; the screen shows {}", self.summary()),
        );
    }

    /// Calls a command of the app as a page would.
    pub fn invoke(&self, command: &str, request: Value) -> Value {
        self.script_async(
            "return await window.__TAURI_INTERNALS__.invoke(given[0], { request: given[1] })",
            json!([command, request]),
        )
    }

    /// What the page complained about since it opened: exceptions, errors on the console, refusals of the policy.
    pub fn complaints(&self) -> Vec<String> {
        let heard = self.script("return window.__witness ?? ['the page was loaded again']", json!([]));
        heard.as_array().expect("a list").iter().map(|line| line.as_str().unwrap_or_default().to_owned()).collect()
    }

    fn summary(&self) -> String {
        let text = self.try_script("return document.body.innerText.slice(0, 600)", json!([]));
        text.map_or_else(|refused| format!("{refused:?}"), |text| text.to_string())
    }
}

/// An element of the page.
pub struct Element<'w> {
    window: &'w Window,
    id: String,
}

impl Element<'_> {
    pub fn press(&self) -> Result<Value, Refused> {
        self.call("POST", "click", Some(json!({})))
    }

    pub fn keys(&self, text: &str) -> Result<(), Refused> {
        self.call("POST", "value", Some(json!({ "text": text }))).map(drop)
    }

    pub fn clear(&self) -> Result<(), Refused> {
        self.call("POST", "clear", Some(json!({}))).map(drop)
    }

    pub fn value(&self) -> String {
        let value = self.window.script("return arguments[0].value ?? ''", json!([{ ELEMENT: self.id }]));
        value.as_str().unwrap_or_default().to_owned()
    }

    pub fn attribute(&self, name: &str) -> Option<String> {
        let value = self.call("GET", &format!("attribute/{name}"), None).ok()?;
        value.as_str().map(str::to_owned)
    }

    pub fn displayed(&self) -> bool {
        let shown = "const e = arguments[0]; const b = e.getBoundingClientRect();
                     return e.isConnected && b.width > 0 && b.height > 0 && getComputedStyle(e).visibility === 'visible'";
        self.window.try_script(shown, json!([{ ELEMENT: self.id }])).ok().and_then(|shown| shown.as_bool())
            == Some(true)
    }

    pub fn enabled(&self) -> bool {
        self.call("GET", "enabled", None).ok().and_then(|enabled| enabled.as_bool()) == Some(true)
    }

    fn call(&self, method: &str, what: &str, body: Option<Value>) -> Result<Value, Refused> {
        self.window.driver.call(method, &format!("/element/{}/{what}", self.id), body)
    }
}

fn gone(pid: u32) {
    wait("the app is gone", PATIENCE, || {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        (state.is_empty() || state.contains(") Z ")).then_some(())
    });
}

/// The folder builds go to: two above the running test.
pub fn target() -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    test.ancestors().nth(3).expect("target/<profile>/deps/<test>").to_owned()
}

/// A built program of the workspace.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the test's own path");
    let path = test.ancestors().nth(2).expect("target/<profile>/deps/<test>").join(name);
    assert!(path.exists(), "{} is not built: run scripts/webview.sh", path.display());
    path
}
