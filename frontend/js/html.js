/** The escaping template tag, and the only place that writes markup into the page. */

const ESCAPES = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
};

class Markup {
  constructor(text) {
    this.text = text;
  }
}

/** Values are escaped, for quoted attributes too; arrays are joined; null and false show nothing. */
export function html(strings, ...values) {
  return new Markup(strings.reduce((text, part, at) => text + toText(values[at - 1]) + part));
}

function toText(value) {
  if (value instanceof Markup) return value.text;
  if (Array.isArray(value)) return value.map(toText).join("");
  if (value === null || value === undefined || value === false) return "";
  return String(value).replace(/[&<>"'`]/g, (character) => ESCAPES[character]);
}

/** Replace what is in the element. A string is refused: only html`...` has been escaped. */
export function fill(element, markup) {
  element.innerHTML = checked(markup);
}

export function append(element, markup) {
  element.insertAdjacentHTML("beforeend", checked(markup));
}

function checked(markup) {
  if (!(markup instanceof Markup))
    throw new TypeError("only html`...` may be written into the page");
  return markup.text;
}
