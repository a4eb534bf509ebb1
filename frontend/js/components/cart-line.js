/** One line of the cart, with its quantity and its removal. */

import { setQuantity } from "../cart-actions.js";
import { formatMoney } from "../format.js";
import { html } from "../html.js";
import { Button } from "./button.js";
import { Icon } from "./icon.js";
import { warn } from "./notice.js";

const MOST = 999;

export function CartLine({ line, isBusy }) {
  const { product_id: id, name, price, quantity } = line;
  const set = (wanted) => setQuantity(id, wanted);
  const type = (event) => {
    const wanted = Number(event.target.value);
    if (Number.isInteger(wanted) && wanted >= 1 && wanted <= MOST) return set(wanted);
    event.target.value = quantity;
    warn(`A quantity is a whole number from 1 to ${MOST}.`);
  };
  return html`
    <li class="line">
      <bdi class="name">${name}</bdi>
      <span class="sum">${price === null ? "" : formatMoney((quantity * Math.round(price * 100)) / 100)}</span>
      <span class="each">${price === null ? "price not known" : `${formatMoney(price)} each`}</span>
      <span class="stepper" role="group" aria-label=${`Quantity of ${name}`}>
        <${Button} kind="round" isBusy=${isBusy} disabled=${quantity <= 1} aria-label="One fewer"
                   onClick=${() => set(quantity - 1)}><${Icon} name="minus" /><//>
        <input type="number" min="1" max=${MOST} inputmode="numeric" value=${quantity}
               aria-label=${`Quantity of ${name}`} onChange=${type} readonly=${isBusy} />
        <${Button} kind="round" isBusy=${isBusy} disabled=${quantity >= MOST} aria-label="One more"
                   onClick=${() => set(quantity + 1)}><${Icon} name="plus" /><//>
        <${Button} kind="round quiet" isBusy=${isBusy} aria-label=${`Remove ${name}`}
                   onClick=${() => set(0)}><${Icon} name="remove" /><//>
      </span>
      ${line.isGone && html`<span class="flag is-bad">No longer sold</span>`}
      ${line.unverified && !line.isGone && html`<span class="flag">Not checked yet</span>`}
    </li>`;
}
