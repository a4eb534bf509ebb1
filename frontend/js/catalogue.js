/** The products that this page has seen: carts hold ids and quantities only. */

import { findProducts } from "./api.js";

const products = new Map();

export function learn(list) {
  for (const product of list) products.set(product.id, product);
}

/** The product as it was last seen, null if it is not sold, undefined if it was never asked for. */
export function findKnown(productId) {
  return products.get(productId);
}

/** Ask for the present names and prices of these ids. Throws ApiError. */
export async function refresh(ids) {
  if (ids.length === 0) return;
  const found = await findProducts(ids);
  for (const id of ids) products.set(id, null);
  learn(found);
}
