//! The page of `ressenti serve` in a browser, in two widths and in the light and dark colour scheme.
//!
//! Without Chromium the tests are skipped with a message; `RESSENTI_BROWSER` can name a browser.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};
use testkit::browser::browser;

use crate::common::finished;
use crate::serve::{Server, wait_for};
use crate::trend::{trained_project, turning_reviews};

/// A browser tab that is controlled by the DevTools protocol over two pipes: JSON messages that end with a zero byte
/// (<https://chromedevtools.github.io/devtools-protocol/>).
struct Tab {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    session: Option<String>,
    number: u64,
    /// Errors of the browser: exceptions, refused resources, and errors on its console.
    browser_errors: Vec<String>,
    _profile: tempfile::TempDir,
}

impl Tab {
    fn open(browser: &PathBuf) -> Self {
        let profile = tempfile::tempdir().expect("a temporary folder");
        // The browser reads from descriptor 3 and writes to 4.
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
            browser_errors: Vec::new(),
            _profile: profile,
        };
        let target = tab.call("Target.createTarget", json!({ "url": "about:blank" }));
        let parameters = json!({ "targetId": target["targetId"], "flatten": true });
        let attached = tab.call("Target.attachToTarget", parameters);
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
                self.browser_errors.push(said["params"].to_string());
            }
        }
    }

    fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "returnByValue": true });
        let said = self.call("Runtime.evaluate", parameters);
        assert!(said["exceptionDetails"].is_null(), "{expression}: {said}");
        said["result"]["value"].clone()
    }

    /// Types a text into the text field.
    fn type_in(&mut self, text: &str) {
        self.evaluate("document.getElementById('text').focus()");
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Opens the page in a window of this width and in this colour scheme.
    fn open_page(&mut self, server: &Server, width: u64, scheme: &str) {
        let size =
            json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let parameters =
            json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.call("Emulation.setEmulatedMedia", parameters);
        let address = format!("http://{}/?{width}", server.address);
        self.call("Page.navigate", json!({ "url": address }));
        wait_for(|| {
            let ready = "document.readyState === 'complete' && location.search.slice(1)";
            (self.evaluate(ready).as_str() == Some(&width.to_string())).then_some(())
        });
        let paper = self.evaluate("getComputedStyle(document.body).backgroundColor");
        assert_eq!(paper == "rgb(255, 255, 255)", scheme == "light", "{paper}");
    }

    /// Drops a file on the centre of the element with this id.
    fn drop_on(&mut self, id: &str, file: &Path) {
        let place = self.evaluate(&format!(
            "(() => {{ const it = document.getElementById('{id}'); it.scrollIntoView({{ block: 'center' }}); \
             const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
        ));
        let data = json!({ "items": [], "files": [file], "dragOperationsMask": 1 });
        for kind in ["dragEnter", "dragOver", "drop"] {
            let event = json!({ "type": kind, "x": place[0], "y": place[1], "data": data });
            self.call("Input.dispatchDragEvent", event);
        }
    }

    /// Chooses a file for the file input with this id.
    fn choose(&mut self, id: &str, file: &Path) {
        let found = self.call(
            "Runtime.evaluate",
            json!({ "expression": format!("document.getElementById('{id}')") }),
        );
        let object = &found["result"]["objectId"];
        self.call(
            "DOM.setFileInputFiles",
            json!({ "files": [file], "objectId": object }),
        );
    }

    /// Saves a screenshot of the whole page in the folder `RESSENTI_SCREENSHOTS`, if that is set.
    fn save_screenshot(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("RESSENTI_SCREENSHOTS") else {
            return;
        };
        let parameters = json!({ "format": "png", "captureBeyondViewport": true });
        let said = self.call("Page.captureScreenshot", parameters);
        let path = PathBuf::from(folder).join(format!("{name}.png"));
        let file = fs::File::create(path).expect("the folder is there");
        let mut decoder = Command::new("base64")
            .arg("-d")
            .stdin(Stdio::piped())
            .stdout(file)
            .spawn()
            .expect("it starts");
        let mut input = decoder.stdin.take().expect("a pipe");
        let text = said["data"].as_str().expect("text");
        input.write_all(text.as_bytes()).expect("it reads");
        drop(input);
        assert!(decoder.wait().expect("it ends").success());
    }

    fn text_of(&mut self, id: &str) -> String {
        let said = self.evaluate(&format!("document.getElementById('{id}').textContent"));
        said.as_str().expect("text").to_owned()
    }

    /// The contrast between an element's border and the page (WCAG 2.2, 1.4.11).
    fn contrast_of_border(&mut self, id: &str) -> f64 {
        let said = self.evaluate(&format!(
            "(() => {{ const light = (colour) => {{ const [r, g, b] = colour.match(/\\d+/g).map((it) => it / 255) \
             .map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4); \
             return 0.2126 * r + 0.7152 * g + 0.0722 * b + 0.05; }}; \
             const border = light(getComputedStyle(document.getElementById('{id}')).borderTopColor); \
             const paper = light(getComputedStyle(document.body).backgroundColor); \
             return Math.max(border, paper) / Math.min(border, paper); }})()"
        ));
        said.as_f64().expect("a number")
    }

    /// The position of the needle in percent, after the page has explained this text.
    fn needle_position(&mut self, text: &str) -> f64 {
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
fn typing_moves_the_bar_and_colours_the_words() {
    let Some(browser) = browser() else { return };
    let project = finished();
    let server = Server::start(&project, &["--model", "naive"]);
    let mut tab = Tab::open(&browser);
    for (width, scheme) in [(360, "light"), (1280, "dark")] {
        tab.open_page(&server, width, scheme);
        let (begin, rest) = ("A superb film.", " <i>x</i> Awful & <b awful, awful.");
        let contrast = tab.contrast_of_border("text");
        assert!(contrast >= 3.0, "{contrast} in the {scheme}");
        tab.type_in(begin);
        let first = tab.needle_position(begin);
        tab.type_in(rest);
        // The page shows the answer of the service.
        let said = server.ask(&json!({ "text": begin.to_owned() + rest, "explain": true }));
        let answer = &said["answers"][0];
        let found = tab.needle_position(answer["text"].as_str().expect("text"));
        let expected = 100.0 * answer["p_positive"].as_f64().expect("a number");
        assert!(
            (found - expected).abs() < 1e-3,
            "{found} instead of {expected}"
        );
        assert_ne!(found, first, "the bar did not move");
        let confidence = expected.max(100.0 - expected);
        assert!(
            tab.text_of("verdict")
                .contains(&format!("({confidence:.1}%)"))
        );
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

        // After deleting the text no answer is shown.
        tab.evaluate("document.getElementById('text').select()");
        tab.type_in(" ");
        assert_eq!(tab.needle_position(""), 50.0);
        assert!(tab.text_of("verdict").starts_with("Type a review"));
    }
    // A link to another text changes the text on the page.
    tab.evaluate("location.hash = '#An%20awful%20film.'");
    tab.needle_position("An awful film.");
    // A text that the browser restores is predicted, too.
    tab.evaluate(
        "document.getElementById('text').value = 'A superb film.'; \
         dispatchEvent(new PageTransitionEvent('pageshow'))",
    );
    tab.needle_position("A superb film.");
    assert!(tab.browser_errors.is_empty(), "{:?}", tab.browser_errors);
    server.check_health();
    // The page reports that the service has stopped.
    drop(server);
    tab.type_in("Anybody?");
    wait_for(|| {
        let status = tab.text_of("status");
        status.contains("does not answer").then_some(())
    });
    // The old answer disappears, and the error disappears with the text.
    assert_eq!(tab.text_of("verdict"), "No answer.");
    assert_eq!(tab.needle_position(""), 50.0);
    tab.evaluate("document.getElementById('text').select()");
    tab.type_in(" ");
    wait_for(|| tab.text_of("status").is_empty().then_some(()));
    assert_eq!(tab.text_of("verdict"), "Type a review.");
}

#[test]
fn dropping_a_file_shows_its_trend() {
    let Some(browser) = browser() else { return };
    let project = trained_project();
    let write = |name: &str, text: &str| {
        let path = project.folder().join(name);
        fs::write(&path, text).expect("written");
        path
    };
    let reviews = write("reviews.csv", &turning_reviews());
    let undated = write(
        "undated.csv",
        "review,sentiment\n<b>good</b>,positive\nbad,negative\n",
    );
    let server = Server::start(&project, &["--model", "linear"]);
    let mut tab = Tab::open(&browser);
    let inside = |query: &str| format!("document.getElementById('trend').shadowRoot.{query}");
    for (width, scheme) in [
        (360, "light"),
        (1280, "dark"),
        (360, "dark"),
        (1280, "light"),
    ] {
        tab.open_page(&server, width, scheme);
        tab.drop_on("drop", &reviews);
        wait_for(|| {
            tab.text_of("progress-text")
                .contains("read in")
                .then_some(())
        });
        assert_eq!(
            tab.evaluate("document.getElementById('working').hidden"),
            true
        );
        let pictures = tab.evaluate(&inside("querySelectorAll('svg').length"));
        assert!(pictures.as_u64() >= Some(2), "{pictures}");
        let said = tab.evaluate(&inside("querySelector('.findings').textContent"));
        let said = said.as_str().expect("text").to_owned();
        assert!(said.contains("1,440 reviews are positive"), "{said}");
        // The trend has its style although the service only allows its own styles.
        let fill = inside("querySelector('.band')");
        let blue = format!("getComputedStyle({fill}).fill");
        wait_for(|| {
            let colours = [
                ("light", "rgb(11, 106, 168)"),
                ("dark", "rgb(98, 176, 232)"),
            ];
            let found = tab.evaluate(&blue);
            colours
                .iter()
                .any(|(name, colour)| *name == scheme && found == *colour)
                .then_some(())
        });
        let wide = tab.evaluate("document.documentElement.scrollWidth");
        assert!(
            wide.as_u64() <= Some(width),
            "{wide} pixels in a window of {width}"
        );
        let saved = tab.evaluate("document.getElementById('save-page').href.startsWith('blob:')");
        assert_eq!(saved, true);
        tab.save_screenshot(&format!("trend-{width}-{scheme}"));

        // Errors are shown as text. The file button works like dropping a file.
        tab.choose("file", &undated);
        wait_for(|| {
            tab.text_of("progress-text")
                .contains("No time was found in")
                .then_some(())
        });
        assert!(
            tab.text_of("progress-text")
                .contains("“Column of the time”")
        );
        assert_eq!(tab.evaluate(&inside("children.length")), 0);
        assert_eq!(
            tab.evaluate("document.getElementById('options').open"),
            true
        );
        tab.save_screenshot(&format!("refused-{width}-{scheme}"));
    }
    // Examples are answered correctly, or not shown.
    let examples = server.health()["examples"].clone();
    let shown = tab.evaluate("document.querySelectorAll('#examples button').length");
    assert_eq!(shown, examples.as_array().expect("a list").len());
    for example in examples.as_array().expect("a list") {
        let label = server.ask(&json!({ "text": example }))["answers"][0]["label"].clone();
        let is_negative = ["Not a", "waste", "Terrible"]
            .iter()
            .any(|it| example.to_string().contains(it));
        assert_eq!(
            label,
            if is_negative { "negative" } else { "positive" },
            "{example}"
        );
    }
    assert!(
        tab.text_of("trend-model")
            .contains("Computed by the model above. At most 100,000 reviews")
    );
    // Options are sent, and the keyboard can read the file again.
    tab.choose("file", &reviews);
    wait_for(|| {
        tab.text_of("progress-text")
            .contains("read in")
            .then_some(())
    });
    tab.evaluate(
        "document.getElementById('options').open = true; document.getElementById('period').value = 'year'; \
         document.getElementById('topic').value = 'Heat'; document.getElementById('again').focus()",
    );
    for kind in ["keyDown", "keyUp"] {
        let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
        tab.call("Input.dispatchKeyEvent", key);
    }
    let header = inside("textContent");
    wait_for(|| {
        let text = tab.evaluate(&header);
        text.as_str()
            .is_some_and(|text| text.contains("of 720 reviews are positive"))
            .then_some(())
    });
    assert_eq!(
        tab.evaluate(&inside("querySelector('main').getAttribute('role')")),
        "region"
    );
    // An invalid number is an error and is not ignored.
    tab.evaluate("document.getElementById('calibrate_on').focus()");
    tab.call("Input.insertText", json!({ "text": "2.5" }));
    tab.evaluate("document.getElementById('again').click()");
    wait_for(|| {
        tab.text_of("progress-text")
            .contains("a whole number")
            .then_some(())
    });
    assert_eq!(tab.evaluate(&inside("children.length")), 0);
    tab.evaluate(
        "document.getElementById('calibrate_on').value = ''; document.getElementById('keep').click(); \
         document.getElementById('again').click()",
    );
    wait_for(|| {
        tab.text_of("progress-text")
            .contains("read in")
            .then_some(())
    });
    let asked =
        tab.evaluate("performance.getEntriesByType('resource').map((it) => it.name).join()");
    assert!(
        asked
            .as_str()
            .expect("text")
            .contains("keep_all_times=true")
    );
    // The browser also reports error answers of the service; there must be no other errors.
    let others: Vec<&String> = tab
        .browser_errors
        .iter()
        .filter(|it| !it.contains("422"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    server.check_health();
    // The page reports that the service has stopped.
    drop(server);
    tab.choose("file", &undated);
    wait_for(|| {
        tab.text_of("progress-text")
            .contains("does not answer")
            .then_some(())
    });
}
