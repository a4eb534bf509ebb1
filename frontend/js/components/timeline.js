/** What an order has been through, newest first. */

import { formatTime, statusWord } from "../format.js";
import { html } from "../html.js";

const ACTORS = {
  client: "by the shop",
  payments: "by payments",
  catalog: "by the catalogue",
  clock: "by time",
};

export function Timeline({ entries }) {
  return html`
    <ol class="timeline">
      ${entries.map(
        (entry) => html`
          <li>
            <p class="what">
              ${entry.from === entry.to ? "Noted" : entry.from ? statusWord(entry.to) : "Placed"}
              <span class="soft"> ${ACTORS[entry.by] ?? entry.by}</span>
            </p>
            ${entry.reason && html`<p class="note">${entry.reason}</p>`}
            <time class="soft" datetime=${entry.at}>${formatTime(entry.at)}</time>
          </li>`,
      )}
    </ol>`;
}
