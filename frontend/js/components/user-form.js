/** Whose cart it is: a field for the user id. */

import { useCart } from "../cart.js";
import { switchUser } from "../cart-actions.js";
import { html, useRef } from "../html.js";

export function UserForm() {
  const { userId } = useCart();
  const input = useRef();
  const submit = (event) => {
    event.preventDefault();
    const wanted = input.current.value.trim();
    if (wanted) switchUser(wanted);
  };
  return html`
    <form class="user" onSubmit=${submit}>
      <label for="user-id">Shopping as</label>
      <input id="user-id" ref=${input} required autocomplete="off" spellcheck="false"
          defaultValue=${userId} />
      <button type="submit">Switch</button>
    </form>`;
}
