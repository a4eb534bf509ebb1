/** What stands below a list: why it cannot be shown, and the way to the next page. */

import { html } from "../html.js";
import { Button } from "./button.js";

/** `of` is what useLoad or usePages gives. */
export function Failure({ what, of }) {
  return html`
    <div class="failure" role="alert">
      ${of.error &&
      html`
        <span>${what}: ${of.error}.</span>
        <${Button} isBusy=${of.isLoading} onClick=${of.reload}>Try again<//>`}
    </div>`;
}

export function MoreButton({ of }) {
  return (
    of.hasMore &&
    html`<${Button} kind="more" isBusy=${of.isBusy || of.isLoading} onClick=${of.more}>Show more<//>`
  );
}
