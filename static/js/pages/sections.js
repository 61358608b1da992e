/**
 * A long page in sections: a list of closed ones where there is little room, all open beside a jump
 * list where there is more. Each can be linked to.
 * @module
 */

const wide = matchMedia('(min-width: 60rem)'); // as static/css/components/parts.css

/** @type {NodeListOf<HTMLDetailsElement>} */
const parts = document.querySelectorAll('details.part');

function unfold() {
  if (wide.matches) for (const part of parts) part.open = true;
}

/** Whatever the address names is seen, if it lies in a closed section too. */
function follow() {
  const target = document.getElementById(location.hash.slice(1));
  const part = /** @type {HTMLDetailsElement | null | undefined} */ (target?.closest('.part'));
  if (!target || !part) return;
  part.open = true;
  target.scrollIntoView();
}

for (const part of parts) {
  part.querySelector('summary')?.addEventListener('click', () => {
    if (!part.open && !wide.matches) history.replaceState(null, '', `#${part.id}`); // for a reload
  });
}
wide.addEventListener('change', unfold);
addEventListener('hashchange', follow);
unfold();
follow();
