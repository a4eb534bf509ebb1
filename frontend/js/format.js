/** Money, times, ids and states as people read them. */

// Whatever the currency: what is charged must be what is shown.
const DECIMALS = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", timeZone: "UTC" });

const STATUS_WORDS = {
  CREATED: "Not paid",
  PAID: "Paid",
  SHIPPED: "Shipped",
  DELIVERED: "Delivered",
  CANCELLED: "Cancelled",
  EXPIRED: "Expired",
  REFUNDED: "Refunded",
  COMPLETED: "Completed",
  PENDING: "Pending",
  FAILED: "Failed",
  DECLINED: "Declined",
  REQUESTED: "Requested",
  SUCCEEDED: "Succeeded",
};

export const ORDER_STATUSES = [
  "CREATED",
  "PAID",
  "SHIPPED",
  "DELIVERED",
  "CANCELLED",
  "EXPIRED",
  "REFUNDED",
];

// Until the shop has said which currency its amounts are in, none is shown rather than a wrong one.
let money = new Intl.NumberFormat("en-US", DECIMALS);

export function setCurrency(currency) {
  money = new Intl.NumberFormat("en-US", { style: "currency", currency, ...DECIMALS });
}

export function formatMoney(amount) {
  return money.format(amount);
}

/**
 * The attributes of a field for an amount. A number field would swallow the comma that much of the
 * world writes, and take 2,50 for 250.
 */
export const AMOUNT_FIELD = {
  inputmode: "decimal",
  pattern: "[0-9]+([.,][0-9]{1,2})?",
  title: "An amount like 12.50, or 12,50",
};

/** What was typed into such a field. */
export function readAmount(text) {
  return Number(text.replace(",", "."));
}

/** The total of [{quantity, price}], added up in cents: 0.1 + 0.2 is not 0.3 in floating point. */
export function totalOf(lines) {
  return (
    lines.reduce((cents, line) => cents + line.quantity * Math.round(line.price * 100), 0) / 100
  );
}

export function formatTime(iso) {
  return iso ? TIME.format(new Date(iso)) : "";
}

/** "2026-11-25" as "Nov 25". */
export function formatDay(date) {
  return DAY.format(new Date(`${date}T00:00:00Z`));
}

export function formatAge(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 129_600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function statusWord(status) {
  return STATUS_WORDS[status] ?? status;
}

/** An id begins with the time; its end tells orders apart. The whole one is in the title. */
export function shortId(id) {
  return id.slice(-8);
}

/**
 * What is said of a payment, as `pay` of api.js resolves to it: a success is only what its order
 * has been told of.
 */
export function paymentWords(orderId, { isUnderWay, isPending }) {
  if (isUnderWay)
    return `The payment of order #${orderId} is under way: there is no need to pay again.`;
  if (isPending)
    return `Your payment is recorded. Order #${orderId} is being updated: there is no need to pay again.`;
  return `Payment successful! Order #${orderId} is now paid.`;
}

export function count(number, noun, plural = `${noun}s`) {
  return `${number.toLocaleString("en-US")} ${number === 1 ? noun : plural}`;
}
