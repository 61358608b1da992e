/**
 * What every page of a buyer does first: says that it lives, and keeps the fragment of its address,
 * which is the key and stands nowhere else.
 * @module
 */

/** Says that the modules run, so that the note for old browsers stays away. */
export function arrive() {
  document.documentElement.dataset['alive'] = 'yes';
  const note = document.getElementById('guard');
  if (note) note.hidden = true;
  document.addEventListener('click', keepFragment);
  // Another link pasted over this one differs behind the # only, and browsers load nothing then.
  addEventListener('hashchange', () => location.reload());
}

/**
 * A jump inside the page ("Skip to the content") would put its own name where the key stands.
 * @param {MouseEvent} event
 */
function keepFragment(event) {
  const link = event.target instanceof Element ? event.target.closest('a[href^="#"]') : null;
  if (!link) return;
  event.preventDefault();
  const target = document.getElementById((link.getAttribute('href') ?? '').slice(1));
  target?.scrollIntoView();
  target?.focus();
}
