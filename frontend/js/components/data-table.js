/**
 * The one table: what it shows is said by `columns`, [{label, show(row), isHead, isNumber, isWide}].
 * On narrow windows each row becomes a card, by CSS alone; the roles are said because changing
 * `display` takes them away.
 */

import { html, useLayoutEffect, useRef } from "../html.js";

const SKELETON_ROWS = 5;

/**
 * `rows` are undefined until they are there. `expand(row)` may give what stands below a row;
 * `toKey(row)` is what tells rows apart. `firstNew` is the row that "Show more" goes on with.
 */
export function DataTable(props) {
  const { caption, columns, rows, firstNew, toKey, empty = "Nothing here." } = props;
  const { isLoading, expand } = props;
  if (rows?.length === 0) return html`<p class="empty">${empty}</p>`;
  if (!rows && !isLoading) return null;
  return html`
    <div class="table-frame">
      <table role="table" class="table" aria-busy=${String(Boolean(isLoading))}>
        <caption class="unseen">${caption}</caption>
        <thead role="rowgroup">
          <tr role="row">${columns.map((column) => html`<${Head} column=${column} />`)}</tr>
        </thead>
        <tbody role="rowgroup">
          ${
            rows
              ? rows.map(
                  (row) =>
                    html`<${Row} key=${toKey(row)} row=${row} columns=${columns} expand=${expand}
                        isFirstNew=${row === firstNew} />`,
                )
              : [...Array(SKELETON_ROWS).keys()].map(
                  () => html`<${SkeletonRow} columns=${columns} />`,
                )
          }
        </tbody>
      </table>
    </div>`;
}

function Head({ column }) {
  return html`
    <th role="columnheader" scope="col" class=${toClass(column)}>
      ${column.isBare ? html`<span class="unseen">${column.label}</span>` : column.label}
    </th>`;
}

function Row({ row, columns, expand, isFirstNew }) {
  const below = expand?.(row);
  const place = useRef();
  // "Show more" may be gone, and the focus with it.
  useLayoutEffect(() => {
    if (isFirstNew && document.activeElement === document.body) place.current.focus();
  }, [isFirstNew]);
  return html`
    <tr role="row" class=${below ? "is-open" : ""} ref=${place}
        tabindex=${isFirstNew ? "-1" : undefined}>
      ${columns.map((column) => html`<${Cell} column=${column} row=${row} />`)}
    </tr>
    ${
      below &&
      html`<tr role="row" class="below"><td role="cell" colspan=${columns.length}>${below}</td></tr>`
    }`;
}

function Cell({ column, row }) {
  const what = html`<span class="cell">${column.show(row)}</span>`;
  const label = column.isBare ? undefined : column.label;
  return column.isHead
    ? html`<th role="rowheader" scope="row" class=${toClass(column)} data-label=${label}>${what}</th>`
    : html`<td role="cell" class=${toClass(column)} data-label=${label}>${what}</td>`;
}

function SkeletonRow({ columns }) {
  return html`
    <tr role="row" aria-hidden="true">
      ${columns.map(() => html`<td role="cell"><span class="skeleton line-of-text"></span></td>`)}
    </tr>`;
}

function toClass({ isNumber, isWide, isHead, isBare }) {
  const classes = [
    isNumber && "is-number",
    isWide && "is-wide",
    isHead && "is-head",
    isBare && "is-last",
  ];
  return classes.filter(Boolean).join(" ");
}
