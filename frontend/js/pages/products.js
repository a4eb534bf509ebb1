/** The catalogue's back office: search, what runs low, editing in the row, new products, files. */

import { exportProducts, listProducts } from "../api.js";
import { Button } from "../components/button.js";
import { DataTable } from "../components/data-table.js";
import { ImportPanel } from "../components/import-panel.js";
import { Failure, ListStatus, MoreButton } from "../components/list-parts.js";
import { NewProduct } from "../components/new-product.js";
import { ProductImage } from "../components/product-card.js";
import { ProductEditor } from "../components/product-editor.js";
import { useUnsaved } from "../components/unsaved.js";
import { saveFile } from "../download.js";
import { LOW_STOCK } from "../facts.js";
import { formatMoney } from "../format.js";
import { useAction, useFilter, usePages } from "../hooks.js";
import { html, useRef, useState } from "../html.js";

const TYPING_MS = 200;

export default function Products({ route }) {
  const initial = { q: route.query.get("q") ?? "", low: route.query.get("low") };
  const [filter, wanted, narrow] = useFilter("products", initial, TYPING_MS);
  const [opened, setOpened] = useState(null);
  // The search field, made anew by it, shows what the list was narrowed to.
  const [addedId, setAddedId] = useState(null);
  const list = usePages(
    (next) => listProducts({ q: wanted.q, max_stock: wanted.low ? LOW_STOCK : "" }, next),
    [wanted],
  );
  const [changed, setChanged] = useState(new Map());
  const edited = useRef(null);
  /** Show what has become of a product; null: it is archived. */
  const replace = (id, product) => {
    edited.current = product;
    setChanged((before) => new Map(before).set(id, { product, at: performance.now() }));
  };
  // A list that was asked for before a change may be answered after it.
  const rows = list.rows
    ?.map((row) => {
      const change = changed.get(row.id);
      return change?.at >= list.askedAt ? change.product : row;
    })
    .filter((row) => row !== null);
  // No search takes the row away that is edited: what is typed there may not be saved.
  const listed = rows?.find(({ id }) => id === opened);
  if (listed) edited.current = listed;
  else if (edited.current?.id === opened) rows?.unshift(edited.current);
  const [ask, question] = useUnsaved();
  const toggle = (name) => ask(() => setOpened(opened === name ? null : name));
  const added = ({ id, name }) => {
    setOpened(null);
    setAddedId(id);
    // In the list of all it stands last, which may be pages away.
    narrow({ q: name, low: "" });
  };
  return html`
    <h1 tabindex="-1">Products and stock</h1>
    <${Tools} key=${addedId} filter=${filter} narrow=${narrow} opened=${opened} toggle=${toggle} />
    ${opened === "new" && html`<${NewProduct} onAdded=${added} />`}
    ${opened === "import" && html`<${ImportPanel} onImported=${list.reload} />`}
    <${ListStatus} of=${list} rows=${rows} noun="product" />
    <${Failure} what="The products cannot be shown right now" of=${list} />
    <${DataTable} caption="Products" columns=${makeColumns(opened, toggle)} rows=${rows}
        firstNew=${list.firstNew} isLoading=${list.isLoading}
      toKey=${(product) => product.id}
      empty=${wanted.low ? `No product has ${LOW_STOCK} or fewer left.` : "No products here."}
      expand=${(product) =>
        opened === product.id &&
        html`<${ProductEditor} id=${product.id} onChanged=${(now) => replace(product.id, now)} />`} />
    <${MoreButton} of=${list} />
    ${question}`;
}

function Tools({ filter, narrow, opened, toggle }) {
  const [act, isBusy] = useAction();
  const save = () =>
    act(
      async () => saveFile({ blob: await exportProducts(), name: "products.csv" }),
      "The products cannot be exported right now",
    );
  return html`
    <form class="filters" role="search" onSubmit=${(event) => event.preventDefault()}>
    <input type="search" aria-label="Search the products" placeholder="Search the products"
        autocomplete="off" defaultValue=${filter.q}
             onInput=${(event) => narrow({ q: event.target.value.trim() })} />
      <label class="tick">
        <input type="checkbox" checked=${Boolean(filter.low)}
               onChange=${(event) => narrow({ low: event.target.checked ? "1" : "" })} />
        Low stock only
      </label>
      <span class="at-end">
        <button type="button" aria-expanded=${String(opened === "new")}
            onClick=${() => toggle("new")}>Add a product</button>
        <button type="button" aria-expanded=${String(opened === "import")}
            onClick=${() => toggle("import")}>Import CSV</button>
        <${Button} isBusy=${isBusy} onClick=${save}>Export CSV<//>
      </span>
    </form>`;
}

function makeColumns(opened, toggle) {
  return [
    {
      label: "Product",
      isHead: true,
      isWide: true,
      show: (product) => html`
        <span class="with-image"><${ProductImage} product=${product} />
          <span><bdi>${product.name}</bdi><span class="soft small"> #${product.id}</span></span>
        </span>`,
    },
    { label: "SKU", show: ({ sku }) => sku },
    { label: "Category", show: ({ category }) => category },
    { label: "Price", isNumber: true, show: ({ price }) => formatMoney(price) },
    {
      label: "Stock",
      isNumber: true,
      show: ({ stock }) =>
        stock > LOW_STOCK
          ? stock
          : html`<span class=${stock === 0 ? "flag is-bad" : "flag"}>${stock} left</span>`,
    },
    {
      label: "Edit",
      isBare: true,
      show: ({ id, name }) => html`
        <button type="button" aria-expanded=${String(opened === id)} onClick=${() => toggle(id)}>
          ${opened === id ? "Close" : "Edit"}<span class="unseen"> ${name}</span>
        </button>`,
    },
  ];
}
