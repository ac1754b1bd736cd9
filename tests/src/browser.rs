//! A browser without a window, driven through ChromeDriver.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use eventide_testing::eventually;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use fantoccini::wd::Capabilities;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

/// How long a page may take until it shows what it is to show.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A window of a wide screen.
pub const WIDE: (u32, u32) = (1280, 800);
/// A window of a small telephone.
pub const PHONE: (u32, u32) = (360, 740);

/// One browser with one page. It ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    driver: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts Chromium with a window of that size, or Chrome; `CHROME` and `CHROMEDRIVER` name others.
    ///
    /// # Errors
    ///
    /// What keeps it from starting.
    pub async fn start((width, height): (u32, u32), language: &str) -> Result<Self, String> {
        let profile = tempfile::tempdir().map_err(|error| format!("the browser's profile: {error}"))?;
        let name = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
        let mut driver = Command::new(&name)
            .arg("--port=0")
            // A group of its own, which Chromium's processes are in too.
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("`{name}`: {error}, expected ChromeDriver on the path"))?;
        let port = match port(&mut driver) {
            Ok(port) => port,
            Err(error) => {
                end(&mut driver);
                return Err(error);
            }
        };
        let mut options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", "--force-device-scale-factor=1",
                format!("--window-size={width},{height}"),
                format!("--user-data-dir={}", profile.path().display()),
                format!("--accept-lang={language}"), format!("--lang={language}"),
            ],
            "prefs": { "intl.accept_languages": language },
            "mobileEmulation": {
                "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0, "touch": false, "mobile": false },
            },
        });
        if let (Ok(chrome), Some(options)) = (std::env::var("CHROME"), options.as_object_mut()) {
            options.insert("binary".to_owned(), chrome.into());
        }
        let capabilities: Capabilities = [
            ("goog:chromeOptions".to_owned(), options),
            // So that a page that asks before it closes does not stand in the way.
            ("unhandledPromptBehavior".to_owned(), json!("accept")),
            ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL", "performance": "ALL" })),
        ]
        .into_iter()
        .collect();
        let connected = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        match connected {
            Ok(client) => Ok(Self { client, driver, _profile: profile }),
            Err(error) => {
                end(&mut driver);
                Err(format!("the browser did not start: {error}"))
            }
        }
    }

    /// Opens an address.
    ///
    /// # Errors
    ///
    /// If the browser cannot.
    pub async fn open(&self, url: &str) -> Result<(), String> {
        self.client.goto(url).await.map_err(|error| format!("open: {error}"))
    }

    /// Loads the page again.
    ///
    /// # Errors
    ///
    /// If the browser cannot.
    pub async fn reload(&self) -> Result<(), String> {
        self.client.refresh().await.map_err(|error| format!("reload: {error}"))
    }

    /// The address that the page has.
    ///
    /// # Errors
    ///
    /// If the browser does not say.
    pub async fn url(&self) -> Result<String, String> {
        self.client.current_url().await.map(Into::into).map_err(|error| format!("url: {error}"))
    }

    /// The element that a CSS selector finds, once it can be seen.
    ///
    /// # Errors
    ///
    /// If there is none within [`PATIENCE`].
    pub async fn shown(&self, selector: &str) -> Result<Element, String> {
        let found = eventually(&format!("`{selector}` on the page"), PATIENCE, || async {
            let element = self.client.find(Locator::Css(selector)).await.ok()?;
            element.is_displayed().await.ok()?.then_some(element)
        })
        .await;
        match found {
            Ok(element) => Ok(element),
            Err(error) => Err(format!("{error}; the page says: {}", self.text().await?)),
        }
    }

    /// Clicks what a CSS selector finds, once it can be seen.
    ///
    /// # Errors
    ///
    /// If there is nothing, or it cannot be clicked.
    pub async fn click(&self, selector: &str) -> Result<(), String> {
        self.shown(selector).await?.click().await.map_err(|error| format!("click `{selector}`: {error}"))
    }

    /// Types into what a CSS selector finds.
    ///
    /// # Errors
    ///
    /// If there is nothing, or it takes no keys.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<(), String> {
        let element = self.shown(selector).await?;
        element.send_keys(text).await.map_err(|error| format!("type into `{selector}`: {error}"))
    }

    /// Presses a key wherever the focus is.
    ///
    /// # Errors
    ///
    /// If nothing has the focus.
    pub async fn press(&self, key: Key) -> Result<(), String> {
        self.type_at_focus(&char::from(key).to_string()).await
    }

    /// Types wherever the focus is.
    ///
    /// # Errors
    ///
    /// If nothing has the focus.
    pub async fn type_at_focus(&self, text: &str) -> Result<(), String> {
        let focus = self.client.active_element().await.map_err(|error| format!("focus: {error}"))?;
        focus.send_keys(text).await.map_err(|error| format!("type at the focus: {error}"))
    }

    /// Moves the focus by the tabulator key until it is on what a CSS selector finds.
    ///
    /// # Errors
    ///
    /// If forty steps do not lead there.
    pub async fn tab_to(&self, selector: &str) -> Result<(), String> {
        self.shown(selector).await?;
        for _ in 0..40 {
            let script = "return document.activeElement?.matches(arguments[0]) ?? false";
            if self.script(script, vec![json!(selector)]).await? == json!(true) {
                return Ok(());
            }
            self.press(Key::Tab).await?;
        }
        Err(format!("`{selector}` cannot be reached by keyboard"))
    }

    /// What the page says, as somebody reads it.
    ///
    /// # Errors
    ///
    /// If the browser does not say.
    pub async fn text(&self) -> Result<String, String> {
        let body = self.client.find(Locator::Css("body")).await.map_err(|error| format!("body: {error}"))?;
        body.text().await.map_err(|error| format!("text: {error}"))
    }

    /// Waits until the page says something.
    ///
    /// # Errors
    ///
    /// If it does not within [`PATIENCE`].
    pub async fn says(&self, part: &str) -> Result<(), String> {
        let said = eventually(&format!("`{part}` on the page"), PATIENCE, || async {
            self.text().await.ok()?.contains(part).then_some(())
        })
        .await;
        match said {
            Ok(()) => Ok(()),
            Err(error) => Err(format!("{error}; it says: {}", self.text().await?)),
        }
    }

    /// What a script returns.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub async fn script(&self, script: &str, arguments: Vec<Value>) -> Result<Value, String> {
        self.client.execute(script, arguments).await.map_err(|error| format!("script: {error}"))
    }

    /// What a script hands to its last argument, a function.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub async fn script_async(&self, script: &str, arguments: Vec<Value>) -> Result<Value, String> {
        self.client.execute_async(script, arguments).await.map_err(|error| format!("script: {error}"))
    }

    /// What axe-core, an automated accessibility checker, finds wrong with the page as it is: `rule: what, on which elements`.
    ///
    /// # Errors
    ///
    /// If it cannot be run.
    pub async fn accessibility(&self, axe: &str) -> Result<Vec<String>, String> {
        self.script(&format!("{axe}; return typeof axe"), Vec::new()).await?;
        let run = "const done = arguments[0]; \
                   axe.run(document, { resultTypes: ['violations'] }).then((r) => done(r.violations), (e) => done(String(e)))";
        let found = self.script_async(run, Vec::new()).await?;
        let violations = found.as_array().ok_or_else(|| format!("axe: {found}"))?;
        Ok(violations
            .iter()
            .map(|violation| {
                let text = |name: &str| violation.get(name).and_then(Value::as_str).unwrap_or_default();
                let nodes = violation.get("nodes").and_then(Value::as_array).into_iter().flatten();
                let targets: Vec<String> =
                    nodes.filter_map(|node| node.get("target")).map(Value::to_string).collect();
                format!("{}: {}, on {}", text("id"), text("help"), targets.join(" "))
            })
            .collect())
    }

    /// Writes what the window shows into a PNG file.
    ///
    /// # Errors
    ///
    /// If the browser or the file fails.
    pub async fn picture(&self, file: &Path) -> Result<(), String> {
        let png = self.client.screenshot().await.map_err(|error| format!("screenshot: {error}"))?;
        std::fs::write(file, png).map_err(|error| format!("`{}`: {error}", file.display()))
    }

    /// Cuts the page off from the network, or connects it again.
    ///
    /// # Errors
    ///
    /// If the browser refuses.
    pub async fn set_offline(&self, offline: bool) -> Result<(), String> {
        let conditions = json!({
            "network_conditions": { "offline": offline, "latency": 0, "throughput": -1 },
        });
        self.client
            .issue_cmd(Chromium { path: "chromium/network_conditions", body: conditions })
            .await
            .map(drop)
            .map_err(|error| format!("network conditions: {error}"))
    }

    /// Ends the browser.
    ///
    /// # Errors
    ///
    /// If it does not end.
    pub async fn close(self) -> Result<(), String> {
        self.client.clone().close().await.map_err(|error| format!("close: {error}"))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        end(&mut self.driver);
    }
}

/// A command of ChromeDriver's own.
#[derive(Debug)]
struct Chromium {
    path: &'static str,
    body: Value,
}

impl fantoccini::wd::WebDriverCompatibleCommand for Chromium {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// The port that ChromeDriver says it listens on.
fn port(driver: &mut Child) -> Result<u16, String> {
    let output = driver.stdout.take().ok_or("ChromeDriver has no output")?;
    let mut lines = BufReader::new(output).lines().map_while(Result::ok);
    let port = lines.by_ref().find_map(|line| {
        let (_, rest) = line.split_once("started successfully on port ")?;
        rest.trim_end_matches('.').trim().parse().ok()
    });
    // Whatever else it says has to be read, or it would stand still some day.
    std::thread::spawn(move || lines.for_each(drop));
    port.ok_or_else(|| "ChromeDriver names no port".to_owned())
}

/// Ends the driver with everything that it has started: Chromium does not end with it.
fn end(driver: &mut Child) {
    let group = format!("-{}", driver.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
    let _ = driver.wait();
}
