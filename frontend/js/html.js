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
        load().then((component) => {
          Loaded = component;
          redraw(true);
        });
    }, []);
    return Loaded && html`<${Loaded} ...${props} />`;
  };
}
