/** What the shop can be asked, one function an operation; all throw ApiError. */

import { ApiError, call, forgetUnsettled, post } from "./http.js";

export { ApiError };

const PAGE_SIZE = 24;
const NO_LIMIT_MS = 300_000;

/** A page of a list, {rows, next}; `next` is the query of the page after it, or null. */
async function list(path, params, next) {
  const { data, headers } = await call(
    "GET",
    path + (next ?? toQuery({ limit: PAGE_SIZE, ...params })),
  );
  return { rows: data, next: nextQuery(headers.get("Link")) };
}

async function get(path, options) {
  return (await call("GET", path, options)).data;
}

async function send(path, body, key) {
  return (await post(path, { body }, key)).data;
}

/** As `send`; `isReplay` says that the same was sent and done before, and the answer is of then. */
async function sendOnce(path, body) {
  const { data, headers } = await post(path, { body });
  return { ...data, isReplay: headers.has("Idempotent-Replayed") };
}

// Cart
export const getCart = async (userId) => (await get(`/cart/${segment(userId)}`)).cart;
export const getQuote = (userId) => get(`/cart/${segment(userId)}/quote`);
export const addToCart = (userId, productId) =>
  sendOnce(`/cart/${segment(userId)}/add${toQuery({ product_id: productId, quantity: 1 })}`);
export const setItem = async (userId, productId, quantity) => {
  const path = `/cart/${segment(userId)}/items/${productId}${toQuery({ quantity })}`;
  const { cart } = (await call("PUT", path)).data;
  forgetAdds(userId);
  return cart;
};
export const clearCart = async (userId) => {
  await call("DELETE", `/cart/${segment(userId)}/clear`);
  forgetAdds(userId);
};

/**
 * Whoever has done something else with the cart means another one by the next add. Another add is
 * not enough: of several whose answers were lost each is pressed again.
 */
const forgetAdds = (userId) => forgetUnsettled(`/cart/${segment(userId)}/add`);

// Catalog
export const listProducts = (params, next) => list("/catalog/products", params, next);
export const listCategories = () => get("/catalog/categories?limit=200");
/** Also those that are not sold any more. */
export const findProducts = async (ids) =>
  ids.length
    ? get(`/catalog/products${toQuery({ ids: [...new Set(ids)].join(","), archived: true })}`)
    : [];
export const createProduct = (product) => sendOnce("/catalog/products", product);
export const archiveProduct = (id) => call("DELETE", `/catalog/products/${id}`);
export const changeStock = (id, delta, reason) =>
  sendOnce(`/catalog/products/${id}/stock`, { delta, reason });
export const listMovements = (id, next) =>
  list(`/catalog/products/${id}/stock/history`, { limit: 10 }, next);
export const exportProducts = () => get("/catalog/products/export", { asBlob: true });

/** The product as it is now, {product, version}. */
export const getProduct = (id) => callForVersion("GET", id);

/** As it is then; throws an ApiError of status 412 if it has changed since `version` was read. */
export const updateProduct = (id, changes, version) =>
  callForVersion("PATCH", id, { body: changes, headers: { "If-Match": version } });

async function callForVersion(method, id, options) {
  const { data, headers } = await call(method, `/catalog/products/${id}`, options);
  return { product: data, version: headers.get("ETag") };
}

export const importProducts = async (file, { isDryRun, setStock }) => {
  const path = `/catalog/products/import${toQuery({ dry_run: isDryRun, set_stock: setStock })}`;
  const headers = { "Content-Type": "text/csv" };
  return (await post(path, { body: file, headers, timeoutMs: NO_LIMIT_MS, isDryRun })).data;
};

// Orders
export const listOrders = (params, next) => list("/orders", params, next);
export const getOrder = (id) => get(`/orders/${segment(id)}`);
export const getHistory = (id) => get(`/orders/${segment(id)}/history`);
export const moveOrder = (id, move, reason) =>
  send(`/orders/${segment(id)}/${move}`, reason ? { reason } : undefined);
export const getStats = (days) => get(`/orders/stats${toQuery({ days })}`);
export const exportOrders = (params) => get(`/orders/export${toQuery(params)}`, { asBlob: true });
/** Make an order of the user's cart; once, however often it is sent with the same key. */
export const checkOut = async (userId, key) => {
  const order = await send(`/orders${toQuery({ user_id: userId })}`, undefined, key);
  forgetAdds(userId);
  return order;
};

// Payments
export const listPayments = (orderId) => get(`/payments${toQuery({ order_id: orderId })}`);
export const listRefunds = (paymentId) => get(`/payments/${segment(paymentId)}/refunds`);
export const refundPayment = (paymentId, body) =>
  sendOnce(`/payments/${segment(paymentId)}/refund`, body);

/**
 * Pay an order; once, however often it is sent with the same key. `isPending` says that the order
 * itself has not been told yet, `isUnderWay` that it is not known yet how the payment ends.
 */
export async function pay(orderId, amount, key) {
  const { status, data } = await post(`/pay${toQuery({ order_id: orderId, amount })}`, {}, key);
  return { isPending: status === 202, isUnderWay: data.status === "PENDING" };
}

// Each app
export const getStatus = (app, timeoutMs) => get(`/admin/${app}/status`, { timeoutMs });
export const listOutbox = (app, params) => list(`/admin/${app}/outbox`, params);
export const retryMessage = (app, id) => send(`/admin/${app}/outbox/${id}/retry`);
/** The last report of the doctor, or null if it has not run yet. */
export async function findDoctorReport() {
  try {
    return await get("/admin/orders/doctor");
  } catch (error) {
    if (error.status === 404) return null;
    throw error;
  }
}

/** What is empty, false or not there is left out. */
function toQuery(params) {
  const filled = Object.entries(params ?? {}).filter(([, value]) => value || value === 0);
  return filled.length ? `?${new URLSearchParams(filled)}` : "";
}

/** In an address "." and ".." are folders and "/" ends one, however they are encoded. */
function segment(text) {
  if (text === "." || text === ".." || text.includes("/"))
    throw new ApiError(0, `"${text}" cannot be used as an id`);
  return encodeURIComponent(text);
}

/** The query alone is taken: the path in the header may be another one than this side of a proxy. */
function nextQuery(link) {
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/.exec(link ?? "")?.[1];
  return target ? new URL(target, location.href).search : null;
}
