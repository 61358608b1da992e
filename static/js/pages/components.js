/**
 * The component page's moving parts: the real ones, with samples. Only while KIM_DEBUG is on.
 * @module
 */
import { chartIn } from '../ui/chart.js';
import { open } from '../ui/dialog.js';
import { byId, fromTemplate, one } from '../ui/dom.js';
import { qr } from '../ui/qr.js';
import { toast } from '../ui/toast.js';
import { TransferView } from '../ui/transfer.js';

/** @import { Facts } from '../ui/transfer.js' */

const TOTAL = 2_000_000_000;

/** @type {Facts[]} */
const STATES = [
  { state: 'preparing' },
  { state: 'comparing' },
  {
    state: 'uploading',
    done: 1_240_000_000,
    total: TOTAL,
    bytesPerSecond: 9_000_000,
    secondsLeft: 84,
  },
  { state: 'waiting', done: 1_240_000_000, total: TOTAL, trouble: 'You are offline.' },
  { state: 'paused', done: 1_240_000_000, total: TOTAL },
  { state: 'finalising', done: TOTAL, total: TOTAL },
  { state: 'checking', done: 400_000_000, total: TOTAL },
  { state: 'ready', done: TOTAL, total: TOTAL },
  { state: 'failed', done: 10, total: TOTAL, trouble: 'The file changed while it was read.' },
];

for (const facts of STATES) {
  const place = one(fromTemplate('c-transfer'), '.transfer');
  byId('transfers').append(place);
  const view = new TransferView(/** @type {HTMLElement} */ (place));
  view.begin('nordlys-long.mp4', TOTAL);
  view.show(facts);
}

const MONTHS = ['March', 'April', 'May', 'June', 'July', 'August'];
const chart = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId('c-chart')));
const empty = /** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId('c-chart-empty')));
chartIn(chart)(
  MONTHS.map((name, at) => ({ name, value: (at * 7) % 11, said: `${(at * 7) % 11} sold` })),
);
chartIn(empty)(MONTHS.map((name) => ({ name, value: 0, said: 'none' })));

byId('c-qr').append(qr('bchreg:qpm2qsznhks23z7629mms6s4cwef74vcwvlt2h0dhq?amount=0.00912300'));
byId('toaster').addEventListener('click', () => toast('Link copied'));
byId('asker').addEventListener('click', () => open('c-dialog'));
