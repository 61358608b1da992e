/**
 * The creator's dashboard: what needs them, what was earned, and every file, to be found and sorted.
 * @module
 */
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import * as net from '../net/dashboard.js';
import { action, byId, meta, slot } from '../ui/dom.js';
import { keepFocus } from '../ui/focus.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { many, t } from '../texts/say.js';
import { depositMissing } from './depositing.js';
import { rowOf } from './filerow.js';
import { ask, isRootOf, remind, rootOf } from './keys.js';
import { showEarned, showNeeds } from './overview.js';
import { openReplace } from './replacing.js';
import { Unfinished } from './resuming.js';
import { showShop } from './shopkeeping.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Dashboard, Row } from '../net/dashboard.js'
 * @import { Keyed } from './keys.js'
 */

const TYPING_MS = 250;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

const username = meta('username');
const list = byId('files');
const form = byId('filters', HTMLFormElement);
const text = byId('text', HTMLInputElement);
const state = byId('state', HTMLSelectElement);
const sort = byId('sort', HTMLSelectElement);
const pager = byId('pager');
const look = remind(username);

let page = 1;
/** @type {Row[]} */
let known = [];
let asking = new AbortController();

/**
 * @param {Keyed} file
 * @returns {Promise<Bytes | null>} R of this file; null if the person would not give it
 */
async function rootFor(file) {
  const row = await store.root(username);
  if (row && isRootOf(row.root, file)) return row.root;
  // Another key lies here, or none: only the right one makes the right link.
  const root = await ask(
    username,
    known.filter((other) => other.h_s),
  );
  await look();
  if (root) void load(); // every other link can be shown now, too
  return root && isRootOf(root, file) ? root : null;
}

/** The site lost the key that it keeps its halves under: they are made again from the root. */
async function depositAgain() {
  const button = byId('deposit', HTMLButtonElement);
  button.disabled = true;
  try {
    const root = await rootOf(username);
    if (!root) return;
    const left = await depositMissing(root);
    toast(
      left > 0
        ? many(left, '{count} file belongs to another key', '{count} files belong to another key')
        : t('All files can be sold again'),
    );
    await load();
  } catch (error) {
    problem.show(byId('problem'), error);
  } finally {
    button.disabled = false;
  }
}

/** What the list is of, as the address bar keeps it. */
function wanted() {
  const query = new URLSearchParams();
  if (text.value.trim()) query.set('q', text.value.trim());
  if (state.value) query.set('state', state.value);
  if (sort.value !== 'newest') query.set('sort', sort.value);
  if (page > 1) query.set('page', String(page));
  return query;
}

/** Takes up what the address bar kept. */
function recall() {
  const query = new URLSearchParams(location.search);
  text.value = query.get('q') ?? '';
  for (const [field, name] of /** @type {const} */ ([
    [state, 'state'],
    [sort, 'sort'],
  ])) {
    const value = query.get(name) ?? '';
    if ([...field.options].some((option) => option.value === value)) field.value = value;
  }
  page = Math.max(1, Number.parseInt(query.get('page') ?? '', 10) || 1);
}

async function load() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  list.setAttribute('aria-busy', 'true');
  try {
    const query = wanted();
    history.replaceState(history.state, '', query.size > 0 ? `?${query}` : location.pathname);
    query.set('tz', ZONE);
    const [found, drafts, row] = await Promise.all([
      net.dashboard(query, signal),
      store.drafts(username),
      store.root(username),
    ]);
    if (signal.aborted) return;
    problem.hide(byId('problem'));
    page = found.page;
    known = found.files;
    showNeeds(found.needs);
    showEarned(found);
    const here = {
      drafts: new Set(drafts.map((draft) => draft.paidFileId)),
      root: row?.root,
      floorSat: found.floor_sat,
      rootFor,
      reload: load,
    };
    const open = openMenus();
    const comeBack = keepFocus(list);
    list.replaceChildren(...known.map((file) => rowOf(file, here)));
    for (const menu of menus()) menu.open = open.has(menu.closest('li')?.dataset['file']);
    comeBack();
    showWhatIsThere(found);
    void showShop(found.states.published + found.states.paused > 0);
  } catch (error) {
    if (signal.aborted) return;
    // What was shown before stays: it is only older.
    problem.show(byId('problem'), error, { retry: () => void load() });
  } finally {
    if (!signal.aborted) {
      byId('said').hidden = true;
      list.removeAttribute('aria-busy');
    }
  }
}

/** @returns {NodeListOf<HTMLDetailsElement>} */
function menus() {
  return list.querySelectorAll('details.menu');
}

/** The files whose menu stands open: it stays so when the list is drawn anew. */
function openMenus() {
  const open = [...menus()].filter((menu) => menu.open);
  return new Set(open.map((menu) => menu.closest('li')?.dataset['file']));
}

/** @param {Dashboard} found */
function showWhatIsThere({ states, found, pages }) {
  const all = Object.values(states).reduce((sum, count) => sum + count, 0);
  byId('empty').hidden = all > 0;
  form.hidden = all < 2;
  byId('none').hidden = all === 0 || found > 0;
  pager.hidden = pages < 2;
  slot(pager, 'page').textContent = t('Page {page} of {pages}', { page, pages });
  action(pager, 'back').disabled = page <= 1;
  action(pager, 'next').disabled = page >= pages;
  byId('counted').textContent = many(found, 'One file found', '{count} files found');
}

/** @param {number} number */
function turnTo(number) {
  page = number;
  void load().then(() => byId('files-title').scrollIntoView());
}

/** @type {ReturnType<typeof setTimeout>} */
let typing;
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('input', (event) => {
  clearTimeout(typing);
  page = 1;
  typing = setTimeout(() => void load(), event.target === text ? TYPING_MS : 0);
});
action(byId('none'), 'all').addEventListener('click', () => {
  form.reset();
  page = 1;
  void load();
});
action(pager, 'back').addEventListener('click', () => turnTo(page - 1));
action(pager, 'next').addEventListener('click', () => turnTo(page + 1));

function showConnection() {
  byId('offline').hidden = navigator.onLine;
}
addEventListener('offline', showConnection);
addEventListener('online', () => {
  showConnection();
  void load();
});

/** From the list of unfinished uploads: the file whose content one of them is to replace. */
const toReplace = new URLSearchParams(location.search).get('replace');

async function goOnReplacing() {
  if (!toReplace) return;
  const file = await creator.file(toReplace);
  const root = await rootFor(file);
  if (root && (await openReplace(file, root))) await load();
}

byId('deposit').addEventListener('click', () => void depositAgain());
recall();
showConnection();
await Promise.all([load(), look(), new Unfinished(username, null).show()]);
await goOnReplacing().catch((error) => problem.show(byId('problem'), error));
