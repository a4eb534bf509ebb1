/** Whose cart it is: a field for the user id. */

import { fill, html } from "../html.js";
import { getUserId, setUserId } from "../session.js";

/** Fill `form`; `onChange()` is called after another user id has been chosen. */
export function showUserForm(form, onChange) {
  fill(
    form,
    html`
    <label for="user-id">Shopping as</label>
    <input id="user-id" required autocomplete="off" spellcheck="false"
           value="${getUserId()}">
    <button type="submit">Switch</button>
  `,
  );
  const input = form.querySelector("input");
  form.onsubmit = (event) => {
    event.preventDefault();
    const userId = input.value.trim();
    if (userId === "") return;
    setUserId(userId);
    onChange();
  };
}
