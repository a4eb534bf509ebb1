/** Small drawings of one line, in the colour of the text beside them. */

import { html } from "../html.js";

const PATHS = {
  shop: "M4 10v10h16V10M3 10l2-6h14l2 6M3 10a3 3 0 0 0 6 0 3 3 0 0 0 6 0 3 3 0 0 0 6 0M10 20v-5h4v5",
  orders: "M6 3h12v18l-3-2-3 2-3-2-3 2zM9 8h6M9 12h6",
  products: "M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9",
  overview: "M4 20V4M4 20h16M8 16v-4M12 16V8M16 16v-6",
  health: "M3 12h4l3-7 4 14 3-7h4",
  out: "M14 4h5v16h-5M4 12h11M11 8l4 4-4 4",
  minus: "M5 12h14",
  plus: "M5 12h14M12 5v14",
  remove: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  check: "M5 13l4 4L19 7",
};

export function Icon({ name }) {
  return html`
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
