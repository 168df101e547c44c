//! A headless Chromium: what a person sees, clicks and types.
//!
//! It is spoken to by the DevTools protocol over its own pipe. The crates for that generate all of the protocol, which
//! compiles for minutes, or need a driver beside the browser; a dozen of its commands are all that is asked here.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);
/// The browser's names.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// One page of a browser of its own.
pub struct Page {
    child: Child,
    input: ChildStdin,
    messages: Receiver<Value>,
    session: Option<String>,
    number: u64,
    /// What went wrong in the page: exceptions, and errors and warnings on its console.
    pub complaints: Vec<String>,
    /// The addresses that it asked for, with the bytes that came.
    pub requests: BTreeMap<String, u64>,
    /// Addresses by the number of their request.
    open: BTreeMap<String, String>,
    _profile: tempfile::TempDir,
}

/// How the page is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub dark: bool,
}

pub const DESKTOP: Look = Look { width: 1280, dark: false };
pub const PHONE: Look = Look { width: 360, dark: false };

/// The browser on this machine; root has Debian's installed.
fn chromium() -> String {
    let find = || {
        let works = |name: &str| {
            Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
        };
        NAMES.into_iter().find(|name| works(name)).map(str::to_owned)
    };
    find().unwrap_or_else(|| {
        for command in ["apt-get update", "apt-get install --yes --no-install-recommends chromium"] {
            let _ =
                Command::new("sh").args(["-c", command]).env("DEBIAN_FRONTEND", "noninteractive").output();
        }
        find().expect("the page is tested in Chromium: install it, as with `sudo apt-get install chromium`")
    })
}

impl Page {
    /// Starts a browser.
    pub fn new() -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The browser takes commands on its descriptor 3 and answers on 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null"])
            .arg(chromium())
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg("--remote-debugging-pipe")
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in output.split(0).map_while(Result::ok) {
                let Ok(message) = serde_json::from_slice(&message) else { return };
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        let mut page = Self {
            child,
            input,
            messages,
            session: None,
            number: 0,
            complaints: Vec::new(),
            requests: BTreeMap::new(),
            open: BTreeMap::new(),
            _profile: profile,
        };
        let targets = page.call("Target.getTargets", json!({}));
        let target =
            targets["targetInfos"].as_array().unwrap().iter().find(|one| one["type"] == "page").unwrap();
        let target = json!({"targetId": target["targetId"], "flatten": true});
        page.session = page.call("Target.attachToTarget", target)["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page.look(DESKTOP);
        page
    }

    #[allow(clippy::needless_pass_by_value, reason = "what is said is made where it is said")]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut message = json!({"id": self.number, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.input.write_all(&bytes).unwrap();
        let start = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(start.elapsed());
            let message = self
                .messages
                .recv_timeout(left)
                .unwrap_or_else(|_| panic!("the browser does not answer {method}"));
            if message["id"] == self.number {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.hear(&message);
        }
    }

    /// Takes note of what the browser tells by itself.
    fn hear(&mut self, message: &Value) {
        let told = &message["params"];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match message["method"].as_str().unwrap_or_default() {
            "Runtime.exceptionThrown" => self.complaints.push(told["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled"
                if ["error", "warning", "assert"].contains(&text(&told["type"]).as_str()) =>
            {
                self.complaints.push(told["args"].to_string());
            }
            "Log.entryAdded" if ["error", "warning"].contains(&text(&told["entry"]["level"]).as_str()) => {
                self.complaints.push(format!("{} {}", told["entry"]["text"], told["entry"]["url"]));
            }
            "Network.requestWillBeSent" => {
                let url = text(&told["request"]["url"]);
                self.requests.entry(url.clone()).or_default();
                self.open.insert(text(&told["requestId"]), url);
            }
            "Network.dataReceived" => {
                if let Some(url) = self.open.get(&text(&told["requestId"])) {
                    *self.requests.entry(url.clone()).or_default() +=
                        told["dataLength"].as_u64().unwrap_or_default();
                }
            }
            _ => {}
        }
    }

    /// Width and colours of the screen.
    pub fn look(&mut self, look: Look) {
        let size =
            json!({"width": look.width, "height": 900, "deviceScaleFactor": 1, "mobile": look.width < 500});
        self.call("Emulation.setDeviceMetricsOverride", size);
        let scheme = if look.dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    /// Opens the site at an address below it, afresh, and waits until it shows something.
    pub fn open(&mut self, site: &Path, address: &str) {
        self.call("Page.navigate", json!({"url": "about:blank"}));
        let url = format!("file://{}/index.html{address}", site.canonicalize().unwrap().display());
        self.call("Page.navigate", json!({"url": url}));
        self.settle();
    }

    /// Waits until the view that is shown has its contents.
    pub fn settle(&mut self) {
        self.wait_for(
            "(() => {
               const view = document.querySelector('main > section:not([hidden])');
               const place = view?.querySelector('.answer, .holding, .matrix, .toolkits');
               return Boolean(place?.firstElementChild) && !view.querySelector('[aria-busy=true]');
             })()",
        );
    }

    /// What an expression comes to, once it is there.
    pub fn eval(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters);
        assert!(result["exceptionDetails"].is_null(), "{expression}: {}", result["exceptionDetails"]);
        result["result"]["value"].clone()
    }

    /// What an expression comes to, as text.
    pub fn text(&mut self, expression: &str) -> String {
        self.eval(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    pub fn wait_for(&mut self, expression: &str) {
        let start = Instant::now();
        while self.eval(expression) != true {
            assert!(start.elapsed() < PATIENCE, "it never came to {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Clicks in the middle of what an expression finds, where a person would.
    pub fn click(&mut self, element: &str) {
        let place = self.eval(&format!(
            "(() => {{
               const element = {element};
               element.scrollIntoView({{block: 'center', inline: 'center'}});
               const {{x, y, width, height}} = element.getBoundingClientRect();
               return [x + width / 2, y + height / 2];
             }})()"
        ));
        for kind in ["mousePressed", "mouseReleased"] {
            let event =
                json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event);
        }
    }

    /// Types a text into what has the focus.
    pub fn enter(&mut self, text: &str) {
        self.call("Input.insertText", json!({"text": text}));
    }

    /// Presses a key.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Enter" => (13, "\r"),
            "Tab" => (9, ""),
            "Backspace" => (8, ""),
            "ArrowLeft" => (37, ""),
            "ArrowUp" => (38, ""),
            "ArrowRight" => (39, ""),
            "ArrowDown" => (40, ""),
            " " => (32, " "),
            _ => panic!("no such key: {key}"),
        };
        let kind = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event.clone());
        event["type"] = json!("keyUp");
        self.call("Input.dispatchKeyEvent", event);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
