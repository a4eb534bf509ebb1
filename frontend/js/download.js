/** Hands a file that was fetched with the key to the browser's downloads. */

const LATER_MS = 60_000;

export function saveFile({ blob, name }) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // Not at once: the browser may not have begun to read it.
  setTimeout(() => URL.revokeObjectURL(link.href), LATER_MS);
}
