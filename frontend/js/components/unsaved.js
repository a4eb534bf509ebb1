/** What was typed into an editor and is not saved is dropped only after a question. */

import { readAmount } from "../format.js";
import { html, useEffect, useState } from "../html.js";
import { getKey } from "../session.js";
import { Dialog } from "./dialog.js";

/**
 * [ask, question]: `ask(drop)` drops the editors that are open: at once, or if something was typed
 * there after the `question`, which has to stand on the page. A link to another page, the browser's
 * way back and leaving the dashboard are asked about as well.
 */
export function useUnsaved() {
  const [drop, setDrop] = useState(null);
  const close = () => setDrop(null);
  const ask = (work) => (hasTyped() ? setDrop(() => work) : work());
  useEffect(() => {
    const follow = (event) => {
      const link = event.target.closest("a[href^='#/']");
      // With one of these keys it opens elsewhere.
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey || !hasTyped()) return;
      event.preventDefault();
      ask(() => location.assign(link.hash));
    };
    // The way back or on; browsers that do not tell of it beforehand do not ask.
    const travel = (event) => {
      if (event.navigationType !== "traverse" || event.info === "asked") return;
      if (!event.cancelable || !hasTyped()) return;
      event.preventDefault();
      ask(() => navigation.traverseTo(event.destination.key, { info: "asked" }));
    };
    // Whoever has logged out is not asked any more.
    const leave = (event) => getKey() !== null && hasTyped() && event.preventDefault();
    addEventListener("click", follow);
    addEventListener("beforeunload", leave);
    globalThis.navigation?.addEventListener("navigate", travel);
    return () => {
      removeEventListener("click", follow);
      removeEventListener("beforeunload", leave);
      globalThis.navigation?.removeEventListener("navigate", travel);
    };
  }, []);
  const confirm = () => {
    close();
    drop();
  };
  const question =
    drop &&
    html`
    <${Dialog} title="Drop what was typed?" confirm="Drop it" isDanger=${true}
        onConfirm=${confirm} onClose=${close}>
      <p>It is not saved.</p>
    <//>`;
  return [ask, question];
}

function hasTyped() {
  return [...document.querySelectorAll(".editor :is(input, textarea)")].some(isChanged);
}

/** Space is tidied when it is saved, and an amount of 2,6 is one of 2.60. */
function isChanged({ inputMode, value, defaultValue }) {
  if (inputMode === "decimal") return readAmount(value) !== readAmount(defaultValue);
  return tidy(value) !== tidy(defaultValue);
}

function tidy(text) {
  return text.trim().replace(/\s+/g, " ");
}
