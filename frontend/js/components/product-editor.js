/**
 * A product edited where it stands. What is saved is meant for the version that was read: if
 * somebody else has changed it meanwhile, both are shown, and nothing is overwritten unasked.
 */

import { archiveProduct, getProduct, updateProduct } from "../api.js";
import { formatMoney } from "../format.js";
import { useAction, useLoad } from "../hooks.js";
import { html, useRef, useState } from "../html.js";
import { say, warn } from "./notice.js";
import { Button } from "./button.js";
import { Dialog } from "./dialog.js";
import { Failure, Loading } from "./list-parts.js";
import { ProductFields, readFields, showValue } from "./product-fields.js";
import { StockPanel } from "./stock-panel.js";

const LABELS = {
  name: "Name",
  price: "Price",
  sku: "SKU",
  category: "Category",
  image_url: "Image",
  description: "Description",
};

/** `onChanged(product)` is told what it is now, null once it is archived. */
export function ProductEditor({ id, onChanged }) {
  const read = useLoad(() => getProduct(id), [id]);
  return html`
    <${Failure} what="The product cannot be shown right now" of=${read} />
    ${!read.data && read.isLoading && html`<${Loading} what="the product" />`}
    ${
      read.data &&
      html`
      <div class="columns">
        <${EditForm} id=${id} key=${read.data.version} read=${read.data} onChanged=${onChanged} />
        <${StockPanel} id=${id} stock=${read.data.product.stock}
          onChanged=${onChanged} />
      </div>`
    }`;
}

function EditForm({ id, read, onChanged }) {
  // `base` is what the form began with, `theirs` what somebody else has made of it since.
  const [{ base, theirs }, setVersions] = useState({ base: read, theirs: null });
  const [problems, setProblems] = useState({});
  const [isAsked, setAsked] = useState(false);
  const [act, isBusy] = useAction();
  const form = useRef();
  const save = (over) =>
    act(async () => {
      setProblems({});
      const changes = findChanges(readFields(form.current), over.product);
      if (Object.keys(changes).length === 0) return say("There is nothing to save.");
      try {
        const saved = await updateProduct(id, changes, over.version);
        setVersions({ base: saved, theirs: null });
        onChanged(saved.product);
        say(html`<bdi>${saved.product.name}</bdi> saved.`);
      } catch (error) {
        if (error.status !== 412) {
          setProblems(error.members?.errors ?? {});
          throw error;
        }
        setVersions({ base, theirs: await getProduct(id) });
        warn("Not saved: somebody else has changed this product meanwhile");
      }
    }, "The product was not saved");
  const takeTheirs = () =>
    act(() => {
      for (const name of Object.keys(LABELS))
        form.current.elements[name].value = showValue(theirs.product[name]);
      onChanged(theirs.product);
      setVersions({ base: theirs, theirs: null });
      // The button that was used is gone.
      form.current.querySelector("[type=submit]").focus();
    });
  const archive = () =>
    act(async () => {
      await archiveProduct(id);
      say(html`<bdi>${base.product.name}</bdi> is no longer sold.`);
      onChanged(null);
    }, "The product was not archived");
  return html`
    <form class="editor" ref=${form} aria-label=${`Edit ${base.product.name}`}
          onSubmit=${(event) => (event.preventDefault(), save(theirs ?? base))}>
      <${ProductFields} product=${base.product} problems=${problems} />
      ${theirs && html`<${Conflict} base=${base.product} theirs=${theirs.product} />`}
      <div class="buttons is-wide">
        <${Button} kind="main" type="submit"
            isBusy=${isBusy}>${theirs ? "Save mine over theirs" : "Save"}<//>
        ${theirs && html`<${Button} isBusy=${isBusy} onClick=${takeTheirs}>Take theirs<//>`}
        <${Button} kind="quiet" isBusy=${isBusy} onClick=${() => setAsked(true)}>Stop selling<//>
      </div>
    </form>
    ${
      isAsked &&
      html`
      <${Dialog} title="Stop selling this product?" confirm="Stop selling" isDanger=${true}
          isBusy=${isBusy}
                 onConfirm=${archive} onClose=${() => setAsked(false)}>
        <p><bdi>${base.product.name}</bdi> leaves the shop; its history stays.</p>
      <//>`
    }`;
}

function Conflict({ base, theirs }) {
  const names = Object.keys(LABELS).filter((name) => theirs[name] !== base[name]);
  const show = (name, value) => (name === "price" ? formatMoney(value) : value || "nothing");
  return html`
    <div class="conflict is-wide" role="alert">
      <p>Somebody else has changed this product since you opened it. Nothing was overwritten.</p>
      <ul>
        ${names.map(
          (name) => html`
            <li>
              ${LABELS[name]} is now <strong><bdi>${show(name, theirs[name])}</bdi></strong>, was${" "}
              <bdi>${show(name, base[name])}</bdi>
            </li>`,
        )}
      </ul>
    </div>`;
}

/** Only what is different is sent: what somebody else has changed besides stays. */
function findChanges(fields, product) {
  return Object.fromEntries(
    Object.keys(LABELS)
      .filter((name) => fields[name] !== product[name])
      .map((name) => [name, fields[name]]),
  );
}
