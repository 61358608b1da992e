/**
 * The settings' list of browsers that are signed in.
 * @module
 */
import * as creator from '../net/creator.js';
import { action, byId, fromTemplate, slot } from '../ui/dom.js';
import { moment } from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { t } from '../texts/say.js';

/** @import { SessionNote } from '../net/creator.js' */

/** Show what there is, and listen. */
export async function showSessions() {
  byId('session-others').addEventListener('click', () =>
    act(creator.endOtherSessions, t('All other browsers are signed out')),
  );
  await list();
}

async function list() {
  const { sessions } = await creator.sessions();
  byId('session-list').replaceChildren(...sessions.map(row));
  byId('session-others').hidden = sessions.every((session) => session.is_this);
}

/** @param {SessionNote} session */
function row(session) {
  const item = fromTemplate('session-row');
  slot(item, 'browser').textContent = session.browser;
  slot(item, 'this').hidden = !session.is_this;
  slot(item, 'when').textContent = t('Since {since}, last seen {seen}', {
    since: moment(session.created_at),
    seen: moment(session.seen_at),
  });
  const out = action(item, 'out');
  out.hidden = session.is_this;
  out.setAttribute('aria-label', t('Sign out {browser}', { browser: session.browser }));
  out.addEventListener('click', () =>
    act(
      () => creator.endSession(session.id),
      t('{browser} is signed out', { browser: session.browser }),
    ),
  );
  return item;
}

/**
 * @param {() => Promise<unknown>} end
 * @param {string} said
 */
async function act(end, said) {
  problem.hide(byId('session-problem'));
  try {
    await end();
    await list();
    toast(said);
  } catch (error) {
    problem.show(byId('session-problem'), error);
  }
}
