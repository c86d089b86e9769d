//! The page of `ressenti serve` in a real browser: a person types, the bar moves, words are coloured; on a
//! telephone and on a desk, in the light and in the dark.
//!
//! Where there is no Chromium this test says so and judges nothing; `RESSENTI_BROWSER` names one that
//! is elsewhere.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use testkit::browser::browser;

use crate::common::finished;
use crate::serve::{Server, wait_for};

/// A tab of a browser, told what to do by the DevTools protocol over two pipes: JSON, and a zero byte
/// behind every message (<https://chromedevtools.github.io/devtools-protocol/>).
struct Tab {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    number: u64,
    /// What the browser had to complain about: exceptions, refused resources, errors on its console.
    complaints: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Tab {
    fn open(browser: &PathBuf) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        // It reads from descriptor 3 and writes to 4.
        let mut child = Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" 3<&0 4>&1 2>/dev/null"])
            .arg(browser)
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-pipe",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the browser starts");
        let mut tab = Self {
            input: child.stdin.take().expect("a pipe"),
            output: BufReader::new(child.stdout.take().expect("a pipe")),
            child,
            session: None,
            number: 0,
            complaints: Vec::new(),
            _profile: profile,
        };
        let target = tab.call("Target.createTarget", json!({ "url": "about:blank" }));
        let wish = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = tab.call("Target.attachToTarget", wish);
        tab.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            tab.call(domain, json!({}));
        }
        tab
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.number += 1;
        let mut message = json!({ "id": self.number, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let bytes = message.to_string() + "\0";
        self.input.write_all(bytes.as_bytes()).expect("it reads");
        loop {
            let mut bytes = Vec::new();
            self.output.read_until(0, &mut bytes).expect("it answers");
            bytes.pop();
            let said: Value = serde_json::from_slice(&bytes).expect("JSON");
            if said["id"] == self.number {
                assert!(said["error"].is_null(), "{method}: {said}");
                return said["result"].clone();
            }
            let kind = said["method"].as_str().unwrap_or_default();
            let is_error = said["params"]["entry"]["level"] == "error";
            if kind == "Runtime.exceptionThrown" || (kind == "Log.entryAdded" && is_error) {
                self.complaints.push(said["params"].to_string());
            }
        }
    }

    fn evaluate(&mut self, expression: &str) -> Value {
        let wish = json!({ "expression": expression, "returnByValue": true });
        let said = self.call("Runtime.evaluate", wish);
        assert!(said["exceptionDetails"].is_null(), "{expression}: {said}");
        said["result"]["value"].clone()
    }

    /// Types, as a person does.
    fn type_in(&mut self, text: &str) {
        self.evaluate("document.getElementById('text').focus()");
        self.call("Input.insertText", json!({ "text": text }));
    }

    fn text_of(&mut self, id: &str) -> String {
        let said = self.evaluate(&format!("document.getElementById('{id}').textContent"));
        said.as_str().expect("text").to_owned()
    }

    /// Where the needle is, in percent, once the page explains this text.
    fn needle_at(&mut self, text: &str) -> f64 {
        wait_for(|| (self.text_of("words") == text).then_some(()));
        let place = self.evaluate("parseFloat(document.getElementById('needle').style.left)");
        place.as_f64().expect("a number")
    }
}

impl Drop for Tab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn who_types_sees_the_bar_move_and_the_words_coloured() {
    let Some(browser) = browser() else { return };
    let project = finished();
    let server = Server::start(&project, &["--model", "naive"]);
    let mut tab = Tab::open(&browser);
    for (width, scheme) in [(360, "light"), (1280, "dark")] {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        tab.call("Emulation.setDeviceMetricsOverride", size);
        let wish = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        tab.call("Emulation.setEmulatedMedia", wish);
        let address = format!("http://{}/?{width}", server.address);
        tab.call("Page.navigate", json!({ "url": address }));
        wait_for(|| {
            let ready = "document.readyState === 'complete' && location.search.slice(1)";
            (tab.evaluate(ready).as_str() == Some(&width.to_string())).then_some(())
        });
        let paper = tab.evaluate("getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper == "rgb(255, 255, 255)", scheme == "light", "{paper}");

        let (begin, rest) = ("A superb film.", " <i>x</i> Awful & <b awful, awful.");
        tab.type_in(begin);
        let first = tab.needle_at(begin);
        tab.type_in(rest);
        // What is shown is what the service says, to the word.
        let said = server.ask(&json!({ "text": begin.to_owned() + rest, "explain": true }));
        let answer = &said["answers"][0];
        let found = tab.needle_at(answer["text"].as_str().expect("text"));
        let expected = 100.0 * answer["probability"].as_f64().expect("a number");
        assert!(
            (found - expected).abs() < 1e-3,
            "{found} instead of {expected}"
        );
        assert_ne!(found, first, "the bar did not move");
        assert!(tab.text_of("verdict").contains(&format!("{expected:.1} %")));
        let words = answer["words"].as_array().expect("words");
        let spans = tab.evaluate("document.querySelectorAll('#words > span').length");
        assert_eq!(spans, words.len());
        let strongest = words
            .iter()
            .map(|word| word["weight"].as_f64().expect("a number"));
        let strongest = strongest.fold(0.0_f64, |most, weight| most.max(weight.abs()));
        for side in ["for", "against"] {
            let sign = if side == "for" { 1.0 } else { -1.0 };
            let is_marked = |word: &&Value| {
                sign * word["weight"].as_f64().expect("a number") >= 0.1 * strongest
            };
            let query = format!("document.querySelectorAll('#words > .{side}').length");
            assert_eq!(tab.evaluate(&query), words.iter().filter(is_marked).count());
        }
        assert_eq!(
            tab.evaluate("document.querySelectorAll('#words :not(span)').length"),
            0
        );
        let wide = tab.evaluate("document.documentElement.scrollWidth");
        assert!(
            wide.as_u64() <= Some(width),
            "{wide} pixels in a window of {width}"
        );

        // Everything deleted: no answer is left behind.
        tab.evaluate("document.getElementById('text').select()");
        tab.type_in(" ");
        assert_eq!(tab.needle_at(""), 50.0);
        assert!(tab.text_of("verdict").starts_with("Type something"));
    }
    assert!(tab.complaints.is_empty(), "{:?}", tab.complaints);
    server.is_well();
    // A service that is gone is said to be.
    drop(server);
    tab.type_in("Anybody?");
    wait_for(|| {
        let status = tab.text_of("status");
        status.contains("does not answer").then_some(())
    });
}
