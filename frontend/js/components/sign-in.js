/** The form that asks for the API key, and says when it is wrong. */

import { ApiError, getCart } from "../api.js";
import { html, useEffect, useRef, useState } from "../html.js";
import { forgetKey, getUserId, setKey } from "../session.js";
import { Button } from "./button.js";

/** `onAccepted()` is called when the shop has not refused the key. */
export function SignIn({ refusal, onAccepted }) {
  const [problem, setProblem] = useState("");
  const [isBusy, setBusy] = useState(false);
  const input = useRef();
  useEffect(() => {
    document.title = "Open the shop · Cornershop";
    input.current.focus();
  }, []);
  useEffect(() => setProblem(refusal ? refusalText(refusal) : ""), [refusal]);

  const submit = async (event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setProblem("");
    const refused = await tryKey(input.current.value.trim());
    setBusy(false);
    if (refused === null) return onAccepted();
    setProblem(refused);
    input.current.select();
  };
  return html`
    <main class="door">
      <form class="sheet" onSubmit=${submit}>
        <img src="favicon.svg" alt="" width="56" height="56" />
        <h1>Open the shop</h1>
        <p class="soft">Every call to the shop carries an API key. This tab keeps it until you log out or close it.</p>
        <label for="key">API key</label>
        <input id="key" ref=${input} type="password" required autocomplete="off" spellcheck="false"
               aria-invalid=${problem ? "true" : "false"} aria-describedby="key-problem" />
        <p class="failure" id="key-problem" role="alert">${problem}</p>
        <${Button} kind="main" type="submit" isBusy=${isBusy}>Open the shop<//>
      </form>
    </main>`;
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

function refusalText(detail) {
  return `This key was refused: ${detail}.`;
}
