/** All orders, newest first, by status and user; each leads to its own page. */

import { exportOrders, listOrders } from "../api.js";
import { Button } from "../components/button.js";
import { DataTable } from "../components/data-table.js";
import { Failure, ListStatus, MoreButton } from "../components/list-parts.js";
import { Status, Unverified } from "../components/status.js";
import { saveFile } from "../download.js";
import { formatMoney, formatTime, ORDER_STATUSES, shortId, statusWord } from "../format.js";
import { useAction, useFilter, usePages } from "../hooks.js";
import { html } from "../html.js";
import { toHref } from "../router.js";

const TYPING_MS = 300;
const COLUMNS = [
  {
    label: "Order",
    isHead: true,
    show: ({ order_id: id }) =>
      html`<a class="mono" href=${toHref("orders", id)} title=${id}>${shortId(id)}</a>`,
  },
  {
    label: "Status",
    show: (order) =>
      html`<${Status} status=${order.status} /> ${order.unverified && html`<${Unverified} />`}`,
  },
  { label: "User", isWide: true, show: (order) => order.user_id },
  {
    label: "Items",
    isNumber: true,
    show: (order) => order.items.reduce((sum, line) => sum + line.quantity, 0),
  },
  { label: "Total", isNumber: true, show: (order) => formatMoney(order.total_amount) },
  { label: "Placed", show: (order) => formatTime(order.created_at) },
];

export default function Orders({ route }) {
  const initial = {
    status: ORDER_STATUSES.find((status) => status === route.query.get("status")) ?? "",
    user_id: route.query.get("user_id") ?? "",
  };
  const [filter, wanted, narrow] = useFilter("orders", initial, TYPING_MS);
  const list = usePages((next) => listOrders(wanted, next), [wanted]);
  const [act, isBusy] = useAction();
  const save = () =>
    act(
      async () => saveFile({ blob: await exportOrders(wanted), name: "orders.csv" }),
      "The orders cannot be exported right now",
    );
  return html`
    <h1 tabindex="-1">Orders</h1>
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <label>Status
        <select value=${filter.status} onChange=${(event) => narrow({ status: event.target.value })}>
          <option value="">All</option>
          ${ORDER_STATUSES.map((status) => html`<option value=${status}>${statusWord(status)}</option>`)}
        </select>
      </label>
      <label>User id
        <input type="search" defaultValue=${filter.user_id} autocomplete="off" spellcheck="false"
               onInput=${(event) => narrow({ user_id: event.target.value.trim() })} />
      </label>
      <span class="at-end">
        <${Button} isBusy=${list.isLoading} onClick=${list.reload}>Refresh<//>
        <${Button} isBusy=${isBusy} onClick=${save}>Export CSV<//>
      </span>
    </form>
    <${ListStatus} of=${list} rows=${list.rows} noun="order" />
    <${Failure} what="The orders cannot be shown right now" of=${list} />
    <${DataTable} caption="Orders" columns=${COLUMNS} rows=${list.rows}
                  firstNew=${list.firstNew} isLoading=${list.isLoading}
                  toKey=${(order) => order.order_id} empty="No orders here." />
    <${MoreButton} of=${list} />`;
}
