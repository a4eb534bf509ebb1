/** The form that asks for the API key, and says when it is wrong. */

import { ApiError, getCart } from "../api.js";
import { fill, html } from "../html.js";
import { forgetKey, getUserId, setKey } from "../session.js";

/** Show the form in `root`; `onAccepted()` is called when the shop has not refused the key. */
export function showSignIn(root, onAccepted, refusal = "") {
  fill(
    root,
    html`
    <h2 id="sign-in-title">Open the shop</h2>
    <p>Every call to the shop carries an API key. This tab keeps it until you log out or close it.</p>
    <form>
      <fieldset role="none">
        <label for="key">API key</label>
        <input id="key" type="password" required autocomplete="off" spellcheck="false"
               aria-describedby="key-problem">
        <p class="failure" id="key-problem" role="alert">${refusal}</p>
        <button class="main" type="submit">Open the shop</button>
      </fieldset>
    </form>
  `,
  );
  const fieldset = root.querySelector("fieldset");
  const input = root.querySelector("input");
  const problem = root.querySelector("#key-problem");
  markWrong(input, refusal !== "");
  input.focus();

  root.querySelector("form").addEventListener("submit", async (event) => {
    event.preventDefault();
    fieldset.disabled = true;
    problem.textContent = "";
    const refused = await tryKey(input.value.trim());
    fieldset.disabled = false;
    if (refused === null) return onAccepted();
    problem.textContent = refused;
    markWrong(input, true);
    input.select();
  });
}

/** Why the key cannot be used, or null. An app that is away has not refused it. */
async function tryKey(key) {
  // The browser cannot put anything else into a header.
  if (!/^[\x21-\x7e]+$/.test(key))
    return "A key has letters, digits and signs of the ASCII set only.";
  setKey(key);
  try {
    await getCart(getUserId());
    return null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) return refusalText(error.message);
    if (error.status !== 429) return null;
    forgetKey();
    return `${error.message}.`;
  }
}

export function refusalText(detail) {
  return `This key was refused: ${detail}.`;
}

function markWrong(input, isWrong) {
  input.setAttribute("aria-invalid", String(isWrong));
}
