/** A question that must be answered before something is done. The browser keeps the focus in it. */

import { html, useEffect, useRef } from "../html.js";
import { Button } from "./button.js";

/** `onConfirm(form data)` does it; `onClose()` takes the dialog away. */
export function Dialog({ title, confirm, isDanger, isBusy, onConfirm, onClose, children }) {
  const dialog = useRef();
  const opener = useRef(document.activeElement);
  useEffect(() => {
    dialog.current.showModal();
    return () => opener.current?.isConnected && opener.current.focus();
  }, []);
  const submit = (event) => {
    event.preventDefault();
    if (!isBusy) onConfirm(Object.fromEntries(new FormData(event.target)));
  };
  return html`
    <dialog class="dialog sheet" ref=${dialog} aria-labelledby="dialog-title" onClose=${onClose}>
      <form onSubmit=${submit}>
        <h2 id="dialog-title">${title}</h2>
        ${children}
        <div class="buttons">
          <${Button} kind=${isDanger ? "main is-danger" : "main"} type="submit"
              isBusy=${isBusy}>${confirm}<//>
          <${Button} onClick=${() => dialog.current.close()}>Back<//>
        </div>
      </form>
    </dialog>`;
}
