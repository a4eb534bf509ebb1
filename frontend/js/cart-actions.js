/** What somebody does with the cart that is shown. */

import * as api from "./api.js";
import { act, change, loadCart, readCart, readLines, sumUp, take } from "./cart.js";
import { checkOut as runCheckOut } from "./checkout.js";
import { clearNotice, say, warn } from "./components/notice.js";
import { paymentWords, statusWord } from "./format.js";
import { findCheckout, forgetCheckout, setUserId } from "./session.js";

export function setQuantity(productId, quantity) {
  return act("quantity", "changed", async (userId) => {
    take(userId, await api.setItem(userId, productId, quantity));
    say(quantity === 0 ? "Item removed." : "Quantity changed.");
  });
}

export function clearCart() {
  return act("cart", "cleared", async (userId) => {
    await api.clearCart(userId);
    take(userId, []);
    say("Cart cleared.");
  });
}

export function checkOut() {
  return act("check-out", "finished", async (userId) => {
    try {
      const paid = await runCheckOut(userId, sumUp(readLines(readCart())));
      if (userId === readCart().userId) change({ paid });
      say(paymentWords(paid.orderId, paid));
    } finally {
      // What was ordered has left the cart, what was added elsewhere has not, and whoever was
      // refused needs what is true now.
      await loadCart();
    }
  });
}

/** An open check-out is over if its order was paid, or has ended, on another page. */
export async function lookAtOpenOrder() {
  const { userId } = readCart();
  const orderId = findCheckout(userId)?.orderId;
  if (!orderId) return;
  let order;
  try {
    order = await api.getOrder(orderId);
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    return; // not known: the next click on "Check out" finds out
  }
  if (order.status === "CREATED" || readCart().isBusy) return;
  if (findCheckout(userId)?.orderId !== orderId) return; // another one by now
  forgetCheckout(userId);
  if (userId === readCart().userId) change({ paid: order.status === "PAID" && { orderId } });
}

/** The way out of an order that cannot be paid: its stock goes back, and a new cart can be filled. */
export function cancelOpenOrder() {
  return act("order", "cancelled", async (userId) => {
    const { orderId } = findCheckout(userId);
    try {
      await api.moveOrder(orderId, "cancel", "not paid");
      say("Order cancelled.");
    } catch (error) {
      warn(`Order #${orderId} ${describeEnd(error)}.`);
    }
    forgetCheckout(userId);
    await loadCart();
  });
}

/** Why there is nothing left to cancel. Any other error is thrown: the next click may go well. */
function describeEnd(error) {
  if (error.status === 404) return "is not there any more";
  const { status } = error.members ?? {};
  if (error.status !== 409 || !status) throw error;
  return `is ${statusWord(status).toLowerCase()} already`;
}

export function switchUser(userId) {
  setUserId(userId);
  clearNotice();
  return loadCart();
}
