/** One product in the shop window, its picture, and the shape that stands in its place at first. */

import { addToCart, useCart } from "../cart.js";
import { formatMoney } from "../format.js";
import { html, useState } from "../html.js";
import { Button } from "./button.js";

const FEW = 5;
const TINTS = 6;

export function ProductCard({ product }) {
  const { isBusy } = useCart();
  const { id, name, price, stock, category, description } = product;
  return html`
    <li class=${stock > 0 ? "card" : "card is-out"}>
      <${ProductImage} product=${product} />
      <h2 class="card-name" id=${`product-${id}`} title=${description.slice(0, 300)}>${name}</h2>
      ${category && html`<p class="card-category">${category}</p>`}
      <p class="price">${formatMoney(price)}</p>
      <${Stock} stock=${stock} />
      <${Button} kind="main" isBusy=${isBusy} disabled=${stock === 0}
                 aria-describedby=${`product-${id}`} onClick=${() => addToCart(product)}>Add to Cart<//>
    </li>`;
}

function Stock({ stock }) {
  if (stock === 0) return html`<p class="stock"><span class="flag is-bad">Out of stock</span></p>`;
  if (stock <= FEW) return html`<p class="stock"><span class="flag">Only ${stock} left</span></p>`;
  return html`<p class="stock">${stock} in stock</p>`;
}

export function ProductSkeleton() {
  return html`
    <li class="card" aria-hidden="true">
      <span class="tile skeleton"></span>
      <span class="skeleton line-of-text"></span>
      <span class="skeleton line-of-text is-short"></span>
      <span class="skeleton line-of-text is-button"></span>
    </li>`;
}

/** The picture; without one, or if it cannot be loaded, a tile with the first letter. */
export function ProductImage({ product: { id, name, image_url } }) {
  const [isBroken, setBroken] = useState(false);
  // The policy of the page takes pictures from https alone.
  if (image_url?.startsWith("https://") && !isBroken)
    return html`<img class="tile" src=${image_url} alt="" loading="lazy" onError=${() => setBroken(true)} />`;
  return html`<span class="tile" data-tint=${id % TINTS} aria-hidden="true">${firstLetter(name)}</span>`;
}

/** By characters, not by code units: an emoji is one of the former and two of the latter. */
function firstLetter(name) {
  return [...name.trim()][0]?.toUpperCase() ?? "?";
}
