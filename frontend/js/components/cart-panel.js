/** The cart: its lines with names and prices, the total, and the buttons below it. */

import { findKnown } from "../catalogue.js";
import { fill, html } from "../html.js";
import { formatMoney, totalOf } from "../money.js";
import { findCheckout } from "../session.js";

/** Fill `root`; `on` holds checkOut, clear and refresh. Returns what can be done with the cart. */
export function createCartPanel(root, count, on) {
  fill(
    root,
    html`
    <h2 id="cart-title" tabindex="-1">Cart <span class="owner"></span></h2>
    <p class="empty" role="status"></p>
    <ul class="lines" aria-label="Cart"></ul>
    <p class="total" hidden><span>Total</span> <strong></strong></p>
    <p class="hint" id="cart-hint" role="status"></p>
    <div class="buttons">
      <button class="main" type="button" name="checkOut" aria-describedby="cart-hint">Check out</button>
      <button type="button" name="refresh">Check again</button>
      <button type="button" name="clear">Clear cart</button>
    </div>
  `,
  );
  const part = (selector) => root.querySelector(selector);
  const button = (name) => part(`[name=${name}]`);
  for (const name of ["checkOut", "refresh", "clear"]) button(name).onclick = () => on[name]();
  let lines = [];
  let owner;

  /** `cart` is the API's list of lines, [{product_id, quantity, unverified?, unavailable?}]. */
  function show(userId, cart) {
    owner = userId;
    part(".owner").textContent = `of ${userId}`;
    part(".empty").textContent = cart.length === 0 ? "The cart is empty." : "";
    lines = cart;
    reprice();
  }

  /** Show the lines with what is known of the products by now; `problem` says why that is old. */
  function reprice(problem = "") {
    lines = lines.map((line) => ({ ...line, ...known(line) }));
    const open = findCheckout(owner);
    const block = open ? "" : findBlock(lines);
    count.textContent = lines.reduce((sum, line) => sum + line.quantity, 0);
    fill(part(".lines"), html`${lines.map(lineMarkup)}`);
    part(".total").hidden = lines.length === 0;
    part(".total strong").textContent = lines.every(hasPrice)
      ? formatMoney(totalOf(lines))
      : "not known";
    part(".hint").textContent = problem || block || openHint(open);
    button("clear").hidden = lines.length === 0;
    // The lines of an open check-out have left the cart.
    button("checkOut").hidden = lines.length === 0 && !open;
    button("checkOut").disabled = block !== "";
    button("refresh").hidden = !problem && !lines.some((line) => line.unverified);
  }

  /** In place of a cart: it is being asked for, or `problem` says why there is none. */
  function showNothing(userId, problem = "") {
    show(userId, []);
    part(".empty").textContent = problem || "Loading…";
    button("refresh").hidden = problem === "";
  }

  function getProductIds() {
    return lines.map((line) => line.product_id);
  }

  /** What is shown as the total. */
  function getTotal() {
    return totalOf(lines);
  }

  /** For the time after the button that had the focus is gone. */
  function focus() {
    part("#cart-title").focus();
  }

  return { show, reprice, showNothing, getProductIds, getTotal, focus };
}

function known({ product_id, unavailable }) {
  const product = findKnown(product_id);
  const isGone = Boolean(unavailable) || product === null;
  return { name: product?.name ?? `Product ${product_id}`, price: product?.price, isGone };
}

function hasPrice(line) {
  return line.price !== undefined;
}

/** Why this cart cannot be ordered as it is, or "". */
function findBlock(lines) {
  if (lines.some((line) => line.isGone))
    return "A product is no longer sold. Clear the cart to go on.";
  return lines.every(hasPrice) ? "" : "Waiting for the prices…";
}

/** What the button does while a check-out is open: it goes on with that one first. */
function openHint(open) {
  if (!open) return "";
  if (!open.orderId) return "The last check-out was not answered. Check out goes on with it.";
  return `Order #${open.orderId} of ${formatMoney(open.amount)} is not paid. Check out pays it.`;
}

function lineMarkup(line) {
  return html`
    <li class="line">
      <span class="name">${line.name}</span>
      <span class="sum">${hasPrice(line) && formatMoney(totalOf([line]))}</span>
      <span class="quantity">${line.quantity} × ${hasPrice(line) ? formatMoney(line.price) : "…"}</span>
      ${line.isGone && html`<span class="flag is-bad">No longer sold</span>`}
      ${line.unverified && !line.isGone && html`<span class="flag">Not checked yet</span>`}
    </li>`;
}
