/** A form for a product that is new. */

import { createProduct } from "../api.js";
import { useAction } from "../hooks.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { say } from "./notice.js";
import { Button } from "./button.js";
import { ProductFields, readFields } from "./product-fields.js";

/** `onAdded(product)` is told what it is now. */
export function NewProduct({ onAdded }) {
  const [problems, setProblems] = useState({});
  const [act, isBusy] = useAction();
  const form = useRef();
  useEffect(() => form.current.querySelector("input").focus(), []);
  const submit = (event) => {
    event.preventDefault();
    const fields = readFields(form.current);
    act(async () => {
      try {
        const added = await createProduct({ ...fields, stock: Number(fields.stock) });
        say(html`<bdi>${added.name}</bdi> ${added.isReplay ? "had been added already" : "added"}.`);
        onAdded(added);
      } catch (error) {
        setProblems(error.members?.errors ?? {});
        throw error;
      }
    }, "The product was not added");
  };
  return html`
    <form class="sheet editor" ref=${form} onSubmit=${submit} aria-label="Add a product">
      <h2 class="is-wide">A new product</h2>
      <${ProductFields} problems=${problems} />
      <label>Stock<input name="stock" type="number" min="0" step="1" required defaultValue="0" /></label>
      <div class="buttons is-wide"><${Button} kind="main" type="submit" isBusy=${isBusy}>Add the product<//></div>
    </form>`;
}
