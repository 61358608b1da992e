/**
 * A purchase given again, on the creator's sales page: the request, the old sale, and a yes.
 * @module
 */
import * as library from '../net/library.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, fromTemplate, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { many, t } from '../texts/say.js';

/** @import { AskedAgain, Past } from '../net/library.js' */

const TYPING_MS = 300;
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;

const root = byId('giving', HTMLDetailsElement);
const place = byId('giving-problem');
const request = byId('giving-request', HTMLTextAreaElement);
const text = byId('giving-text', HTMLInputElement);

let asked = '';
let round = 0;

async function look() {
  const turn = (round += 1);
  problem.hide(place);
  if (!asked) {
    slot(root, 'asked').hidden = true;
    return;
  }
  try {
    const found = await library.askedAgain(asked, text.value.trim());
    if (turn === round) show(found);
  } catch (error) {
    if (turn !== round) return;
    slot(root, 'asked').hidden = true;
    problem.show(place, error);
  }
}

/** @param {AskedAgain} found */
function show(found) {
  slot(root, 'asked').hidden = false;
  slot(root, 'asked-title').textContent = found.title;
  slot(root, 'asked-at').textContent = t('asked for on {when}', {
    when: format.moment(found.asked_at),
  });
  const said = slot(root, 'given-said');
  said.hidden = !found.is_given;
  said.textContent = t('You gave it again. It opens on your buyer’s page.');
  slot(root, 'choosing').hidden = found.is_given;
  slot(root, 'past').replaceChildren(...found.sales.map((past) => rowOf(past, found)));
  slot(root, 'no-past').hidden = found.sales.length > 0;
}

/**
 * @param {Past} past
 * @param {AskedAgain} found
 */
function rowOf(past, found) {
  const row = one(fromTemplate('past-sale'), 'li');
  const price = past.price.currency === 'BCH' ? '' : `${format.price(past.price)} · `;
  slot(row, 'sum').textContent = `${price}${format.coins(past.settled_sat)}`;
  slot(row, 'when').textContent = t('paid {when}', {
    when: format.moment(past.settled_at ?? past.created_at),
  });
  const { reference } = past;
  const named = reference && t('Reference {reference}', { reference });
  const facts = [named, ...past.txids, past.address];
  slot(row, 'facts').textContent = facts.filter(Boolean).join(' · ');
  const given = slot(row, 'given');
  given.hidden = past.given === 0;
  given.textContent = timesOf(past.given);
  action(row, 'give').addEventListener('click', () => ask(past, found));
  return row;
}

/** @param {number} count */
function timesOf(count) {
  return many(count, 'Given again once already.', 'Given again {count} times already.');
}

/**
 * @param {Past} past
 * @param {AskedAgain} found
 */
function ask(past, found) {
  const dialog = dialogs.open('giving-sure');
  const values = {
    title: found.title,
    amount: format.coins(past.settled_sat),
    when: format.moment(past.settled_at ?? past.created_at),
  };
  slot(dialog, 'what').textContent = t('“{title}”, for the sale of {amount} paid {when}.', values);
  const warning = slot(dialog, 'warning');
  warning.hidden = past.given === 0;
  warning.textContent = `${timesOf(past.given)} ${t('Somebody may be passing it around: be sure that it is the same buyer.')}`;
  const button = action(dialog, 'sure');
  button.addEventListener('click', async () => {
    button.disabled = true;
    try {
      await library.giveAgain(past.purchase, found.purchase, past.given);
      dialog.close();
      await look();
    } catch (error) {
      dialog.close();
      await look();
      problem.show(place, error);
    }
  });
}

/** @type {ReturnType<typeof setTimeout>} */
let typing;
text.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => void look(), TYPING_MS);
});
request.addEventListener('input', () => {
  const known = asked;
  asked = ID.exec(request.value)?.[0] ?? '';
  if (asked !== known) void look();
});
const linked = new URLSearchParams(location.search).get('again') ?? '';
if (ID.test(linked)) {
  root.open = true;
  asked = linked;
  request.value = linked;
  void look();
}
