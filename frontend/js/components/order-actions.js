/** What can be done with an order in its state, each step after a question. */

import { moveOrder, pay, refundPayment } from "../api.js";
import { AMOUNT_FIELD, formatMoney, paymentWords, readAmount } from "../format.js";
import { useAction } from "../hooks.js";
import { html, useState } from "../html.js";
import { say } from "./notice.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";

const MOVES = {
  ship: { from: ["PAID"], label: "Ship", title: "Ship this order?", done: "Order shipped." },
  deliver: {
    from: ["SHIPPED"],
    label: "Mark as delivered",
    title: "Has this order arrived?",
    done: "Order delivered.",
  },
  cancel: {
    from: ["CREATED", "PAID"],
    label: "Cancel order",
    title: "Cancel this order?",
    done: "Order cancelled.",
    isDanger: true,
  },
};

/** `isUnderWay`: orders or payments have yet to learn what the other has done. */
export function OrderActions({ order, payments, isUnderWay, onChanged }) {
  const [asked, setAsked] = useState(null);
  const [act, isBusy] = useAction();
  const close = () => setAsked(null);
  // `work` resolves to what is then said.
  const run = (work, failure) =>
    act(async () => {
      try {
        say(await work());
      } finally {
        // Also after a refusal: it says that the order is not what the page shows.
        close();
        await onChanged();
      }
    }, failure);
  const payNow = () =>
    run(
      async () => paymentWords(order.order_id, await pay(order.order_id, order.total_amount)),
      `Order #${order.order_id} was not paid`,
    );
  const move = ({ reason }) =>
    run(async () => {
      await moveOrder(order.order_id, asked, reason.trim());
      return MOVES[asked].done;
    }, "The order was not changed");
  const refund = (body) =>
    run(async () => {
      const { status, isReplay } = await refundPayment(paid.payment.payment_id, body);
      if (isReplay) return "This refund had been asked for already.";
      return status === "SUCCEEDED" ? "Refund made." : "The refund is under way.";
    }, "Nothing was refunded");
  const moves = Object.entries(MOVES).filter(([, move]) => move.from.includes(order.status));
  const paid = payments?.find(({ payment, left }) => payment.status === "COMPLETED" && left > 0);
  const isUnpaid = order.status === "CREATED";
  const canRefund = paid && ["PAID", "SHIPPED", "DELIVERED"].includes(order.status);
  return html`
    ${
      isUnpaid &&
      isUnderWay &&
      html`<p class="soft">A payment is under way: there is no need to pay again.</p>`
    }
    <div class="buttons">
      ${
        isUnpaid &&
        !isUnderWay &&
        html`<${Button} kind="main" isBusy=${isBusy} onClick=${payNow}>Pay ${formatMoney(order.total_amount)}<//>`
      }
      ${moves.map(
        ([name, move]) => html`
          <${Button} kind=${move.isDanger ? "" : "main"} isBusy=${isBusy}
              onClick=${() => setAsked(name)}>${move.label}<//>`,
      )}
      ${canRefund && html`<${Button} isBusy=${isBusy} onClick=${() => setAsked("refund")}>Refund<//>`}
    </div>
    ${
      asked in MOVES &&
      html`<${MoveDialog} move=${MOVES[asked]} order=${order} isBusy=${isBusy} onClose=${close}
      onConfirm=${move} />`
    }
    ${
      asked === "refund" &&
      html`<${RefundDialog} paid=${paid} isBusy=${isBusy} onClose=${close}
      onConfirm=${refund} />`
    }`;
}

function MoveDialog({ move, order, ...rest }) {
  return html`
    <${Dialog} title=${move.title} confirm=${move.label} isDanger=${move.isDanger} ...${rest}>
      ${
        move.isDanger &&
        html`<p>Its stock goes back${order.paid_at && `, and ${formatMoney(order.total_amount)} is refunded`}. This cannot be undone.</p>`
      }
      <label>Reason (optional)<input name="reason" maxlength="500" autocomplete="off" /></label>
    <//>`;
}

function RefundDialog({ paid, onConfirm, ...rest }) {
  const [isPart, setPart] = useState(false);
  const confirm = ({ amount, reason }) =>
    onConfirm({
      ...(isPart && { amount: readAmount(amount) }),
      ...(reason.trim() && { reason: reason.trim() }),
    });
  return html`
    <${Dialog} title="Refund this order?" confirm="Refund" isDanger=${true} onConfirm=${confirm}
        ...${rest}>
      <p>${formatMoney(paid.left)} of this payment can still go back. A refund cannot be undone.</p>
      <fieldset class="choices">
        <legend>How much</legend>
        <label class="tick"><input type="radio" name="part" checked=${!isPart} onChange=${() => setPart(false)} />All of it</label>
        <label class="tick"><input type="radio" name="part" checked=${isPart} onChange=${() => setPart(true)} />A part</label>
      </fieldset>
      ${
        isPart &&
        html`<label>Amount<input name="amount" autocomplete="off" required ...${AMOUNT_FIELD} /></label>`
      }
      <label>Reason (optional)<input name="reason" maxlength="500" autocomplete="off" /></label>
    <//>`;
}
