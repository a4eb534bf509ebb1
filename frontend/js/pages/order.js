/** One order: its lines, its money and its history. */

import { getHistory, getOrder, listPayments, listRefunds } from "../api.js";
import { DataTable } from "../components/data-table.js";
import { Failure, Loading } from "../components/list-parts.js";
import { OrderActions } from "../components/order-actions.js";
import { Status, Unverified } from "../components/status.js";
import { Timeline } from "../components/timeline.js";
import { formatMoney, formatTime, shortId, totalOf } from "../format.js";
import { useLoad, useNames, usePolling } from "../hooks.js";
import { html } from "../html.js";
import { toHref, toLastHref } from "../router.js";

const ASK_AGAIN_MS = 1000;

export default function Order({ route: { id } }) {
  const order = useLoad(() => getOrder(id), [id]);
  const history = useLoad(() => getHistory(id), [id]);
  const payments = useLoad(() => loadPayments(id), [id]);
  const isUnderWay = Boolean(
    order.data && payments.data && isMoneyUnderWay(order.data, payments.data),
  );
  usePolling(async () => isUnderWay && reload(), ASK_AGAIN_MS, [isUnderWay]);
  const reload = () => Promise.all([order.reload(), history.reload(), payments.reload()]);
  return html`
    <p class="trail"><a href=${toLastHref("orders")}>Orders</a></p>
    <h1 tabindex="-1">Order <span class="mono" title=${id}>${shortId(id)}</span></h1>
    <${Failure} what="The order cannot be shown right now" of=${order} />
    ${order.isLoading && !order.data && html`<${Loading} what="the order" />`}
    ${
      order.data &&
      html`
      <${Summary} order=${order.data} />
      <${OrderActions} order=${order.data} payments=${payments.data} isUnderWay=${isUnderWay}
          onChanged=${reload} />
      <div class="order">
        <section class="sheet"><h2>Lines</h2><${Lines} order=${order.data} /></section>
        <section class="sheet">
          <h2>Payments and refunds</h2>
          <${Failure} what="The payments cannot be shown right now" of=${payments} />
          <${Payments} of=${payments} />
        </section>
        <section class="sheet at-side">
          <h2>History</h2>
          <${Failure} what="The history cannot be shown right now" of=${history} />
          ${history.data && html`<${Timeline} entries=${history.data} />`}
        </section>
      </div>`
    }`;
}

/** Whether orders or payments have yet to learn what the other has done: seconds, mostly. */
function isMoneyUnderWay({ status }, payments) {
  const kept = payments.filter(({ payment }) => payment.status === "COMPLETED");
  if (payments.some(({ payment }) => payment.status === "PENDING")) return true;
  if (payments.some(({ refunds }) => refunds.some((refund) => refund.status === "REQUESTED")))
    return true;
  if (["CREATED", "CANCELLED", "EXPIRED"].includes(status))
    return kept.some(({ left }) => left > 0);
  return status !== "REFUNDED" && kept.length > 0 && kept.every(isAllBack);
}

/** Of a payment of nothing there is nothing left from the start: only a refund gives it back. */
function isAllBack({ refunds, left }) {
  return left === 0 && refunds.some((refund) => refund.status === "SUCCEEDED");
}

/** Every payment with its refunds, and what is left of it: [{payment, refunds, left}]. */
async function loadPayments(orderId) {
  const payments = await listPayments(orderId);
  return Promise.all(
    payments.map(async (payment) => ({
      payment,
      refunds: await listRefunds(payment.payment_id),
      left: payment.amount - payment.refunded_amount,
    })),
  );
}

function Summary({ order }) {
  const facts = [
    [
      "Status",
      html`<${Status} status=${order.status} /> ${order.unverified && html`<${Unverified} />`}`,
    ],
    ["Total", formatMoney(order.total_amount)],
    [
      "User",
      html`<a href=${toHref("orders", null, { user_id: order.user_id })}>${order.user_id}</a>`,
    ],
    ["Placed", formatTime(order.created_at)],
    ["Paid", formatTime(order.paid_at)],
  ];
  return html`
    <dl class="facts">
      ${facts
        .filter(([, what]) => what)
        .map(([name, what]) => html`<div><dt>${name}</dt><dd>${what}</dd></div>`)}
    </dl>
    <p class="whole-id soft">Order #${order.order_id}</p>`;
}

function Lines({ order }) {
  const names = useNames(order.items.map((line) => line.product_id));
  const columns = [
    { label: "Product", isHead: true, isWide: true, show: (line) => names(line.product_id) },
    { label: "Quantity", isNumber: true, show: (line) => line.quantity },
    { label: "Price", isNumber: true, show: (line) => formatMoney(line.price) },
    { label: "Sum", isNumber: true, show: (line) => formatMoney(totalOf([line])) },
  ];
  return html`
    <${DataTable} caption="Lines of the order" columns=${columns} rows=${order.items}
                  toKey=${(line) => line.product_id} />`;
}

const MONEY = [
  {
    label: "What",
    isHead: true,
    isWide: true,
    show: ({ what, reason }) =>
      html`${what}${reason && html`<br /><span class="soft small">${reason}</span>`}`,
  },
  { label: "Status", show: (row) => html`<${Status} status=${row.status} />` },
  {
    label: "Amount",
    isNumber: true,
    show: (row) => `${row.isBack ? "−" : ""}${formatMoney(row.amount)}`,
  },
  { label: "When", show: (row) => formatTime(row.created_at) },
];

function Payments({ of }) {
  const rows = of.data?.flatMap(({ payment, refunds }) => [
    { ...payment, id: payment.payment_id, what: "Payment" },
    ...refunds.map((refund) => ({ ...refund, id: refund.refund_id, what: "Refund", isBack: true })),
  ]);
  return html`
    <${DataTable} caption="Payments and refunds" columns=${MONEY} rows=${rows}
                  isLoading=${of.isLoading} toKey=${(row) => row.id} empty="Nothing was paid yet." />`;
}
