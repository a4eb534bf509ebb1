/** What stands around a list: how much there is, why it cannot be shown, the way to the next page. */

import { count } from "../format.js";
import { keepFocus } from "../hooks.js";
import { html } from "../html.js";
import { Button } from "./button.js";

/** `of` is what useLoad or usePages gives. */
export function Failure({ what, of }) {
  return html`
    <div class="failure" role="alert">
      ${
        of.error &&
        html`
        <span>${what}: ${of.error}.</span>
        <${Button} isBusy=${of.isLoading} onClick=${() => keepFocus(of.reload)}>Try again<//>`
      }
    </div>`;
}

export function MoreButton({ of }) {
  return (
    of.hasMore &&
    html`<${Button} kind="more" isBusy=${of.isBusy || of.isLoading} onClick=${of.more}>Show more<//>`
  );
}

/** How much there is, for screen readers alone; `of` is what usePages gives. */
export function ListStatus({ of, rows, noun }) {
  const known = rows && `${count(rows.length, noun)}${of.hasMore ? ", and more" : ""}`;
  return html`<p class="unseen" role="status">${of.isLoading ? `Loading the ${noun}s` : known}</p>`;
}

/** Stands in the place of what is not there yet. */
export function Loading({ what }) {
  return html`
    <p class="skeleton block" role="status"><span class="unseen">Loading ${what}</span></p>`;
}
