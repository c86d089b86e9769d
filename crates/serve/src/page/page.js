// Sends the typed text to /predict and shows the answer.
"use strict";

const byId = (id) => document.getElementById(id);
const pause = 150; // milliseconds between the last key and the request
const minColouredShare = 0.1; // words with less than this share of the strongest influence are not coloured
const noAnswer = { label: null, words: [], text: "" };
let timer;
let request;
let sentText = "";
let isAnswered = false; // whether the page shows a prediction

byId("text").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(predict, pause);
});

// The part of the URL after `#` is a text to start with: browsers do not send it to servers.
function start() {
  if (location.hash.length > 1) {
    try {
      byId("text").value = decodeURIComponent(location.hash.slice(1));
    } catch {
      byId("text").value = ""; // invalid percent encoding
    }
  }
  predict();
}

addEventListener("hashchange", start);

// When the user comes back to the page, the browser may have restored the text.
addEventListener("pageshow", () => {
  if (byId("text").value !== sentText) predict();
});

async function predict() {
  clearTimeout(timer);
  if (request) request.abort();
  const text = byId("text").value;
  sentText = text;
  if (!text.trim()) {
    request = undefined;
    showStatus("");
    showAnswer(noAnswer);
    return;
  }
  request = new AbortController();
  if (!isAnswered) showAnswer(noAnswer, "Predicting …");
  const thisRequest = request;
  try {
    const response = await fetch("predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text, explain: true }),
      signal: thisRequest.signal,
    });
    const body = await response.json();
    if (thisRequest !== request) return; // a newer request has replaced this one
    if (!response.ok) return showError(describeError(response.status, body.error));
    showStatus("");
    showAnswer(body.answers[0]);
    showModel(body.model);
  } catch (error) {
    if (thisRequest === request) showError("The service does not answer. Is it still running?");
  }
}

// The hints of the service are for its API.
function describeError(status, error) {
  if (status === 413) return `This text is too long for the page. ${error}.`;
  if (status === 503) return `${error}. Change the text to try again.`;
  if (status === 504) return `${error}. Try a shorter text.`;
  return `${error}.`;
}

// Also removes the answer to an earlier text.
function showError(message) {
  showAnswer(noAnswer, "No answer.");
  showStatus(message);
}

function showStatus(message) {
  byId("status").textContent = message;
  byId("status").className = message ? "failed" : "";
}

function showAnswer(answer, message) {
  const known = answer.label !== null;
  isAnswered = known;
  const verdict = known
    ? `${answer.label} (${(100 * answer.confidence).toFixed(1)}%)`
    : message || (sentText.trim() ? "Type a review: this text is empty after cleaning." : "Type a review.");
  byId("needle").style.left = `${known ? 100 * answer.p_positive : 50}%`;
  byId("bar").setAttribute("aria-valuenow", known ? answer.p_positive.toFixed(3) : "0.5");
  byId("bar").setAttribute("aria-valuetext", verdict);
  byId("verdict").textContent = verdict;
  showWords(answer.text || "", answer.words || []);
}

// Offsets of words are in bytes of UTF-8.
function showWords(text, words) {
  const bytes = new TextEncoder().encode(text);
  const part = (start, end) => new TextDecoder().decode(bytes.subarray(start, end));
  const strongest = Math.max(...words.map((word) => Math.abs(word.weight)), Number.MIN_VALUE);
  const nodes = [];
  let position = 0;
  for (const word of words) {
    nodes.push(part(position, word.start));
    const share = Math.abs(word.weight) / strongest;
    const span = document.createElement("span");
    span.textContent = word.word;
    span.title = signed(word.weight);
    if (word.weight === 0) {
      span.className = "unread";
    } else if (share >= minColouredShare) {
      const side = word.weight > 0 ? "for" : "against";
      span.className = side;
      span.style.backgroundColor = `rgba(var(--${side}), ${(0.45 * share).toFixed(2)})`;
    }
    nodes.push(span);
    position = word.end;
  }
  nodes.push(part(position, bytes.length));
  byId("words").replaceChildren(...nodes);

  const ranked = words.filter((word) => word.weight !== 0);
  ranked.sort((one, two) => Math.abs(two.weight) - Math.abs(one.weight));
  const rows = ranked.slice(0, 8).map((word) => {
    const row = document.createElement("tr");
    for (const content of [word.word, signed(word.weight)]) {
      const cell = document.createElement("td");
      cell.textContent = content;
      row.append(cell);
    }
    return row;
  });
  byId("strongest").tBodies[0].replaceChildren(...rows);
  byId("strongest").hidden = rows.length === 0;
}

// Two digits and a sign; no sign if the rounded value is zero.
function signed(weight) {
  const text = weight.toFixed(2);
  if (Number(text) === 0) return "0.00";
  return weight > 0 ? `+${text}` : text;
}

function showModel(model) {
  byId("model").textContent = `Model: ${model.name} (fingerprint ${model.fingerprint.slice(0, 16)})`;
}

// Texts that the model predicts correctly.
function showExamples(examples) {
  for (const example of examples) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = example;
    button.addEventListener("click", () => {
      byId("text").value = example;
      predict();
    });
    byId("examples").append(button, " ");
  }
  byId("examples").hidden = examples.length === 0;
}

fetch("healthz")
  .then((response) => response.json())
  .then((health) => {
    if (!health.model) return;
    showModel(health.model);
    showExamples(health.examples);
  })
  .catch(() => showStatus("The service does not answer. Is it still running?"));

start();
