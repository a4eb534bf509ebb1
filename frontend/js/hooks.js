/** What pages do with the API: load, page through a list, act once, ask again and again. */

import { ApiError, findProducts } from "./api.js";
import { useCallback, useEffect, useLayoutEffect, useRef, useState } from "./html.js";
import { clearNotice, warn } from "./components/notice.js";
import { replaceQuery } from "./router.js";

/**
 * Load when `deps` change. {data, askedAt, error, isLoading, reload}; `data` stays while it loads
 * again, and if that fails unless it was of other deps. `askedAt`, on the clock of
 * performance.now(): whatever changed after it, `data` may not know.
 */
export function useLoad(load, deps) {
  const [state, setState] = useState({ isLoading: true });
  const latest = useRef(0);
  const reload = useCallback(async () => {
    const own = (latest.current += 1);
    const askedAt = performance.now();
    setState((before) => ({ ...before, isLoading: true }));
    try {
      const data = await load();
      if (own === latest.current) setState({ of: load, data, askedAt, isLoading: false });
    } catch (error) {
      const message = inWords(error);
      if (own !== latest.current) return;
      setState((before) => {
        const kept = before.of === load ? before : {};
        return { ...kept, error: message, isLoading: false };
      });
    }
  }, deps);
  // Before the first paint: on a slow line each frame counts.
  useLayoutEffect(() => {
    reload();
    return () => {
      latest.current += 1;
    };
  }, [reload]);
  return { ...state, reload };
}

/**
 * A list by pages: `load(next)` resolves to {rows, next}. {rows, firstNew, hasMore, more,
 * ...useLoad}; `firstNew` is the row that the last `more` has begun with.
 */
export function usePages(load, deps) {
  const first = useLoad(() => load(null), deps);
  // The pages after the first, with the first page that they follow: one that was asked for before
  // the list changed is no part of what is shown now.
  const [later, setLater] = useState({ of: null });
  const [act, isBusy] = useAction();
  const further = later.of === first.data ? later : { rows: [], next: first.data?.next };
  const more = () =>
    act(async () => {
      const { rows: added, next } = await load(further.next);
      setLater({ of: first.data, rows: [...further.rows, ...added], next, firstNew: added[0] });
    }, "The list cannot go on right now");
  const rows = first.data && [...first.data.rows, ...further.rows];
  const { next, firstNew } = further;
  return { ...first, rows, firstNew, hasMore: Boolean(next), more, isBusy };
}

/**
 * [act, isBusy]: `act(work, failure)` does nothing while an action is under way, so a double click
 * is one; what the API refuses is said in words after `failure`, and where it is not known what
 * became of it, that. Resolves to what `work` does, or undefined.
 */
export function useAction() {
  const [isBusy, setBusy] = useState(false);
  const isRunning = useRef(false);
  const act = useCallback(async (work, failure) => {
    if (isRunning.current) return undefined;
    isRunning.current = true;
    setBusy(true);
    clearNotice();
    try {
      return await keepFocus(work);
    } catch (error) {
      const message = inWords(error);
      // A refused key has led back to the form already, which says so.
      const start = error.isUnknown ? "It is not known whether this was done" : failure;
      if (error.status !== 401) warn(`${start}: ${message}.`);
      return undefined;
    } finally {
      isRunning.current = false;
      setBusy(false);
    }
  }, []);
  return [act, isBusy];
}

/** Do `work`; if what had the focus is gone by then and nothing has it, the heading gets it. */
export async function keepFocus(work) {
  const used = document.activeElement;
  try {
    return await work();
  } finally {
    // Once what came of it is drawn.
    requestAnimationFrame(() => {
      if (!used.isConnected && document.activeElement === document.body)
        document.querySelector("h1")?.focus({ preventScroll: true });
    });
  }
}

/** Call `ask()` now and `everyMs` after each end, while the page is there and can be seen. */
export function usePolling(ask, everyMs, deps) {
  useEffect(() => {
    let isOver = false;
    let timer;
    const again = async () => {
      if (!document.hidden) await ask();
      if (!isOver) timer = setTimeout(again, everyMs);
    };
    again();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, deps);
}

/** Gives the names of products by id; meanwhile, and of those that nobody knows, the id. */
export function useNames(ids) {
  const { data } = useLoad(() => findProducts(ids), [ids.join()]);
  const names = new Map((data ?? []).map((product) => [product.id, product.name]));
  return (id) => names.get(id) ?? `Product ${id}`;
}

/**
 * [filter, wanted, narrow]: what a page's list is narrowed to, and the same once nobody has changed
 * it for so long, which stands in the address too; `narrow(changes)` changes it.
 */
export function useFilter(page, initial, forMs) {
  const [filter, setFilter] = useState(initial);
  const wanted = useSettled(filter, forMs);
  useEffect(() => replaceQuery(page, wanted), [wanted]);
  const narrow = (changes) => setFilter((before) => ({ ...before, ...changes }));
  return [filter, wanted, narrow];
}

/** `value`, once it has been the same for so long. */
function useSettled(value, forMs) {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), forMs);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}

/** The API's words. Anything but its errors is a mistake of this page, and goes on. */
function inWords(error) {
  if (!(error instanceof ApiError)) throw error;
  return error.message;
}
