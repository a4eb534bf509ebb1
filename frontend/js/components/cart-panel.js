/** The cart: whose it is, its lines, the total, the way to an order, and what came of it. */

import { loadCart, readLines, sumUp, useCart } from "../cart.js";
import { cancelOpenOrder, checkOut, clearCart, lookAtOpenOrder } from "../cart-actions.js";
import { formatMoney } from "../format.js";
import { usePolling } from "../hooks.js";
import { html, useEffect, useRef } from "../html.js";
import { toHref } from "../router.js";
import { findCheckout } from "../session.js";
import { Button } from "./button.js";
import { CartLine } from "./cart-line.js";
import { Icon } from "./icon.js";
import { UserForm } from "./user-form.js";

// While the catalogue does not answer.
const LOOK_AGAIN_MS = 3000;

export function CartPanel() {
  const state = useCart();
  const { userId, paid, isBusy } = state;
  const lines = readLines(state);
  const open = findCheckout(userId);
  const block = open ? "" : findBlock(state, lines);
  const title = useRef();
  // When a line is gone, with the button that was used, the focus must not be lost.
  const shown = useRef(0);
  useEffect(() => {
    if (lines.length < shown.current && document.activeElement === document.body)
      title.current.focus({ preventScroll: true });
    shown.current = lines.length;
  }, [lines.length]);
  useEffect(() => {
    lookAtOpenOrder();
  }, [userId]);
  const hasLines = lines.length > 0;
  const isUnsure =
    hasLines &&
    (state.offers === null || lines.some((line) => line.unverified || line.isUnpriced));
  usePolling(async () => isUnsure && !isBusy && loadCart(), LOOK_AGAIN_MS, [isUnsure, isBusy]);
  return html`
    <section class="cart sheet" id="cart" aria-labelledby="cart-title">
      <h2 id="cart-title" tabindex="-1" ref=${title}>Cart <span class="owner">of ${userId}</span></h2>
      <${Paid} paid=${paid} />
      <${Note} state=${state} />
      <ul class="lines" aria-label="Cart">
        ${lines.map((line) => html`<${CartLine} key=${line.product_id} line=${line} isBusy=${isBusy} />`)}
      </ul>
      ${
        hasLines &&
        html`<p class="total"><span>Subtotal</span><strong>${formatTotal(lines)}</strong></p>`
      }
      <p class="hint" id="cart-hint" role="status">${block || openHint(open)}</p>
      <div class="buttons">
        ${
          (hasLines || open) &&
          html`<${Button} kind="main" isBusy=${isBusy} disabled=${block !== ""}
                        aria-describedby="cart-hint" onClick=${checkOut}>
          Check out
        <//>`
        }
        ${
          open?.orderId &&
          html`<${Button} kind="quiet" isBusy=${isBusy} onClick=${cancelOpenOrder}>Cancel the order<//>`
        }
        ${
          (isUnsure || state.problem) &&
          html`<${Button} isBusy=${isBusy} onClick=${loadCart}>Check again<//>`
        }
        ${hasLines && html`<${Button} kind="quiet" isBusy=${isBusy} onClick=${clearCart}>Clear cart<//>`}
      </div>
      <${UserForm} />
    </section>`;
}

function Note({ state: { lines, problem } }) {
  const isLoading = lines === null && !problem;
  const text = problem || (isLoading ? "Loading…" : lines?.length === 0 && "The cart is empty.");
  return html`<p class="empty" role="status">${text}</p>`;
}

function Paid({ paid }) {
  return (
    paid &&
    html`
      <div class="paid">
        <${Icon} name="check" />
        <p>
          ${paid.isPending ? "Payment recorded." : "Paid. Thank you!"}${" "}
          <a href=${toHref("orders", paid.orderId)}>See the order</a>
        </p>
      </div>`
  );
}

function formatTotal(lines) {
  const total = sumUp(lines);
  return total === null ? "not known" : formatMoney(total);
}

/** Why this cart cannot be ordered as it is, or "". */
function findBlock({ offers }, lines) {
  if (lines.length === 0) return "";
  if (lines.some((line) => line.isGone)) return "A product is no longer sold. Remove it to go on.";
  if (offers === null)
    return "The prices cannot be checked right now. The cart is kept, and checked again in a moment.";
  if (sumUp(lines) === null) return "Waiting for the prices…";
  const short = lines.find((line) => line.quantity > line.stock);
  if (!short) return "";
  return short.stock === 0
    ? html`<bdi>${short.name}</bdi> is sold out. Remove it to go on.`
    : html`Only ${short.stock} of <bdi>${short.name}</bdi> left. Take fewer to go on.`;
}

/** What the button does while a check-out is open: it goes on with that one first. */
function openHint(open) {
  if (!open) return "";
  if (!open.orderId) return "The last check-out was not answered. Check out goes on with it.";
  return `Order #${open.orderId} of ${formatMoney(open.amount)} is not paid. Check out pays it.`;
}
