/**
 * Hands a small text to the browser as a download.
 * @module
 */

const KEPT_MS = 60_000;

/**
 * @param {string} name
 * @param {string} text
 * @param {string} [type]  MIME type
 */
export function downloadText(name, text, type = 'application/json') {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), KEPT_MS);
}
