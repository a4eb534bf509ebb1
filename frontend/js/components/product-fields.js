/** The fields of a product, for one that is new and one that is changed; and what is typed there. */

import { AMOUNT_FIELD, readAmount } from "../format.js";
import { html } from "../html.js";

/** `problems` are the API's, field to messages. */
export function ProductFields({ product = {}, problems = {} }) {
  const field = (name, label, { isWide, ...attributes } = {}) => html`
    <label class=${isWide ? "is-wide" : ""}>${label}
      <input name=${name} defaultValue=${showValue(product[name])} autocomplete="off"
             aria-invalid=${problems[name] ? "true" : undefined} ...${attributes} />
      ${problems[name] && html`<span class="problem" role="alert">${problems[name].join(" ")}</span>`}
    </label>`;
  return html`
    ${field("name", "Name", { required: true, maxlength: 500, isWide: true })}
    ${field("price", "Price", { required: true, ...AMOUNT_FIELD })}
    ${field("sku", "SKU")}
    ${field("category", "Category")}
    ${field("image_url", "Address of the image, with https://", { type: "url", isWide: true })}
    <label class="is-wide">Description
      <textarea name="description" rows="3" defaultValue=${product.description ?? ""}></textarea>
    </label>`;
}

/** A price as prices are written: 2.60. */
export function showValue(value) {
  return typeof value === "number" ? value.toFixed(2) : (value ?? "");
}

export function readFields(form) {
  const fields = Object.fromEntries(new FormData(form));
  return { ...fields, price: readAmount(fields.price) };
}
