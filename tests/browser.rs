//! A real browser without a window, driven through chromedriver: WebDriver, which is JSON over HTTP, and through it the
//! commands of its DevTools.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Pid;
use serde_json::{Value, json};

use crate::http::ask;
use crate::servers::{Process, Scratch, eventually, free_port, installed};

/// How long a test waits for the page to become what it must.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long the end of a browser is waited for before it is killed.
const GOODBYE: Duration = Duration::from_secs(5);

/// Notes everything the page does that it must not, from its first line on.
const WATCH: &str = "window.violations = []; document.addEventListener('securitypolicyviolation', \
     (event) => window.violations.push(event.violatedDirective + ' ' + event.blockedURI));";

pub struct Browser {
    driver: SocketAddr,
    session: String,
    process: Option<Process>,
    profile: Scratch,
}

impl Browser {
    /// `None`, and a line that says so, where no browser is installed.
    pub async fn start() -> Option<Self> {
        let (driver, chromium) = (installed("chromedriver")?, installed("chromium")?);
        let (profile, port) = (Scratch::new("browser"), free_port());
        let mut command = Command::new(driver);
        command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let process = Process::start(command.env("HOME", profile.path()));
        let driver = SocketAddr::from(([127, 0, 0, 1], port));
        eventually("chromedriver listens", async || tokio::net::TcpStream::connect(driver).await.is_ok())
            .await;
        let data = format!("--user-data-dir={}", profile.path().display());
        let options = json!({
            "binary": chromium,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-extensions", "--hide-scrollbars", "--force-device-scale-factor=1", "--lang=en-GB",
                "--no-proxy-server", data,
            ],
        });
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let mut this = Self { driver, session: String::new(), process: Some(process), profile };
        let begun =
            this.command("POST", "/session", json!({ "capabilities": { "alwaysMatch": wanted } })).await;
        this.session = begun["sessionId"].as_str().expect("a session").to_owned();
        this.devtools("Page.enable", json!({})).await;
        this.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": WATCH })).await;
        Some(this)
    }

    /// Where everything is that the browser writes; named in the command lines of its processes.
    pub fn profile(&self) -> &Path {
        self.profile.path()
    }

    async fn command(&self, method: &str, path: &str, body: Value) -> Value {
        let body = body.to_string();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n",
            self.driver
        );
        let answer = ask(self.driver, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len())).await;
        let mut value: Value =
            serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"));
        assert_eq!(answer.code, 200, "{path} {:.2000}", value.to_string());
        value["value"].take()
    }

    async fn in_session(&self, method: &str, path: &str, body: Value) -> Value {
        self.command(method, &format!("/session/{}{path}", self.session), body).await
    }

    /// A command of the DevTools protocol.
    pub async fn devtools(&self, name: &str, parameters: Value) -> Value {
        self.in_session("POST", "/goog/cdp/execute", json!({ "cmd": name, "params": parameters })).await
    }

    pub async fn open(&self, url: &str) {
        self.in_session("POST", "/url", json!({ "url": url })).await;
    }

    /// What an expression comes to in the page, waited for if it is a promise. Works where the page may run no script.
    pub async fn evaluate(&self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let mut evaluated = self.devtools("Runtime.evaluate", parameters).await;
        assert!(
            evaluated["exceptionDetails"].is_null(),
            "{expression:.200}: {}",
            evaluated["exceptionDetails"]
        );
        evaluated["result"]["value"].take()
    }

    /// How long it took until this was true in the page.
    pub async fn becomes(&self, expression: &str) -> Duration {
        let begun = Instant::now();
        while self.evaluate(expression).await != json!(true) {
            assert!(begun.elapsed() < PATIENCE, "never: {expression}\n{}", self.text().await);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        begun.elapsed()
    }

    /// What is to be read.
    pub async fn text(&self) -> String {
        self.evaluate("document.body.innerText").await.as_str().unwrap_or_default().to_owned()
    }

    /// Presses these keys, one after the other, wherever the focus is. `\u{e004}` is Tab, `\u{e007}` Enter.
    pub async fn types(&self, keys: &str) {
        let strokes = keys
            .chars()
            .flat_map(|key| ["keyDown", "keyUp"].map(|stroke| json!({ "type": stroke, "value": key })));
        let strokes: Vec<_> = strokes.collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": strokes });
        self.in_session("POST", "/actions", json!({ "actions": [keyboard] })).await;
    }

    pub async fn size(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// `light` or `dark`.
    pub async fn scheme(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// What is to be seen, as a PNG.
    pub async fn photograph(&self, path: &Path) {
        use base64::Engine as _;
        let shot = self
            .devtools("Page.captureScreenshot", json!({ "format": "png", "optimizeForSpeed": false }))
            .await;
        let bytes =
            base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().expect("an image"));
        std::fs::write(path, bytes.expect("base64")).expect("a file");
    }

    /// What the page wanted to do and was not allowed to, and what the console complains of.
    pub async fn complaints(&self) -> Vec<String> {
        let violations = self.evaluate("window.violations").await;
        let console = self.in_session("POST", "/se/log", json!({ "type": "browser" })).await;
        let entries =
            [violations, console].into_iter().flat_map(|list| list.as_array().cloned().unwrap_or_default());
        entries.map(|entry| entry.to_string()).collect()
    }
}

/// Ends the session, and with it the browser: it would outlive the driver.
impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.end_session());
        drop(self.process.take());
        // The driver does not get to it while it waits for the page, nor before there is a session.
        let until = Instant::now() + GOODBYE;
        while Instant::now() < until {
            let left = processes_of(self.profile.path());
            if left.is_empty() {
                return;
            }
            for process in left {
                let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Browser {
    fn end_session(&self) -> std::io::Result<()> {
        let mut driver = TcpStream::connect_timeout(&self.driver, GOODBYE)?;
        driver.set_write_timeout(Some(GOODBYE))?;
        driver.set_read_timeout(Some(GOODBYE))?;
        write!(driver, "DELETE /session/{} HTTP/1.1\r\nHost: {}\r\n\r\n", self.session, self.driver)?;
        // Answered when the browser has ended.
        driver.read(&mut [0; 64]).map(drop)
    }
}

/// The processes that were told to use this folder. Empty where there is no `/proc`.
pub fn processes_of(folder: &Path) -> Vec<Pid> {
    let is_of = |process: &Path| {
        let told = std::fs::read(process.join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&told).contains(&*folder.to_string_lossy())
    };
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten().map(|process| process.path());
    let ids = processes
        .filter(|process| is_of(process))
        .filter_map(|process| process.file_name()?.to_str()?.parse().ok().and_then(Pid::from_raw));
    ids.collect()
}
