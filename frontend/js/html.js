/**
 * The template tag that all markup of the page comes from, and the hooks. It makes nodes, not
 * strings: a value is set as text or as an attribute, and is never parsed as markup.
 */

import { html, useLayoutEffect, useState } from "../vendor/htm-3.1.1/standalone.module.js";

export {
  html,
  render,
  useCallback,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
} from "../vendor/htm-3.1.1/standalone.module.js";

/** A component whose module is asked for when it is first shown; nothing stands there until then. */
export function lazy(load) {
  let Loaded = null;
  return function Lazy(props) {
    const [, redraw] = useState(false);
    useLayoutEffect(() => {
      if (!Loaded)
        orUnreachable(load()).then((component) => {
          Loaded = component;
          redraw(true);
        });
    }, []);
    return Loaded && html`<${Loaded} ...${props} />`;
  };
}

/**
 * The component that is loaded, or one that says that it cannot be. What a browser did not get it
 * does not ask for again before the whole page is loaded anew.
 */
export function orUnreachable(loading) {
  return loading.catch((error) => {
    // What fetching fails with. Anything else is a mistake of this page, and goes on.
    if (!(error instanceof TypeError)) throw error;
    return Unreachable;
  });
}

function Unreachable() {
  return html`
    <div class="failure" role="alert">
      <span>This cannot be shown right now: The shop cannot be reached.</span>
      <button type="button" onClick=${() => location.reload()}>Load the page again</button>
    </div>`;
}
