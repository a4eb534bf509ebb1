/** Amounts as bars, with the table behind them for those who read. */

import { html } from "../html.js";
import { DataTable } from "./data-table.js";

const SHOWN_LABELS = 6;

/** `bars` are [{label, value, text, tone}]; `isFlat` lays them on their side. */
export function BarChart({ title, bars, columns, isFlat }) {
  const most = Math.max(...bars.map((bar) => bar.value), 0);
  const every = Math.ceil(bars.length / SHOWN_LABELS);
  const size = (bar) => `${most ? Math.max((bar.value / most) * 100, bar.value ? 1.5 : 0) : 0}%`;
  return html`
    <section class="sheet chart">
      <h2>${title}</h2>
      <div class=${isFlat ? "bars is-flat" : "bars"} aria-hidden="true">
        ${bars.map(
          (bar, at) => html`
            <div class=${`bar-slot ${bar.tone ?? ""} ${at > bars.length / 2 ? "is-late" : ""}`}
                data-tip=${`${bar.label}: ${bar.text}`}>
              <span class="bar-label">${isFlat || at % every === 0 ? bar.label : ""}</span>
              <span class="bar-space">
                <span class="bar-body"
                    style=${isFlat ? { width: size(bar) } : { height: size(bar) }}></span>
              </span>
              ${isFlat && html`<span class="bar-text">${bar.text}</span>`}
            </div>`,
        )}
      </div>
      <details>
        <summary>${title} as a table</summary>
        <${DataTable} caption=${title} columns=${columns} rows=${bars} toKey=${(bar) => bar.label} />
      </details>
    </section>`;
}
