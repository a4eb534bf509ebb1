/**
 * What is asked for while most of the page is still on its way: the key is taken from the address,
 * and the first products are on a slow line a good part of a second earlier.
 */

import { listProducts } from "./api.js";
import { adoptKeyFromAddress, getKey } from "./session.js";

adoptKeyFromAddress();
const isShop = /^(#\/(shop)?)?$/.test(location.hash);
const key = getKey();
let products = isShop && key !== null ? listProducts({}) : null;
// Whoever takes them says what went wrong.
products?.catch(() => {});

/** The page of products that was asked for with this key, once; or null. */
export function takeFirstProducts() {
  const taken = key === getKey() ? products : null;
  products = null;
  return taken;
}
