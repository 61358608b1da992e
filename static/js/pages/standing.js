/**
 * Where a creator's money is on its way, and how far an xpub has counted.
 * @module
 */
import * as creator from '../net/creator.js';
import { action, byId, make, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { mark, t } from '../texts/say.js';

/** @import { Gap, Payout } from '../net/creator.js' */

/** @type {Array<[keyof Payout & `${string}_sat`, string]>} */
const SUMS = [
  ['waiting_sat', mark('waiting to be forwarded')],
  ['in_flight_sat', mark('sent to you, not final yet')],
  ['forwarded_sat', mark('arrived at your address')],
  ['stuck_sat', mark('too small to be forwarded')],
  ['token_sat', mark('beside tokens, which stay where they are')],
];

const root = byId('standing');

/**
 * Shows how things stand, and keeps the button alive.
 * @param {Payout | null} payout
 */
export function showStanding(payout) {
  const sums = SUMS.filter(([name]) => payout?.[name]);
  slot(root, 'sums').replaceChildren(
    ...sums.flatMap(([name, what]) => [
      make('dt', { text: format.coins(Number(payout?.[name])) }),
      make('dd', { text: t(what) }),
    ]),
  );
  const gap = payout?.gap ?? null;
  slot(root, 'way').hidden = sums.length === 0;
  root.hidden = sums.length === 0 && gap === null;
  showGap(gap);
}

/** @param {Gap | null} gap */
function showGap(gap) {
  const warns = gap?.is_falling_back === true;
  slot(root, 'gap').hidden = !warns;
  slot(root, 'gap-fine').hidden = warns || gap === null;
  if (!gap) return;
  const values = { count: gap.next_index, path: `m/0/${gap.last_used}` };
  slot(root, 'gap-fine').textContent =
    gap.last_used === null
      ? t('Addresses of your wallet given to buyers: {count}; none was paid yet.', values)
      : t(
          'Addresses of your wallet given to buyers: {count}; the last paid one is {path}.',
          values,
        );
  const isUnsure = gap.unsure_at !== null;
  const why = isUnsure
    ? t(
        'This site was restored from a backup, and may have given out addresses of your wallet that it no longer knows.',
      )
    : t(
        '{count} of your wallet’s addresses in a row wait unpaid, and wallets stop looking after 20.',
        { count: gap.gap },
      );
  const meanwhile = t(
    'New buyers pay to forwarding addresses instead, and that money arrives at your wallet’s first change address, m/1/0. Nothing stops.',
  );
  slot(root, 'gap-said').textContent = `${why} ${meanwhile}`;
  slot(root, 'advice').textContent = gap.advice;
  slot(root, 'gap-unsure').hidden = slot(root, 'gap-confirm').hidden = !isUnsure;
}

/** @param {(act: () => Promise<unknown>) => Promise<void>} tried  shows what goes wrong */
export function startStanding(tried) {
  action(root, 'confirm-gap').addEventListener('click', () =>
    tried(async () => showStanding(await creator.confirmGap())),
  );
}
