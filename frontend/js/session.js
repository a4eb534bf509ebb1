/** What this tab remembers: the API key, the user id and each user's check-out that is open. */

const KEY = "shop.key";
const USER = "shop.user";
const CHECKOUT = "shop.checkout:";
const DEFAULT_USER = "demo-user";

/**
 * Take the key from an address that ends in #key=..., and remove it from there. A fragment is never
 * sent to the server, so the key is in no log; removed, it is in no bookmark and no copied address.
 */
export function adoptKeyFromAddress() {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key === null) return false;
  history.replaceState(null, "", location.pathname + location.search);
  sessionStorage.setItem(KEY, key);
  return true;
}

export function getKey() {
  return sessionStorage.getItem(KEY);
}

export function setKey(key) {
  sessionStorage.setItem(KEY, key);
}

export function getUserId() {
  return sessionStorage.getItem(USER) ?? DEFAULT_USER;
}

export function setUserId(userId) {
  sessionStorage.setItem(USER, userId);
}

/** {total, orderKey, payKey}, with {orderId, amount} once the order is there; or null. */
export function findCheckout(userId) {
  return JSON.parse(sessionStorage.getItem(CHECKOUT + userId));
}

export function saveCheckout(userId, checkout) {
  sessionStorage.setItem(CHECKOUT + userId, JSON.stringify(checkout));
}

export function forgetCheckout(userId) {
  sessionStorage.removeItem(CHECKOUT + userId);
}

export function forgetKey() {
  sessionStorage.removeItem(KEY);
}

export function forgetAll() {
  sessionStorage.clear();
}
