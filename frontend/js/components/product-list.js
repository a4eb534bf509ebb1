/** The products, a page at a time, each with its button. */

import { ApiError, listProducts } from "../api.js";
import { learn } from "../catalogue.js";
import { append, fill, html } from "../html.js";
import { formatMoney } from "../money.js";

const TINTS = 6;

/** Fill `root`; `onAdd(productId)` is called for each click on "Add to Cart". Returns {load}. */
export function createProductList(root, onAdd) {
  fill(
    root,
    html`
    <h2 id="products-title">Products</h2>
    <ul class="cards" aria-label="Products"></ul>
    <p class="empty" role="status"></p>
    <p class="failure" role="alert"></p>
    <button class="more" type="button" hidden>Show more</button>
  `,
  );
  const list = root.querySelector("ul");
  const note = root.querySelector(".empty");
  const failure = root.querySelector(".failure");
  const more = root.querySelector(".more");
  let next = null;

  list.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-product-id]");
    if (button) onAdd(Number(button.dataset.productId));
  });
  more.addEventListener("click", () => showPage(next));

  async function load() {
    fill(list, html``);
    next = undefined;
    await showPage();
  }

  /** A failure leaves the button in place: it then asks for the same page again. */
  async function showPage(query) {
    const before = list.children.length;
    const hadFocus = document.activeElement === more;
    failure.textContent = "";
    note.textContent = before === 0 ? "Loading…" : "";
    more.disabled = true;
    try {
      const page = await listProducts(query);
      learn(page.products);
      append(list, html`${page.products.map(card)}`);
      next = page.next;
      note.textContent = list.children.length === 0 ? "There are no products yet." : "";
      more.hidden = next === null;
      more.textContent = "Show more";
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      note.textContent = "";
      failure.textContent = `The products cannot be shown right now: ${error.message}.`;
      more.hidden = false;
      more.textContent = "Try again";
    } finally {
      more.disabled = false;
    }
    if (hadFocus) (list.children[before]?.querySelector("button:enabled") ?? more).focus();
  }

  return { load };
}

function card({ id, name, price, stock }) {
  return html`
    <li class="card">
      <span class="tile" data-tint="${id % TINTS}" aria-hidden="true">${firstLetter(name)}</span>
      <h3 id="product-${id}">${name}</h3>
      <p class="price">${formatMoney(price)}</p>
      <p class="stock">${stock > 0 ? `${stock} in stock` : "Out of stock"}</p>
      <button class="main" type="button" data-product-id="${id}" aria-describedby="product-${id}"
              ${stock > 0 ? "" : "disabled"}>Add to Cart</button>
    </li>`;
}

/** By characters, not by code units: an emoji is one of the former and two of the latter. */
function firstLetter(name) {
  return [...name.trim()][0]?.toUpperCase() ?? "?";
}
