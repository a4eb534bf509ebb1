/** What needs somebody: unchecked orders, stuck messages, the doctor's findings, low stock. */

import { findDoctorReport, listOrders, listOutbox, listProducts, retryMessage } from "../api.js";
import { count, formatMoney, formatTime, shortId } from "../format.js";
import { useAction, useLoad } from "../hooks.js";
import { html } from "../html.js";
import { say } from "./notice.js";
import { APPS, LOW_STOCK } from "../facts.js";
import { toHref } from "../router.js";
import { Button } from "./button.js";
import { DataTable } from "./data-table.js";
import { Failure } from "./list-parts.js";

const STUCK_MS = 60_000;
// Of each list; where there is more, the badge says so.
const MOST = 100;
// All on their way are read, the newest first, to find those that are stuck.
const MOST_MESSAGES = 1000;
const SHOWN_LOW = 5;

export function Attention() {
  return html`
    <section class="attention" aria-labelledby="attention-title">
      <h2 id="attention-title">Needs attention</h2>
      <div class="columns">
        <${UnverifiedOrders} /><${StuckMessages} /><${Doctor} /><${LowStock} />
      </div>
    </section>`;
}

/** A part that says in its heading how much there is, and in one calm line that there is nothing. */
function Part({ title, of, number, hasMore, calm, isBroad, children }) {
  return html`
    <section class=${`sheet ${number ? "is-hot" : ""} ${isBroad ? "is-broad" : ""}`}>
      <h3>
        ${title} ${number > 0 && html`<span class="count">${number}${hasMore && "+"}</span>`}
      </h3>
      <${Failure} what="Not known right now" of=${of} />
      ${of.isLoading && !of.data && html`<p class="skeleton line-of-text"></p>`}
      ${of.data !== undefined && !of.error && (number ? children : html`<p class="soft">${calm}</p>`)}
    </section>`;
}

function UnverifiedOrders() {
  const of = useLoad(async () => {
    const pages = await Promise.all(
      ["CREATED", "PAID"].map((status) => listOrders({ unverified: true, status, limit: MOST })),
    );
    return { rows: pages.flatMap((page) => page.rows), hasMore: pages.some((page) => page.next) };
  }, []);
  const columns = [
    {
      label: "Order",
      isHead: true,
      show: ({ order_id: id }) =>
        html`<a class="mono" href=${toHref("orders", id)}>${shortId(id)}</a>`,
    },
    { label: "User", isWide: true, show: (order) => order.user_id },
    { label: "Total", isNumber: true, show: (order) => formatMoney(order.total_amount) },
  ];
  return html`
    <${Part} title="Unverified orders" isBroad=${true} of=${of} number=${of.data?.rows.length}
        hasMore=${of.data?.hasMore} calm="Every order was checked against the catalogue.">
      <${DataTable} caption="Unverified orders" columns=${columns} rows=${of.data?.rows}
          toKey=${(order) => order.order_id} />
    <//>`;
}

function StuckMessages() {
  const of = useLoad(async () => {
    const boxes = await Promise.all(
      APPS.map(async (app) => ({ app, ...(await listOutbox(app, { limit: MOST_MESSAGES })) })),
    );
    const rows = boxes.flatMap(({ app, rows }) => rows.map((row) => ({ ...row, app })));
    return { rows: rows.filter(isStuck), hasMore: boxes.some((box) => box.next) };
  }, []);
  const [act, isBusy] = useAction();
  const retry = (row) =>
    act(async () => {
      await retryMessage(row.app, row.id);
      say("The message is sent again.");
      await of.reload();
    }, "The message was not sent again");
  const columns = [
    {
      label: "Message",
      isHead: true,
      isWide: true,
      show: (row) => `${row.topic}, ${row.app} to ${row.partner}`,
    },
    { label: "Last error", isWide: true, show: (row) => row.last_error ?? "none yet" },
    { label: "Since", show: (row) => formatTime(row.created_at) },
    {
      label: "Retry",
      isBare: true,
      show: (row) => html`<${Button} isBusy=${isBusy} onClick=${() => retry(row)}>Retry<//>`,
    },
  ];
  return html`
    <${Part} title="Stuck messages" isBroad=${true} of=${of} number=${of.data?.rows.length}
        hasMore=${of.data?.hasMore} calm="Every message between the apps arrives.">
      <${DataTable} caption="Stuck messages" columns=${columns} rows=${of.data?.rows.slice(0, MOST)}
          toKey=${(row) => `${row.app} ${row.id}`} />
    <//>`;
}

/** Given up, or failing for a while: what was just written is on its way. */
function isStuck({ parked_at, attempts, created_at }) {
  return parked_at !== null || (attempts > 0 && Date.now() - Date.parse(created_at) > STUCK_MS);
}

function Doctor() {
  const of = useLoad(findDoctorReport, []);
  const columns = [
    {
      label: "Finding",
      isHead: true,
      isWide: true,
      show: (finding) => html`${finding.detail} <span class="soft mono">${finding.id}</span>`,
    },
    { label: "What to do", isWide: true, show: (finding) => finding.remedy },
  ];
  const calm = of.data
    ? `The books balance. Looked at ${formatTime(of.data.checked_at)}.`
    : "The doctor has not looked yet.";
  return html`
    <${Part} title="The doctor's report" isBroad=${true} of=${of}
        number=${of.data?.findings.length} calm=${calm}>
      <p class="soft">Looked at ${formatTime(of.data?.checked_at)}.</p>
      <${DataTable} caption="Findings" columns=${columns} rows=${of.data?.findings}
          toKey=${({ kind, id }) => `${kind} ${id}`} />
    <//>`;
}

function LowStock() {
  const of = useLoad(() => listProducts({ max_stock: LOW_STOCK, limit: MOST }), []);
  const columns = [
    { label: "Product", isHead: true, isWide: true, show: (product) => product.name },
    {
      label: "Stock",
      isNumber: true,
      show: ({ stock }) => html`<span class=${stock ? "flag" : "flag is-bad"}>${stock} left</span>`,
    },
  ];
  return html`
    <${Part} title="Low stock" of=${of} number=${of.data?.rows.length} hasMore=${of.data?.next}
        calm=${`Every product has more than ${count(LOW_STOCK, "piece")}.`}>
      <${DataTable} caption="Low stock" columns=${columns} rows=${of.data?.rows.slice(0, SHOWN_LOW)}
          toKey=${(product) => product.id} />
      <p><a href=${toHref("products", null, { low: "1" })}>All that runs low</a></p>
    <//>`;
}
