/**
 * The page of notices: newest first, read once they were seen here.
 * @module
 */
import * as telling from '../net/telling.js';
import { byId, fromTemplate, one, slot } from '../ui/dom.js';
import { moment } from '../ui/format.js';
import * as problem from '../ui/problem.js';

const more = byId('notice-more', HTMLButtonElement);
const readAll = byId('read-all', HTMLButtonElement);
let next = '';

/** @param {import('../net/telling.js').Notice} notice */
function row(notice) {
  const item = one(fromTemplate('notice-row'), 'li');
  slot(item, 'text').textContent = notice.text;
  slot(item, 'when').textContent = moment(notice.created_at);
  slot(item, 'when').setAttribute('datetime', notice.created_at);
  slot(item, 'new').hidden = notice.read_at !== null;
  return item;
}

async function load() {
  problem.hide(byId('notice-problem'));
  try {
    const page = await telling.notices(next);
    byId('notice-list').append(...page.notices.map(row));
    next = page.next;
    more.hidden = !next;
    readAll.hidden = page.unread === 0;
    byId('notice-none').hidden = byId('notice-list').childElementCount > 0;
  } catch (error) {
    problem.show(byId('notice-problem'), error, { retry: () => void load() });
  }
}

more.addEventListener('click', () => void load());
readAll.addEventListener('click', async () => {
  try {
    await telling.readNotices();
    for (const badge of document.querySelectorAll('[data-slot="new"]')) badge.remove();
    const count = document.querySelector('.count');
    count?.parentElement?.removeAttribute('aria-label');
    count?.remove();
    readAll.hidden = true;
  } catch (error) {
    problem.show(byId('notice-problem'), error);
  }
});
await load();
