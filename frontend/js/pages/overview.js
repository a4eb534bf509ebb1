/** The last thirty days in figures, and what needs somebody's attention. */

import { findProducts, getStats } from "../api.js";
import { Attention } from "../components/attention.js";
import { BarChart } from "../components/bar-chart.js";
import { DataTable } from "../components/data-table.js";
import { Failure } from "../components/list-parts.js";
import { formatDay, formatMoney, statusWord } from "../format.js";
import { useLoad } from "../hooks.js";
import { html } from "../html.js";
import { toHref } from "../router.js";

const DAYS = 30;
const TONES = { CREATED: "is-warn", CANCELLED: "is-grey", EXPIRED: "is-grey", REFUNDED: "is-grey", SHIPPED: "is-blue", DELIVERED: "is-blue" };

export default function Overview() {
  const stats = useLoad(() => getStats(DAYS), []);
  const { data } = stats;
  return html`
    <h1 tabindex="-1">Overview</h1>
    <${Failure} what="The figures cannot be shown right now" of=${stats} />
    ${data ? html`<${Figures} stats=${data} />` : stats.isLoading && html`<p class="skeleton block" role="status"><span class="unseen">Loading the figures</span></p>`}
    <${Attention} />
    ${data &&
    html`
      <div class="columns">
        <${BarChart} title="Revenue per day" bars=${data.days.map(toDayBar)} columns=${[
          { label: "Day", isHead: true, show: (bar) => bar.label },
          { label: "Orders", isNumber: true, show: (bar) => bar.orders },
          { label: "Revenue", isNumber: true, show: (bar) => bar.text },
        ]} />
        <${BarChart} title="Orders per status" isFlat=${true} bars=${Object.entries(data.statuses).map(toStatusBar)} columns=${[
          { label: "Status", isHead: true, show: (bar) => html`<a href=${toHref("orders", null, { status: bar.status })}>${bar.label}</a>` },
          { label: "Orders", isNumber: true, show: (bar) => bar.text },
        ]} />
        <${TopProducts} top=${data.top_products} />
      </div>`}`;
}

function Figures({ stats }) {
  const figures = [
    ["Revenue", formatMoney(stats.revenue)],
    ["Orders sold", stats.orders.toLocaleString("en-US")],
    ["Average order", stats.average_order === null ? "none yet" : formatMoney(stats.average_order)],
  ];
  return html`
    <p class="soft">The last ${DAYS} days, in UTC.</p>
    <dl class="figures">
      ${figures.map(([name, text]) => html`<div class="sheet"><dt>${name}</dt><dd>${text}</dd></div>`)}
    </dl>`;
}

function TopProducts({ top }) {
  const { data } = useLoad(() => findProducts(top.map((entry) => entry.product_id)), [top]);
  const names = new Map((data ?? []).map((product) => [product.id, product.name]));
  const columns = [
    { label: "Product", isHead: true, isWide: true, show: ({ product_id: id }) => names.get(id) ?? `Product ${id}` },
    { label: "Sold", isNumber: true, show: (entry) => entry.quantity },
    { label: "Revenue", isNumber: true, show: (entry) => formatMoney(entry.revenue) },
  ];
  return html`
    <section class="sheet">
      <h2>Top products</h2>
      <${DataTable} caption="Top products" columns=${columns} rows=${top} toKey=${(entry) => entry.product_id} empty="Nothing sold yet." />
    </section>`;
}

function toDayBar({ date, orders, revenue }) {
  return { label: formatDay(date), value: revenue, text: formatMoney(revenue), orders };
}

function toStatusBar([status, number]) {
  return { status, label: statusWord(status), value: number, text: String(number), tone: TONES[status] };
}
