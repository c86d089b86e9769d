// Sends a dropped or chosen file to /trend and shows the trend below it. The trend is in a shadow tree, so that its
// style and that of this page do not affect each other; its scripts do not run.
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);
  const options = ["period", "topic", "calibrate_on"];
  const columns = ["text", "timestamp", "topic", "label"];
  let file;
  let request;
  let savedUrl;
  let maxBytes = Infinity;

  fetch("healthz").then((response) => response.json()).then(({ trend: limits, model }) => {
    maxBytes = limits.max_bytes;
    const fast = limits.model === model?.name ? "the model above" : `the model ${limits.model}, which is fast`;
    byId("trend-model").textContent = `Computed by ${fast}. At most ${limits.max_reviews.toLocaleString("en")} reviews, `
      + `${formatSize(maxBytes)} and ${limits.max_seconds} s; “ressenti trend FILE” has no limit.`;
  }).catch(() => {}); // page.js reports that the service does not answer

  const shadow = byId("trend").attachShadow({ mode: "open" });

  byId("file").addEventListener("change", () => useFile(byId("file").files));
  byId("again").addEventListener("click", () => readFile());
  byId("cancel").addEventListener("click", () => request && request.abort());

  // A file may be dropped anywhere on the page; otherwise the browser would leave the page and open the file.
  for (const event of ["dragenter", "dragover"]) {
    addEventListener(event, (drag) => {
      if (!drag.dataTransfer.types.includes("Files")) return;
      drag.preventDefault();
      byId("drop").classList.add("over");
    });
  }
  addEventListener("dragleave", (drag) => {
    if (!drag.relatedTarget) byId("drop").classList.remove("over");
  });
  addEventListener("drop", (drag) => {
    if (!drag.dataTransfer.files.length) return;
    drag.preventDefault();
    byId("drop").classList.remove("over");
    useFile(drag.dataTransfer.files);
  });

  function useFile(files) {
    if (!files.length) return;
    if (files.length > 1) {
      showStatus("Choose one file at a time: join the rows of several files.", true);
      return;
    }
    file = files[0];
    if (file.size > maxBytes) {
      const size = `${file.name} has ${formatSize(file.size)}, and the page accepts ${formatSize(maxBytes)}`;
      file = undefined;
      clearTrend();
      showStatus(`${size}. Compress the file, or use “ressenti trend FILE” on the command line.`, true);
      return;
    }
    readFile();
  }

  function trendUrl() {
    const query = new URLSearchParams();
    for (const option of options) {
      const value = byId(option).value.trim();
      if (value && value !== "0") query.set(option, value);
    }
    if (byId("keep").checked) query.set("keep_all_times", "true");
    for (const role of columns) {
      const value = byId(`column-${role}`).value.trim();
      if (value) query.set(`columns.${role}`, value);
    }
    const text = query.toString();
    return text ? `trend?${text}` : "trend";
  }

  async function readFile() {
    if (!file) return;
    if (request) request.abort();
    // The value of an invalid number is empty, and the option would be ignored silently.
    if (!byId("calibrate_on").checkValidity()) {
      request = undefined;
      byId("working").hidden = true;
      clearTrend();
      byId("again").disabled = false;
      byId("options").open = true;
      byId("calibrate_on").focus();
      showStatus("The number of labelled reviews must be a whole number, 0 or more.", true);
      return;
    }
    request = new AbortController();
    const thisRequest = request;
    const started = performance.now();
    const name = `${file.name}, ${formatSize(file.size)}`;
    const seconds = () => Math.round((performance.now() - started) / 1000);
    clearTrend();
    byId("seconds").textContent = "";
    byId("again").disabled = false;
    byId("working").hidden = false;
    showStatus(`${name}: uploading …`);
    const id = crypto.randomUUID ? crypto.randomUUID() : String(Math.random());
    byId("progress").removeAttribute("value");
    const clock = setInterval(() => {
      byId("seconds").textContent = `${seconds()} s`;
      showProgress(id, name, () => thisRequest === request);
    }, 1000);
    try {
      const response = await fetch(trendUrl(), {
        method: "POST",
        headers: { "content-type": "application/octet-stream", accept: "text/html", "x-request-id": id },
        body: file,
        signal: thisRequest.signal,
      });
      const text = await response.text();
      if (thisRequest !== request) return;
      if (response.ok) {
        showTrend(text);
        showStatus(`${name}: read in ${seconds()} s.`);
      } else {
        showStatus(describeError(text), true);
      }
    } catch (error) {
      if (thisRequest !== request) return;
      if (error.name === "AbortError") showStatus("Cancelled.");
      else showStatus("The file cannot be read, or the service does not answer. Is it still running?", true);
    } finally {
      clearInterval(clock);
      if (thisRequest === request) {
        request = undefined;
        byId("working").hidden = true;
      }
    }
  }

  // Shows how many reviews are predicted. Another trend may be computed first.
  async function showProgress(id, name, isCurrent) {
    try {
      const response = await fetch("trend/progress", { headers: { "x-request-id": id } });
      const { done, total, unit, seconds_left: left } = await response.json();
      if (!isCurrent() || unit !== "reviews") return;
      const count = (number) => number.toLocaleString("en");
      const rest = left === null ? "" : `, about ${Math.ceil(left)} s left`;
      byId("progress").max = total;
      byId("progress").value = done;
      showStatus(`${name}: ${count(done)} of ${count(total)} reviews predicted${rest}`);
    } catch {
      // The request for the trend itself reports that the service does not answer.
    }
  }

  function describeError(text) {
    try {
      const { error, hint } = JSON.parse(text);
      if (hint.includes("“Options”")) byId("options").open = true;
      return `${error}. ${hint}.`;
    } catch {
      return "The service sent an invalid answer.";
    }
  }

  function showStatus(message, failed) {
    byId("progress-text").textContent = message;
    byId("progress-text").className = failed ? "failed" : "";
  }

  function clearTrend() {
    shadow.replaceChildren();
    byId("save").hidden = true;
    if (savedUrl) URL.revokeObjectURL(savedUrl);
    savedUrl = undefined;
  }

  function showTrend(page) {
    // The policy of this page forbids inline styles: the style is loaded from the service instead.
    const plain = page.replace(/<style>[\s\S]*?<\/style>/, "");
    const parsed = new DOMParser().parseFromString(plain, "text/html");
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "trend.css";
    const main = document.importNode(parsed.querySelector("main"), true);
    // This page already has a main element.
    main.setAttribute("role", "region");
    main.setAttribute("aria-label", "The trend");
    shadow.replaceChildren(style, main);
    savedUrl = URL.createObjectURL(new Blob([page], { type: "text/html" }));
    byId("save-page").href = savedUrl;
    byId("save").hidden = false;
  }

  function formatSize(bytes) {
    const units = ["bytes", "kB", "MB", "GB"];
    let value = bytes;
    let unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
      value /= 1000;
      unit += 1;
    }
    return `${unit ? value.toFixed(1) : value} ${units[unit]}`;
  }
})();
