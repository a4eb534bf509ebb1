/** What happened, in one line at the foot of the window, spoken by screen readers as well. */

import { fill, html } from "../html.js";

const root = document.querySelector("#notice");
fill(
  root,
  html`
  <p class="notice-text" id="notice-status" role="status"></p>
  <p class="notice-text" id="notice-alert" role="alert"></p>
  <button class="quiet" type="button" aria-label="Dismiss the message">&times;</button>
`,
);
const [status, alert] = root.querySelectorAll("p");
root.querySelector("button").addEventListener("click", clearNotice);

/** Something went well. */
export function say(text) {
  show(text, "");
}

/** Something failed, or needs attention: screen readers are interrupted. */
export function warn(text) {
  show("", text);
}

export function clearNotice() {
  show("", "");
}

function show(good, bad) {
  status.textContent = good;
  alert.textContent = bad;
  root.classList.toggle("is-shown", Boolean(good || bad));
  root.classList.toggle("is-bad", Boolean(bad));
}
