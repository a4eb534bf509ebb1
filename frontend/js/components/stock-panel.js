/** The stock of a product: adjust it with a reason, and see how it came to be. */

import { changeStock, listMovements } from "../api.js";
import { formatTime, shortId } from "../format.js";
import { useAction, usePages } from "../hooks.js";
import { html, useRef, useState } from "../html.js";
import { say } from "./notice.js";
import { toHref } from "../router.js";
import { Button } from "./button.js";
import { DataTable } from "./data-table.js";
import { Failure, MoreButton } from "./list-parts.js";

const COLUMNS = [
  {
    label: "Change",
    isNumber: true,
    isHead: true,
    show: ({ delta }) => (delta > 0 ? `+${delta}` : `−${-delta}`),
  },
  { label: "Stock", isNumber: true, show: (movement) => movement.stock_after },
  {
    label: "Reason",
    isWide: true,
    show: ({ reason, order_id: id }) => html`
      ${reason}${id && html`${" "}<a class="mono" href=${toHref("orders", id)}>${shortId(id)}</a>`}`,
  },
  { label: "When", show: (movement) => formatTime(movement.created_at) },
];

export function StockPanel({ id, stock, onChanged }) {
  const [now, setNow] = useState(stock);
  const history = usePages((next) => listMovements(id, next), [id]);
  const [act, isBusy] = useAction();
  const form = useRef();
  const submit = (event) => {
    event.preventDefault();
    const { delta, reason } = Object.fromEntries(new FormData(form.current));
    act(async () => {
      const product = await changeStock(id, Number(delta), reason.trim());
      form.current.reset();
      setNow(product.stock);
      onChanged(product);
      const done = product.isReplay ? "The stock had been changed already" : "Stock changed";
      say(html`${done}: ${product.stock} of <bdi>${product.name}</bdi>.`);
      await history.reload();
    }, "The stock was not changed");
  };
  return html`
    <div class="stock-panel">
      <form class="editor" ref=${form} onSubmit=${submit} aria-label="Adjust the stock">
        <h2 class="is-wide">Stock: ${now}</h2>
        <label>Add or take away<input name="delta" type="number" step="1" required placeholder="-2" /></label>
        <label>Reason<input name="reason" required maxlength="200" autocomplete="off" placeholder="counted, broken, delivered" /></label>
        <div class="buttons is-wide"><${Button} type="submit" isBusy=${isBusy}>Adjust the stock<//></div>
      </form>
      <h3>History of the stock</h3>
      <${Failure} what="The history cannot be shown right now" of=${history} />
      <${DataTable} caption="History of the stock" columns=${COLUMNS} rows=${history.rows}
          firstNew=${history.firstNew} isLoading=${history.isLoading}
                    toKey=${(movement) => movement.id} empty="The stock has never changed." />
      <${MoreButton} of=${history} />
    </div>`;
}
