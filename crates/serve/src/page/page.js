// What a person types goes to /predict a moment later; an answer that was overtaken is dropped.
"use strict";

const at = (id) => document.getElementById(id);
const pause = 150; // milliseconds without a key before the model is asked
const coloured = 0.1; // share of the strongest word's weight from which a word is marked
const nothing = { label: null, probability: null, words: [], text: "" };
let timer;
let asking;
let asked = ""; // the text that the answer is to

at("text").addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(ask, pause);
});

// `#A%20text` behind the address is asked about at once: a link to a text that no server sees.
function begin() {
  if (location.hash.length > 1) {
    try {
      at("text").value = decodeURIComponent(location.hash.slice(1));
    } catch {
      at("text").value = ""; // percent signs that encode nothing
    }
  }
  ask();
}

addEventListener("hashchange", begin);

// A browser that comes back to the page may have put the text back.
addEventListener("pageshow", () => {
  if (at("text").value !== asked) ask();
});

async function ask() {
  clearTimeout(timer);
  if (asking) asking.abort();
  const text = at("text").value;
  asked = text;
  if (!text.trim()) {
    asking = undefined;
    say("");
    show(nothing);
    return;
  }
  asking = new AbortController();
  const mine = asking;
  try {
    const response = await fetch("predict", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ text, explain: true }),
      signal: mine.signal,
    });
    const said = await response.json();
    if (mine !== asking) return;
    if (!response.ok) return fail(`${said.error}. ${said.hint}`);
    say("");
    show(said.answers[0]);
    showModel(said.model);
  } catch (error) {
    if (mine === asking) fail("The service does not answer. Is it still running?");
  }
}

// The answer to another text must not stand under this one.
function fail(message) {
  show(nothing, "No answer.");
  say(message);
}

function say(message) {
  at("status").textContent = message;
  at("status").className = message ? "failed" : "";
}

function show(answer, instead) {
  const probability = answer.probability;
  const known = probability !== null;
  const verdict = known
    ? `${answer.label}: ${(100 * probability).toFixed(1)} % likely to be positive`
    : instead || (asked.trim() ? "Type something: nothing is left of this text once it is cleaned." : "Type something.");
  at("needle").style.left = `${known ? 100 * probability : 50}%`;
  at("bar").setAttribute("aria-valuenow", known ? probability.toFixed(3) : "0.5");
  at("bar").setAttribute("aria-valuetext", verdict);
  at("verdict").textContent = verdict;
  showWords(answer.text || "", answer.words || []);
}

// Places are counted in bytes of UTF-8.
function showWords(text, words) {
  const bytes = new TextEncoder().encode(text);
  const part = (start, end) => new TextDecoder().decode(bytes.subarray(start, end));
  const strongest = Math.max(...words.map((word) => Math.abs(word.weight)), Number.MIN_VALUE);
  const shown = [];
  let written = 0;
  for (const word of words) {
    shown.push(part(written, word.start));
    const share = Math.abs(word.weight) / strongest;
    const span = document.createElement("span");
    span.textContent = word.word;
    span.title = signed(word.weight);
    if (word.weight === 0) {
      span.className = "unread";
    } else if (share >= coloured) {
      const side = word.weight > 0 ? "for" : "against";
      span.className = side;
      span.style.backgroundColor = `rgba(var(--${side}), ${(0.45 * share).toFixed(2)})`;
    }
    shown.push(span);
    written = word.end;
  }
  shown.push(part(written, bytes.length));
  at("words").replaceChildren(...shown);

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
  at("strongest").tBodies[0].replaceChildren(...rows);
  at("strongest").hidden = rows.length === 0;
}

// Two digits and a sign, which what is rounded to nothing has not.
function signed(weight) {
  const text = weight.toFixed(2);
  if (Number(text) === 0) return "0.00";
  return weight > 0 ? `+${text}` : text;
}

function showModel(model) {
  at("model").textContent = `Model: ${model.name}, fingerprint ${model.fingerprint.slice(0, 16)}`;
}

fetch("healthz")
  .then((response) => response.json())
  .then((health) => health.model && showModel(health.model))
  .catch(() => say("The service does not answer. Is it still running?"));

begin();
