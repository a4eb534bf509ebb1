/** A question that must be answered before something is done. The browser keeps the focus in it. */

import { html, useEffect, useRef } from "../html.js";
import { Button } from "./button.js";

/** `onConfirm(form data)` does it; `onClose()` takes the dialog away. */
export function Dialog({ title, confirm, isDanger, isBusy, onConfirm, onClose, children }) {
  const dialog = useRef();
  useEffect(() => {
    const element = dialog.current;
    element.showModal();
    element.addEventListener("close", onClose);
    return () => {
      // It says only later that it has closed, when another may be open already.
      element.removeEventListener("close", onClose);
      // This gives the focus back to where it was.
      element.close();
    };
  }, []);
  const submit = (event) => {
    event.preventDefault();
    onConfirm(Object.fromEntries(new FormData(event.target)));
  };
  const cancel = (event) => {
    // The browser says only later that it has closed it, when it may have been asked for again.
    event.preventDefault();
    onClose();
  };
  return html`
    <dialog class="dialog sheet" ref=${dialog} aria-labelledby="dialog-title" onCancel=${cancel}>
      <form onSubmit=${submit}>
        <h2 id="dialog-title">${title}</h2>
        ${children}
        <div class="buttons">
          <${Button} kind=${isDanger ? "main is-danger" : "main"} type="submit"
              isBusy=${isBusy}>${confirm}<//>
          <${Button} onClick=${onClose}>Back<//>
        </div>
      </form>
    </dialog>`;
}
