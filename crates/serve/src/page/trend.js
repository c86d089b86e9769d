// A file that a person drops or chooses goes to /trend, and what comes back is shown below it. Its style lives in
// a tree of its own, so that neither page changes the other; nothing in it may run.
"use strict";

(() => {
  const part = (id) => document.getElementById(id);
  const wishes = ["period", "topic", "adapt"];
  const columns = ["text", "timestamp", "topic", "label"];
  let file;
  let reading;
  let saved;

  const shown = part("trend").attachShadow({ mode: "open" });

  part("file").addEventListener("change", () => take(part("file").files));
  part("again").addEventListener("click", () => read());
  part("cancel").addEventListener("click", () => reading && reading.abort());

  // A file that misses the frame is meant for it, too: the browser would leave the page for it otherwise.
  for (const event of ["dragenter", "dragover"]) {
    addEventListener(event, (drag) => {
      if (!drag.dataTransfer.types.includes("Files")) return;
      drag.preventDefault();
      part("drop").classList.add("over");
    });
  }
  addEventListener("dragleave", (drag) => {
    if (!drag.relatedTarget) part("drop").classList.remove("over");
  });
  addEventListener("drop", (drag) => {
    if (!drag.dataTransfer.files.length) return;
    drag.preventDefault();
    part("drop").classList.remove("over");
    take(drag.dataTransfer.files);
  });

  function take(files) {
    if (!files.length) return;
    if (files.length > 1) {
      tell("One file at a time: put the rows of several into one.", true);
      return;
    }
    file = files[0];
    read();
  }

  function address() {
    const query = new URLSearchParams();
    for (const wish of wishes) {
      const value = part(wish).value.trim();
      if (value && value !== "0") query.set(wish, value);
    }
    if (part("keep").checked) query.set("keep_all_times", "true");
    for (const role of columns) {
      const value = part(`column-${role}`).value.trim();
      if (value) query.set(`columns.${role}`, value);
    }
    const text = query.toString();
    return text ? `trend?${text}` : "trend";
  }

  async function read() {
    if (!file) return;
    if (reading) reading.abort();
    // What is no number is an empty value, and would be left out without a word.
    if (!part("adapt").checkValidity()) {
      reading = undefined;
      part("working").hidden = true;
      clear();
      part("again").disabled = false;
      part("wishes").open = true;
      part("adapt").focus();
      tell("The number of labelled reviews to learn from is a whole number, 0 or more.", true);
      return;
    }
    reading = new AbortController();
    const mine = reading;
    const begun = performance.now();
    const name = `${file.name}, ${size(file.size)}`;
    const seconds = () => Math.round((performance.now() - begun) / 1000);
    clear();
    part("seconds").textContent = "";
    part("again").disabled = false;
    part("working").hidden = false;
    tell(`${name}: the model reads it …`);
    const clock = setInterval(() => { part("seconds").textContent = `${seconds()} s`; }, 1000);
    try {
      const response = await fetch(address(), {
        method: "POST",
        headers: { "content-type": "application/octet-stream", accept: "text/html" },
        body: file,
        signal: mine.signal,
      });
      const text = await response.text();
      if (mine !== reading) return;
      if (response.ok) {
        show(text);
        tell(`${name}: read in ${seconds()} s.`);
      } else {
        tell(wrong(text), true);
      }
    } catch (error) {
      if (mine !== reading) return;
      if (error.name === "AbortError") tell("Cancelled.");
      else tell("The file cannot be read any more, or the service does not answer. Is it still running?", true);
    } finally {
      clearInterval(clock);
      if (mine === reading) {
        reading = undefined;
        part("working").hidden = true;
      }
    }
  }

  function wrong(text) {
    try {
      const { error, hint } = JSON.parse(text);
      const told = `${error}. ${hint}.`;
      if (!/columns\.|adapt=|period=|keep_all_times/.test(hint)) return told;
      part("wishes").open = true;
      return `${told} On this page that is said under “How it is read”, above.`;
    } catch {
      return "The service answered with something that is no answer.";
    }
  }

  function tell(message, failed) {
    part("progress-text").textContent = message;
    part("progress-text").className = failed ? "failed" : "";
  }

  function clear() {
    shown.replaceChildren();
    part("save").hidden = true;
    if (saved) URL.revokeObjectURL(saved);
    saved = undefined;
  }

  function show(page) {
    // The page's own style is refused here, and comes from the service again for the tree of its own.
    const plain = page.replace(/<style>[\s\S]*?<\/style>/, "");
    const parsed = new DOMParser().parseFromString(plain, "text/html");
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "trend.css";
    const main = document.importNode(parsed.querySelector("main"), true);
    // The page around it has a main part already.
    main.setAttribute("role", "region");
    main.setAttribute("aria-label", "The trend");
    shown.replaceChildren(style, main);
    saved = URL.createObjectURL(new Blob([page], { type: "text/html" }));
    part("save-page").href = saved;
    part("save").hidden = false;
  }

  function size(bytes) {
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
