/**
 * What earlier visits left in this browser: uploads that are whole, but not published, and those
 * that are not whole.
 * @module
 */
import { hold } from '../io/locks.js';
import * as store from '../io/store.js';
import * as unfinished from '../io/unfinished.js';
import * as creator from '../net/creator.js';

/** @import { Draft } from '../io/store.js' */

/**
 * A file that was uploaded in this browser, but not published, and that no other tab looks after.
 * @param {string} username
 * @param {() => boolean} isWanted  asked again once one is found: that may take seconds
 * @returns {Promise<Draft | null>} this tab looks after it from now on
 */
export async function abandoned(username, isWanted) {
  const drafts = await store.drafts(username);
  for (const patienceMs of [0, undefined]) {
    for (const draft of drafts) {
      if (draft.replaces) continue; // it waits beside its file
      const letGo = isWanted() ? await hold(lockOf(draft.uploadId), patienceMs) : null;
      if (letGo && isWanted()) return draft;
      letGo?.();
    }
  }
  return null;
}

/**
 * Removes every trace of an upload here, and its parts in the store.
 * @param {string} uploadId
 * @throws {import('../net/api.js').ApiError} if the server could not be told; its sweep will find it
 */
export async function forget(uploadId) {
  await Promise.all([
    store.dropDraft(uploadId),
    unfinished.dropUpload(uploadId),
    unfinished.dropForm(uploadId),
  ]);
  await creator.abortUpload(uploadId);
}

/** @returns {Promise<Set<string>>} the uploads that tabs, this one too, are busy with */
export async function running() {
  const { held = [] } = await navigator.locks.query();
  return new Set(held.map(({ name = '' }) => name.replace(LOCK, '')));
}

const LOCK = 'kim-upload-';

/** @param {string} uploadId */
export function lockOf(uploadId) {
  return LOCK + uploadId;
}
