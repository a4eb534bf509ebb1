/** A button that stays where the focus is while its action runs. */

import { html } from "../html.js";

/**
 * A disabled button would lose the focus, so one that is busy is only said to be disabled; a
 * click then does nothing. `disabled` is for what cannot be done at all.
 */
export function Button({ isBusy, onClick, kind = "", type = "button", children, ...rest }) {
  const press = (event) => {
    if (isBusy) event.preventDefault();
    else onClick?.(event);
  };
  return html`
    <button class=${kind} type=${type} aria-disabled=${isBusy ? "true" : undefined}
        onClick=${press} ...${rest}>
      ${children}
    </button>`;
}
