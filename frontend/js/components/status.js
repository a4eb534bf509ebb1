/** The state of something, as a coloured word. */

import { statusWord } from "../format.js";
import { html } from "../html.js";

const TONES = {
  CREATED: "is-warn",
  PENDING: "is-warn",
  REQUESTED: "is-warn",
  PAID: "is-good",
  COMPLETED: "is-good",
  SUCCEEDED: "is-good",
  SHIPPED: "is-blue",
  DELIVERED: "is-blue",
  FAILED: "is-bad",
  DECLINED: "is-bad",
};

export function Status({ status }) {
  return html`<span class=${`badge ${TONES[status] ?? ""}`}>${statusWord(status)}</span>`;
}

const WHY = "Taken while the catalogue did not answer; it is checked when that is back";

export function Unverified() {
  return html`<span class="flag" title=${WHY}>Unverified</span>`;
}
