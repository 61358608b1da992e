/**
 * Somebody who sells.
 * @module
 */
import { random, toHex } from '../../../static/js/crypto/bytes.js';
import * as creator from '../../../static/js/net/creator.js';
import { freshlyDerived } from '../../../static/js/pages/passwords.js';

export const username = `bench-${toHex(random(6))}`;

export async function signUp() {
  const { salt, derived } = await freshlyDerived(`password ${username}`);
  await creator.signUp({ username, salt, derived });
  const { suggested } = (await creator.payout()) ?? {};
  await creator.setPayout({ value: suggested ?? '' });
}
