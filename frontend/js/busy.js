/** One action at a time: while it runs, everything that could start another is disabled. */

let isRunning = false;

/** Await `work()`; a second call meanwhile does nothing, so a double click sends one request. */
export async function runAlone(work) {
  if (isRunning) return;
  isRunning = true;
  const focused = document.activeElement;
  lock(true);
  try {
    await work();
  } finally {
    lock(false);
    isRunning = false;
    // A disabled button loses the focus; those who use the keyboard want it where it was.
    if (document.activeElement === document.body) focused.focus();
  }
}

function lock(isLocked) {
  for (const fieldset of document.querySelectorAll("fieldset.lockable"))
    fieldset.disabled = isLocked;
  document.body.toggleAttribute("data-busy", isLocked);
}
