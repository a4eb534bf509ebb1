/** The way to the pages: at the side on wide windows, at the foot of narrow ones. */

import { loadCart, useCart } from "../cart.js";
import { html, useEffect } from "../html.js";
import { toHref } from "../router.js";
import { Icon } from "./icon.js";

const ENTRIES = [
  ["shop", "Shop"],
  ["orders", "Orders"],
  ["products", "Products"],
  ["overview", "Overview"],
  ["health", "Health"],
];

export function Navigation({ page, onLogOut }) {
  useEffect(() => {
    loadCart();
  }, []);
  return html`
    <header class="bar">
      <a class="brand" href=${toHref("shop")}>
        <img src="favicon.svg" alt="" width="32" height="32" />Cornershop
      </a>
      <nav class="menu" aria-label="Pages">
        ${ENTRIES.map(
          ([name, label]) => html`
            <a href=${toHref(name)} aria-current=${name === page ? "page" : undefined}>
              <${Icon} name=${name} /><span>${label}</span>
              ${name === "shop" && html`<${CartCount} />`}
            </a>`,
        )}
      </nav>
      <button class="quiet log-out" type="button" onClick=${onLogOut}>
        <${Icon} name="out" /><span>Log out</span>
      </button>
    </header>`;
}

function CartCount() {
  const number = (useCart().lines ?? []).reduce((sum, line) => sum + line.quantity, 0);
  return (
    number > 0 &&
    html`<span class="count" id="cart-count">${number}<span class="unseen"> in the cart</span></span>`
  );
}
