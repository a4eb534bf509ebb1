/** The shop's API: the only module that calls fetch. Nothing here touches the page. */

import { getKey } from "./session.js";

const TIMEOUT_MS = 30_000;
const PAGE_SIZE = 24;

let keyRefused = () => {};

/** A call that failed. `message` has no full stop at its end; `status` is 0 if nobody answered. */
export class ApiError extends Error {
  constructor(status, message, members = {}) {
    super(message.replace(/\.$/, ""));
    this.name = "ApiError";
    this.status = status;
    this.members = members;
  }

  /** The same request was sent before and is still being answered. */
  get isRunning() {
    return this.status === 409 && this.message.endsWith("is still running");
  }
}

/** Have `handler(message)` called whenever the key is refused, whichever call it was. */
export function whenKeyRefused(handler) {
  keyRefused = handler;
}

/** A page of products and the query of the page after it, or null. */
export async function listProducts(query = `?limit=${PAGE_SIZE}`) {
  const { data, headers } = await call("GET", `/catalog/products${query}`);
  return { products: data, next: nextQuery(headers.get("Link")) };
}

export async function findProducts(ids) {
  const { data } = await call("GET", `/catalog/products?ids=${ids.join(",")}&limit=${ids.length}`);
  return data;
}

export async function getCart(userId) {
  const { data } = await call("GET", `/cart/${segment(userId)}`);
  return data.cart;
}

export async function addToCart(userId, productId, quantity = 1) {
  const query = new URLSearchParams({ product_id: productId, quantity });
  const { data } = await call("POST", `/cart/${segment(userId)}/add?${query}`);
  return data.cart;
}

export async function clearCart(userId) {
  await call("DELETE", `/cart/${segment(userId)}/clear`);
}

/** Make an order of the user's cart; once, however often it is sent with the same key. */
export async function checkOut(userId, key) {
  const { data } = await call("POST", `/orders?${new URLSearchParams({ user_id: userId })}`, key);
  return data;
}

export async function getOrder(orderId) {
  const { data } = await call("GET", `/orders/${segment(orderId)}`);
  return data;
}

/**
 * Pay an order; once, however often it is sent with the same key. `isPending` says that the order
 * itself has not been told yet, `isUnderWay` that it is not known yet how the payment ends.
 */
export async function pay(orderId, amount, key) {
  const query = new URLSearchParams({ order_id: orderId, amount });
  const { status, data } = await call("POST", `/pay?${query}`, key);
  return { isPending: status === 202, isUnderWay: data.status === "PENDING" };
}

/** In an address "." and ".." are folders and "/" ends one, however they are encoded. */
function segment(text) {
  if (text === "." || text === ".." || text.includes("/"))
    throw new ApiError(0, `"${text}" cannot be used as an id`);
  return encodeURIComponent(text);
}

async function call(method, path, idempotencyKey) {
  const response = await send(method, path, idempotencyKey);
  const data = await response.json().catch(() => null);
  if (response.ok && data !== null)
    return { status: response.status, data, headers: response.headers };
  const detail =
    data?.detail ?? `The shop gave an answer that this page cannot read (${response.status})`;
  if (response.status === 401) keyRefused(detail);
  throw new ApiError(response.status, detail, data ?? {});
}

async function send(method, path, idempotencyKey) {
  const headers = { Accept: "application/json", "X-API-Key": getKey() ?? "" };
  if (idempotencyKey) headers["Idempotency-Key"] = idempotencyKey;
  try {
    return await fetch(`/api${path}`, {
      method,
      headers,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
  } catch (error) {
    if (error.name === "TimeoutError") throw new ApiError(0, "The shop did not answer in time");
    throw new ApiError(0, "The shop cannot be reached");
  }
}

/** The query alone is taken: the path in the header may be another one than this side of a proxy. */
function nextQuery(link) {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link ?? "")?.[1];
  return target ? new URL(target, location.href).search : null;
}
