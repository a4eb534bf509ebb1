/** The page: which part is shown, and what each button does. */

import * as api from "./api.js";
import { runAlone } from "./busy.js";
import { findKnown, refresh } from "./catalogue.js";
import { checkOut, CheckoutError } from "./checkout.js";
import { createCartPanel } from "./components/cart-panel.js";
import { clearNotice, say, warn } from "./components/notice.js";
import { createProductList } from "./components/product-list.js";
import { refusalText, showSignIn } from "./components/sign-in.js";
import { showUserForm } from "./components/user-form.js";
import { adoptKeyFromAddress, forgetAll, forgetKey, getKey, getUserId } from "./session.js";

const part = (id) => document.getElementById(id);
const products = createProductList(part("products"), (productId) =>
  act(() => addToCart(productId), "The item was not added"),
);
const cart = createCartPanel(part("cart"), part("cart-count"), {
  checkOut: () => act(payForCart, "The check-out stopped"),
  clear: () => act(clearCart, "The cart was not cleared"),
  refresh: () => act(loadCart),
});

function start() {
  adoptKeyFromAddress();
  if (getKey() === null) askForKey();
  else openShop();
}

function askForKey(refusal) {
  showPart("sign-in");
  showSignIn(part("sign-in"), openShop, refusal);
}

function openShop() {
  showPart("shop");
  showUserForm(part("user"), () => act(loadCart));
  products.load();
  act(loadCart);
}

function showPart(id) {
  part("sign-in").hidden = id !== "sign-in";
  part("shop").hidden = part("tools").hidden = id !== "shop";
}

/** Run one action; what the API refuses is said in words, all else is a mistake of this page. */
function act(work, failure) {
  return runAlone(async () => {
    clearNotice();
    try {
      await work();
    } catch (error) {
      const cause = error instanceof CheckoutError ? error.cause : error;
      if (cause !== undefined && !(cause instanceof api.ApiError)) throw cause;
      // A refused key has led back to the form already.
      if (cause?.status === 401) return;
      warn(`${failure}: ${error.message}.`);
    }
  });
}

async function loadCart() {
  const userId = getUserId();
  cart.showNothing(userId);
  try {
    cart.show(userId, await api.getCart(userId));
    refreshPrices();
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    cart.showNothing(userId, `The cart cannot be shown right now: ${error.message}.`);
  }
}

/** Nobody waits for this: a catalogue that hangs must not hold up the cart. */
async function refreshPrices() {
  try {
    await refresh(cart.getProductIds());
    cart.reprice();
  } catch (error) {
    if (!(error instanceof api.ApiError)) throw error;
    cart.reprice(`The prices cannot be checked right now: ${error.message}.`);
  }
}

async function addToCart(productId) {
  const lines = await api.addToCart(getUserId(), productId);
  cart.show(getUserId(), lines);
  if (lines.some((line) => findKnown(line.product_id) === undefined)) refreshPrices();
  say("Item added to cart!");
}

async function clearCart() {
  await api.clearCart(getUserId());
  cart.show(getUserId(), []);
  cart.focus();
  say("Cart cleared.");
}

async function payForCart() {
  try {
    const { orderId, isPending } = await checkOut(getUserId(), cart.getTotal());
    cart.focus();
    say(
      isPending
        ? `Your payment is recorded. Order #${orderId} is being updated: there is no need to pay again.`
        : `Payment successful! Order #${orderId} is now paid.`,
    );
  } finally {
    // What was ordered has left the cart, what was added elsewhere has not, and whoever was refused
    // needs what is true now.
    await loadCart();
  }
}

part("log-out").addEventListener("click", () => {
  forgetAll();
  // What was shown and remembered goes with the page.
  location.reload();
});
api.whenKeyRefused((detail) => {
  forgetKey();
  // The form is there already while a first key is tried, and says so itself.
  if (part("sign-in").hidden) askForKey(refusalText(detail));
});
// The address with a key may be opened in a tab that shows the shop already.
addEventListener("hashchange", () => {
  if (adoptKeyFromAddress()) openShop();
});
start();
