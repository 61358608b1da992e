/**
 * The footer's switch. What somebody chose lies in a cookie that the server only reads, and the page
 * is loaded again: what stands behind the # stays where it is, and is not sent.
 * @module
 */
const YEAR_SECONDS = 365 * 24 * 3600;

/** @type {NodeListOf<HTMLButtonElement>} */
const buttons = document.querySelectorAll('button[data-language]');
for (const button of buttons) {
  button.hidden = false; // without scripts the browser's own language holds
  button.addEventListener('click', () => {
    const [host, secure] = location.protocol === 'https:' ? ['__Host-', '; Secure'] : ['', ''];
    const kept = `Path=/; Max-Age=${YEAR_SECONDS}; SameSite=Lax${secure}`;
    document.cookie = `${host}kim-language=${button.dataset.language}; ${kept}`;
    location.reload();
  });
}
