/** A file of products: first looked at without changing anything, then imported whole or not at all. */

import { ApiError, importProducts } from "../api.js";
import { count } from "../format.js";
import { useAction } from "../hooks.js";
import { html, useRef, useState } from "../html.js";
import { say, warn } from "./notice.js";
import { Button } from "./button.js";
import { DataTable } from "./data-table.js";

const COLUMNS = [
  { label: "Line", isNumber: true, isHead: true, show: (problem) => problem.line },
  { label: "What", isWide: true, show: (problem) => problem.reason },
];

export function ImportPanel({ onImported }) {
  // `checked` is what the file would do, `refused` why it cannot be imported.
  const [{ checked, refused, done }, setResult] = useState({});
  const [act, isBusy] = useAction();
  const form = useRef();
  const forget = () => setResult({});
  const run = (isDryRun) =>
    act(async () => {
      const { file, set_stock: setStock } = form.current.elements;
      const [chosen] = file.files;
      forget();
      if (!(await isReadable(chosen))) {
        file.value = "";
        return warn("The file has changed since it was chosen: choose it again.");
      }
      try {
        const result = await importProducts(chosen, { isDryRun, setStock: setStock.checked });
        setResult(isDryRun ? { checked: result } : { done: result });
        if (!isDryRun) {
          say("Products imported.");
          onImported();
        }
      } catch (error) {
        if (error instanceof ApiError && Array.isArray(error.members.errors))
          setResult({ refused: error.members.errors });
        throw error;
      }
    }, "The file was not imported");
  return html`
    <form class="sheet import" ref=${form} aria-label="Import products"
          onSubmit=${(event) => (event.preventDefault(), run(true))}>
      <h2>Import products</h2>
      <p class="soft">A Shopify product export as it is. Nothing changes before you have seen what would happen.</p>
      <div class="filters">
        <label>File<input name="file" type="file" accept=".csv,text/csv" required onChange=${forget} /></label>
        <label class="tick"><input name="set_stock" type="checkbox" onChange=${forget} />Also set the stock of products that are known</label>
      </div>
      <div class="buttons">
        <${Button} kind=${checked ? "" : "main"} type="submit" isBusy=${isBusy}>Check the file<//>
        ${checked && html`<${Button} kind="main" isBusy=${isBusy} onClick=${() => run(false)}>Import it<//>`}
      </div>
      <div role="status">
        ${checked && html`<p>It would do this: <${Summary} result=${checked} /></p>`}
        ${done && html`<p>Done: <${Summary} result=${done} /></p>`}
        ${refused && html`<p class="failure">Nothing was imported: ${count(refused.length, "line is", "lines are")} wrong.</p>`}
      </div>
      ${refused && html`<${DataTable} caption="Lines that are wrong" columns=${COLUMNS} rows=${refused} toKey=${toKey} />`}
      ${
        (checked ?? done)?.notices.length > 0 &&
        html`<h3>Worth knowing</h3>
        <${DataTable} caption="Notices" columns=${COLUMNS} rows=${(checked ?? done).notices}
            toKey=${toKey} />`
      }
    </form>`;
}

/** A file that has changed on the disk since it was chosen can be neither read nor sent. */
async function isReadable(file) {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch (error) {
    if (error instanceof DOMException) return false;
    throw error;
  }
}

function Summary({ result: { created, updated, unchanged } }) {
  return html`<strong>${created} new, ${updated} changed, ${unchanged} as they are.</strong>`;
}

function toKey({ line, reason }) {
  return `${line} ${reason}`;
}
