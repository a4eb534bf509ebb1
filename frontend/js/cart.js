/** The cart of the user whom this tab shops as; what is done with it stands in cart-actions.js. */

import * as api from "./api.js";
import { useLayoutEffect, useState } from "./html.js";
import { clearNotice, say, warn } from "./components/notice.js";
import { getUserId } from "./session.js";

const followers = new Set();
/**
 * `lines` are the API's, null while they are not known; `offers` says by product id what the
 * catalogue sells, null while it is silent; `paid` is the order that was paid last.
 */
let state = { userId: getUserId(), lines: null, offers: undefined, problem: "", isBusy: false };

/** What products were called when the catalogue last spoke of them. */
const names = new Map();

/** Counts changes, so that what was read before one is not shown after it. */
let changes = 0;

export function useCart() {
  const [shown, show] = useState(state);
  // Not after the paint: what changes in between would never be shown.
  useLayoutEffect(() => {
    const follow = () => show(state);
    followers.add(follow);
    follow();
    return () => followers.delete(follow);
  }, []);
  return shown;
}

export function readCart() {
  return state;
}

export function change(what) {
  state = { ...state, ...what };
  for (const follow of followers) follow();
}

export async function loadCart() {
  const userId = getUserId();
  const isOther = userId !== state.userId;
  change({ userId, problem: "", ...(isOther && { lines: null, offers: undefined, paid: null }) });
  const before = changes;
  const isLate = () => userId !== getUserId() || before !== changes;
  try {
    const lines = await api.getCart(userId);
    if (isLate()) return;
    change({ lines });
    await loadOffers(userId);
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    if (isLate()) return;
    change({ lines: null, problem: `The cart cannot be shown right now: ${error.message}.` });
  }
}

/** What the catalogue says of the lines; null: it does not answer the cart app. */
async function loadOffers(userId) {
  const { lines } = state;
  if (lines.length === 0) return change({ offers: new Map() });
  let offers = null;
  try {
    const quote = await api.getQuote(userId);
    if (quote.subtotal !== null)
      offers = new Map(quote.lines.map((line) => [line.product_id, line]));
    for (const { product_id: id, name } of quote.lines) if (name) names.set(id, name);
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
  }
  // Whoever has changed the lines meanwhile has asked again: this answer is about others.
  if (lines === state.lines) change({ offers });
}

export function addToCart(product) {
  return act("item", "added", async (userId) => {
    const { cart, isReplay } = await api.addToCart(userId, product.id);
    if (isReplay) return showAsItIs();
    take(userId, cart, product);
    say("Item added to cart!");
  });
}

/** An add that was answered before brings the cart of then, which may have changed since. */
async function showAsItIs() {
  change({ paid: null });
  await loadCart();
  say("The item had been added already. This is what the cart holds now.");
}

/**
 * Show the lines that an answer brought, unless another user's are shown by now; prices that are
 * not known yet are asked for.
 */
export function take(userId, lines, product) {
  if (userId !== state.userId) return;
  changes += 1;
  const offers = new Map(state.offers ?? []);
  if (product) {
    names.set(product.id, product.name);
    if (!offers.has(product.id)) offers.set(product.id, product);
  }
  change({ lines, offers, paid: null });
  // Nobody waits for it: a catalogue that hangs must not hold up the cart.
  loadOffers(userId);
}

/**
 * One change at a time: the `thing` is `done` to by `work`. What the shop refuses is said in words;
 * where it is not known what became of it, the cart shows it.
 */
export async function act(thing, done, work) {
  if (state.isBusy) return;
  changes += 1;
  change({ isBusy: true });
  clearNotice();
  try {
    await work(getUserId());
  } catch (error) {
    // A step of a check-out says in its own words what the shop has refused.
    const cause = error.name === "CheckoutError" ? error.cause : error;
    if (cause !== undefined && !(cause instanceof api.ApiError)) throw cause;
    if (cause?.status === 401) return;
    const [start, not] = error.isUnknown ? ["It is not known whether the", ""] : ["The", "not "];
    warn(`${start} ${thing} was ${not}${done}: ${error.message}.`);
    if (error.isUnknown) await loadCart();
  } finally {
    change({ isBusy: false });
  }
}

/**
 * The lines with what is known of their products. The catalogue has said that one which `isGone` is
 * not sold; of one which `isUnpriced` it was not asked, as the cart has changed in between.
 */
export function readLines({ lines, offers }) {
  return (lines ?? []).map((line) => {
    const offer = offers?.get(line.product_id);
    const isGone = Boolean(line.unavailable) || offer?.price === null;
    const isUnpriced = Boolean(offers) && !offer;
    const name = offer?.name ?? names.get(line.product_id) ?? `Product ${line.product_id}`;
    const { price = null, stock = null } = offer ?? {};
    return { ...line, name, price, stock, isGone, isUnpriced };
  });
}

/** The total of lines; null while a price is not known. */
export function sumUp(lines) {
  if (lines.some((line) => line.price === null)) return null;
  const cents = lines.reduce((sum, line) => sum + line.quantity * Math.round(line.price * 100), 0);
  return cents / 100;
}
