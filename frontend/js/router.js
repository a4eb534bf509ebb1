/** Which page is shown: the part of the address after "#/", as in "#/orders/6f1c?status=PAID". */

import { useEffect, useState } from "./html.js";

/** {page, id, query} of the present address; what is no route of ours is the shop. */
function readRoute() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [page, id] = path.split("/");
  return { page: page || "shop", id: id ? decode(id) : null, query: new URLSearchParams(query) };
}

export function toHref(page, id, params) {
  const filled = Object.entries(params ?? {}).filter(([, value]) => value);
  const query = filled.length ? `?${new URLSearchParams(filled)}` : "";
  return `#/${page}${id ? `/${encodeURIComponent(id)}` : ""}${query}`;
}

/** The addresses of filtered pages as they were last shown. */
const lastHrefs = new Map();

export function toLastHref(page) {
  return lastHrefs.get(page) ?? toHref(page);
}

/**
 * Change the address of this page without leaving it, so that a reload shows the same. Not once
 * somebody has clicked a link: the page is left only a moment after the address says so.
 */
export function replaceQuery(page, params) {
  const route = readRoute();
  if (route.page !== page || route.id !== null) return;
  const href = toHref(page, null, params);
  lastHrefs.set(page, href);
  // The address that the shop is opened with has no "#/shop", and needs none.
  const isSame = (href.split("?")[1] ?? "") === String(route.query);
  if (!isSame) history.replaceState(null, "", href);
}

/** A route of its own for each address that is gone to, also one with another query alone. */
export function useRoute() {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const follow = () => setRoute(readRoute());
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
