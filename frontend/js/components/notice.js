/** What happened last, in one line at the foot of the window, spoken by screen readers as well. */

import { html, useEffect, useState } from "../html.js";

// Long enough to be read; what went wrong stays until somebody has seen to it.
const SHOWN_MS = 12_000;

let timer;
let listener = () => {};

/** Something went well; `text` may hold nodes. */
export function say(text) {
  show(text, false);
}

/** Something failed, or needs attention: screen readers are interrupted. */
export function warn(text) {
  show(text, true);
}

export function clearNotice() {
  show("", false);
}

function show(text, isBad) {
  clearTimeout(timer);
  if (text && !isBad) timer = setTimeout(clearNotice, SHOWN_MS);
  listener({ text, isBad });
}

export function Notice() {
  const [{ text, isBad }, setNotice] = useState({ text: "", isBad: false });
  useEffect(() => {
    listener = setNotice;
  }, []);
  return html`
    <div class=${`notice ${text && "is-shown"} ${isBad ? "is-bad" : ""}`}>
      <p class="notice-text" role="status">${isBad ? "" : text}</p>
      <p class="notice-text" role="alert">${isBad ? text : ""}</p>
      <button class="quiet" type="button" aria-label="Dismiss the message"
          onClick=${clearNotice}>×</button>
    </div>`;
}
