/** The last thirty days in figures, and what needs somebody's attention. */

import { getStats } from "../api.js";
import { Attention } from "../components/attention.js";
import { BarChart } from "../components/bar-chart.js";
import { DataTable } from "../components/data-table.js";
import { Failure, Loading } from "../components/list-parts.js";
import { formatDay, formatMoney, statusWord } from "../format.js";
import { useLoad, useNames } from "../hooks.js";
import { html } from "../html.js";
import { toHref } from "../router.js";

const DAYS = 30;
const TONES = {
  CREATED: "is-warn",
  SHIPPED: "is-blue",
  DELIVERED: "is-blue",
  CANCELLED: "is-grey",
  EXPIRED: "is-grey",
  REFUNDED: "is-grey",
};
const DAY_COLUMNS = [
  { label: "Day", isHead: true, show: (bar) => bar.label },
  { label: "Orders", isNumber: true, show: (bar) => bar.orders },
  { label: "Revenue", isNumber: true, show: (bar) => bar.text },
];
const STATUS_COLUMNS = [
  {
    label: "Status",
    isHead: true,
    show: ({ status, label }) => html`<a href=${toHref("orders", null, { status })}>${label}</a>`,
  },
  { label: "Orders", isNumber: true, show: (bar) => bar.text },
];

export default function Overview() {
  const stats = useLoad(() => getStats(DAYS), []);
  const { data } = stats;
  return html`
    <h1 tabindex="-1">Overview</h1>
    <${Failure} what="The figures cannot be shown right now" of=${stats} />
    ${data && html`<${Figures} stats=${data} />`}
    ${!data && stats.isLoading && html`<${Loading} what="the figures" />`}
    <${Attention} />
    ${
      data &&
      html`
      <div class="columns">
        <${BarChart} title="Revenue per day" columns=${DAY_COLUMNS}
                     bars=${data.days.map(toDayBar)} />
        <${BarChart} title="Orders per status" columns=${STATUS_COLUMNS} isFlat=${true}
                     bars=${Object.entries(data.statuses).map(toStatusBar)} />
        <${TopProducts} top=${data.top_products} />
      </div>`
    }`;
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
  const names = useNames(top.map((entry) => entry.product_id));
  const columns = [
    { label: "Product", isHead: true, isWide: true, show: (entry) => names(entry.product_id) },
    { label: "Sold", isNumber: true, show: (entry) => entry.quantity },
    { label: "Revenue", isNumber: true, show: (entry) => formatMoney(entry.revenue) },
  ];
  return html`
    <section class="sheet">
      <h2>Top products</h2>
      <${DataTable} caption="Top products" columns=${columns} rows=${top}
                    toKey=${(entry) => entry.product_id} empty="Nothing sold yet." />
    </section>`;
}

function toDayBar({ date, orders, revenue }) {
  return { label: formatDay(date), value: revenue, text: formatMoney(revenue), orders };
}

function toStatusBar([status, number]) {
  return {
    status,
    label: statusWord(status),
    value: number,
    text: String(number),
    tone: TONES[status],
  };
}
