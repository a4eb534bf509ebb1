/** The four apps, asked again and again, so that one that stops is seen at once. */

import { ApiError, getStatus } from "../api.js";
import { Icon } from "../components/icon.js";
import { formatAge } from "../format.js";
import { usePolling } from "../hooks.js";
import { html, useState } from "../html.js";
import { APPS } from "../facts.js";

// Together, with time to spare, less than 3 s: so long it takes at most until a stop is seen.
const EVERY_MS = 750;
const PATIENCE_MS = 1200;

const NAMES = { cart: "Cart", catalog: "Catalog", orders: "Orders", payments: "Payments" };
const BREAKERS = {
  closed: ["is-good", "answers"],
  open: ["is-bad", "left alone"],
  "half-open": ["is-warn", "being tried"],
};

export default function Health() {
  return html`
    <h1 tabindex="-1">Health</h1>
    <p class="soft">Asked about every second while this page is open.</p>
    <div class="apps">${APPS.map((app) => html`<${App} key=${app} app=${app} />`)}</div>`;
}

function App({ app }) {
  const [state, setState] = useState({ isFirst: true });
  usePolling(async () => setState(await ask(app)), EVERY_MS, [app]);
  const { status, latencyMs, problem, isFirst } = state;
  const isWell = status?.database.status === "connected";
  return html`
    <section class=${`sheet app ${problem ? "is-hot" : ""}`} aria-labelledby=${`app-${app}`}>
      <h2 id=${`app-${app}`}>${NAMES[app]}</h2>
      <p class="state" role="status">
        ${isFirst && "Asking…"}
        ${problem && html`<span class="badge is-bad">Away</span>`}
        ${status && isWell && html`<span class="badge is-good"><${Icon} name="check" />Running</span>`}
        ${status && !isWell && html`<span class="badge is-bad">No database</span>`}
      </p>
      ${problem && html`<p>${problem}.</p>`}
      ${status && html`<${Details} status=${status} latencyMs=${latencyMs} />`}
    </section>`;
}

/** What the app says of itself and how long that took, or why it says nothing. */
async function ask(app) {
  const start = performance.now();
  try {
    const status = await getStatus(app, PATIENCE_MS);
    return { status, latencyMs: performance.now() - start };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { problem: error.message };
  }
}

function Details({ status, latencyMs }) {
  const { version, database, partners, outbox } = status;
  return html`
    <dl class="facts is-rows">
      <div><dt>Version</dt><dd>${version}</dd></div>
      <div><dt>Answers in</dt><dd>${Math.round(latencyMs)} ms</dd></div>
      <div><dt>Database</dt><dd>${database.version || database.engine}, ${database.status}</dd></div>
      ${outbox && html`<div><dt>Messages waiting</dt><dd>${describe(outbox)}</dd></div>`}
      ${Object.entries(partners).map(
        ([name, partner]) => html`<${Partner} name=${name} partner=${partner} />`,
      )}
    </dl>`;
}

function describe({ open, oldest_age_s: oldestAgeS, parked }) {
  const parts = [
    open,
    open > 0 && `oldest ${formatAge(oldestAgeS)}`,
    parked > 0 && `${parked} given up`,
  ];
  return parts.filter((part) => part !== false).join(", ");
}

/** A breaker that is open leaves the partner alone for a while instead of waiting for it. */
function Partner({
  name,
  partner: { state, consecutive_failures: failures, probe_in_s: probeInS },
}) {
  const [tone, word] = BREAKERS[state] ?? ["", state];
  return html`
    <div>
      <dt>Partner ${name}</dt>
      <dd>
        <span class=${`badge ${tone}`}>${word}</span>
        ${failures > 0 && html`<span class="soft"> ${failures} failed</span>`}
        ${probeInS !== undefined && html`<span class="soft"> tried again in ${formatAge(probeInS)}</span>`}
      </dd>
    </div>`;
}
