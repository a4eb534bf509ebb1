/**
 * A check-out: the shop makes an order of the cart, then it is paid. It is remembered with its two
 * idempotency keys until both are answered, so that whatever is lost on the way, the next click goes
 * on with the same order and the same payment.
 */

import * as api from "./api.js";
import { formatMoney } from "./format.js";
import { newKey } from "./http.js";
import { findCheckout, forgetCheckout, saveCheckout } from "./session.js";

/** A step that failed, in words. `cause` is the ApiError, if the shop refused it. */
export class CheckoutError extends Error {
  constructor(message, cause) {
    super(message, { cause });
    this.name = "CheckoutError";
  }
}

/**
 * Check out the user's cart, or go on with the check-out that is open; `total` is what the page
 * shows. Resolves to {orderId, isPending}: whether the order has yet to learn that it is paid.
 */
export async function checkOut(userId, total) {
  const before = findCheckout(userId);
  const open = before ?? { total, orderKey: newKey(), payKey: newKey() };
  // Before it is sent: the answer may be lost with the page.
  saveCheckout(userId, open);
  if (!open.orderId) await placeOrder(userId, open, before !== null);
  const isPending = await payOrder(userId, open);
  forgetCheckout(userId);
  return { orderId: open.orderId, isPending };
}

async function placeOrder(userId, open, isAgain) {
  try {
    const order = await api.checkOut(userId, open.orderKey);
    Object.assign(open, { orderId: order.order_id, amount: order.total_amount });
  } catch (error) {
    if (error.isUnknown) throw unknownOrder(error);
    // A shop that is busy now says nothing about the try before.
    if (isFinal(error) || !isAgain) forgetCheckout(userId);
    throw new CheckoutError(`no order was placed. ${error.message}`, error);
  }
  saveCheckout(userId, open);
  // The prices are those of the moment: nobody is charged another sum than the page has shown.
  if (open.amount !== open.total)
    throw new CheckoutError(
      `order #${open.orderId} comes to ${formatMoney(open.amount)}, not ` +
        `${formatMoney(open.total)}. Check out again to pay it`,
    );
}

function unknownOrder(error) {
  return new CheckoutError(
    `it is not known whether an order was placed. ${error.message}` +
      ". Check out again: there will be no second order",
    error,
  );
}

/** Returns whether the order has yet to learn that it is paid. */
async function payOrder(userId, open) {
  try {
    const { isPending, isUnderWay } = await api.pay(open.orderId, open.amount, open.payKey);
    if (!isUnderWay) return isPending;
  } catch (error) {
    if (error.status === 409 && !error.isRunning) return findOutPending(userId, open, error);
    throw paymentFailure(userId, open, error);
  }
  throw new CheckoutError(
    `the payment of order #${open.orderId} is under way. Check out again to see how it ended: ` +
      "it is the same payment",
  );
}

/** A refusal is good news if it is another payment that has paid the order. */
async function findOutPending(userId, open, refusal) {
  let order;
  try {
    order = await api.getOrder(open.orderId);
  } catch (error) {
    throw paymentFailure(userId, open, error);
  }
  if (order.status === "PAID") return false;
  // There is a payment, says the payments app, but the order has not been told yet.
  if (order.status === "CREATED" && refusal.members.payment_id) return true;
  throw paymentFailure(userId, open, refusal);
}

function paymentFailure(userId, open, error) {
  const { orderId } = open;
  if (error.isUnknown)
    return new CheckoutError(
      `it is not known whether order #${orderId} was paid. ${error.message}` +
        ". Check out again: it is the same order, and it is never charged twice",
      error,
    );
  // What is refused for good must not be tried again with the next click.
  if (isFinal(error)) forgetCheckout(userId);
  // Declined: this payment has ended, and the next click makes another.
  else if (error.status === 402) saveCheckout(userId, { ...open, payKey: newKey() });
  const wayOn = isFinal(error) ? "" : ". Check out again to pay it";
  return new CheckoutError(`order #${orderId} is not paid. ${error.message}${wayOn}`, error);
}

function isFinal(error) {
  return [404, 409, 422].includes(error.status);
}
