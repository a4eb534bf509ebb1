/** The shop window: search, categories, products, and the cart beside them. */

import { listCategories, listProducts } from "../api.js";
import { useCart } from "../cart.js";
import { Failure, ListStatus, MoreButton } from "../components/list-parts.js";
import { ProductCard, ProductSkeleton } from "../components/product-card.js";
import { takeFirstProducts } from "../first.js";
import { useFilter, useLoad, usePages } from "../hooks.js";
import { html, lazy, useEffect, useRef } from "../html.js";

const TYPING_MS = 200;
// On a slow line the products come first.
const CartPanel = lazy(async () => (await import("../components/cart-panel.js")).CartPanel);

export default function Shop({ route }) {
  const initial = {
    q: route.query.get("q") ?? "",
    in_stock: route.query.get("in_stock") && "true",
    category: route.query.get("category") ?? "",
  };
  const [filter, wanted, narrow] = useFilter("shop", initial, TYPING_MS);
  return html`
    <div class="shop">
      <div>
        <div class="title-row">
          <h1 tabindex="-1">Shop</h1>
          <button class="to-cart" type="button" onClick=${goToCart}>Go to the cart</button>
        </div>
        <${Filters} filter=${filter} narrow=${narrow} />
        <${Products} wanted=${wanted} />
      </div>
      <${CartPanel} />
    </div>`;
}

/** On narrow windows the cart stands below all products. */
function goToCart() {
  const title = document.getElementById("cart-title");
  title?.scrollIntoView();
  title?.focus();
}

function Filters({ filter, narrow }) {
  const { data: categories } = useLoad(listCategories, []);
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <input type="search" aria-label="Search the products" placeholder="Search the products"
          autocomplete="off" defaultValue=${filter.q}
             onInput=${(event) => narrow({ q: event.target.value.trim() })} />
      <label class="tick">
        <input type="checkbox" checked=${Boolean(filter.in_stock)}
               onChange=${(event) => narrow({ in_stock: event.target.checked ? "true" : "" })} />
        In stock only
      </label>
    </form>
    ${
      categories?.length > 0 &&
      html`
      <div class="chips" role="group" aria-label="Categories">
        ${[{ category: "" }, ...categories].map(
          ({ category }) => html`
            <button class="chip" type="button"
                aria-pressed=${String(filter.category === category)}
                    onClick=${() => narrow({ category })}>${category || "All"}</button>`,
        )}
      </div>`
    }`;
}

function Products({ wanted }) {
  const list = usePages((next) => takeFirstProducts() ?? listProducts(wanted, next), [wanted]);
  const grid = useRef();
  const { rows, firstNew } = list;
  // "Show more" goes on with the first product that is new; the button itself may be gone by then.
  useEffect(() => {
    if (firstNew) grid.current.children[rows.indexOf(firstNew)].querySelector("button").focus();
  }, [firstNew]);
  // What was bought just now is not left any more.
  const { paid } = useCart();
  const known = useRef(paid);
  useEffect(() => {
    if (paid && paid !== known.current) list.reload();
    known.current = paid;
  }, [paid]);
  const isEmpty = rows?.length === 0;
  const isNarrowed = Object.values(wanted).some(Boolean);
  return html`
    <${ListStatus} of=${list} rows=${rows} noun="product" />
    <ul class="cards" ref=${grid} aria-label="Products" aria-busy=${String(list.isLoading)}>
      ${
        rows
          ? rows.map((product) => html`<${ProductCard} key=${product.id} product=${product} />`)
          : list.isLoading && [...Array(6).keys()].map(() => html`<${ProductSkeleton} />`)
      }
    </ul>
    ${isEmpty && html`<p class="empty">${isNarrowed ? "No product matches." : "There are no products yet."}</p>`}
    <${Failure} what="The products cannot be shown right now" of=${list} />
    <${MoreButton} of=${list} />`;
}
