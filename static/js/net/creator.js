/**
 * The creator's calls, one function each, and the shapes they answer with.
 * @module
 */
import * as api from './api.js';

/**
 * @typedef {{amount: string, currency: string}} Price
 *
 * @typedef {object} Limits
 * @property {number} max_file_bytes
 * @property {number} presign_batch
 * @property {string} network
 * @property {string[]} currencies
 * @property {number[]} confirmations
 * @property {{address: number, xpub: number}} floor_sat
 * @property {string} signup
 * @property {number} title_max
 * @property {number} description_max
 *
 * @typedef {object} Rate
 * @property {string} rate  of 1 BCH
 * @property {string} at
 * @property {number} age_seconds
 * @property {string[]} sources
 * @property {string | null} via
 * @property {boolean} is_manual
 * @property {string | null} label
 *
 * @typedef {{currency: string, rate: string, at: string}} ManualRate
 * @typedef {{currencies: Record<string, Rate>, stale: boolean}} Rates
 *
 * @typedef {{code: string, text: string}} Warning
 * @typedef {object} PayoutPreview
 * @property {'address' | 'xpub'} kind
 * @property {string} shown
 * @property {string[]} first_addresses
 * @property {Warning[]} warnings
 * @property {number} floor_sat
 *
 * @typedef {{seed: string, payee: string, max_fee_sat: number}} Recovery
 * @typedef {{gap: number, last_used: number | null, next_index: number, unsure_at: string | null,
 *   is_falling_back: boolean, advice: string}} Gap
 * @typedef {object} Payout
 * @property {string} [id]  absent while there is none yet
 * @property {'address' | 'xpub'} [kind]
 * @property {string} [shown]
 * @property {number} [floor_sat]
 * @property {Recovery | null} [recovery]
 * @property {Recovery[]} [recoveries]  of all payouts, past ones too
 * @property {Gap | null} [gap]  of an xpub
 * @property {number} [waiting_sat]
 * @property {number} [in_flight_sat]
 * @property {number} [forwarded_sat]
 * @property {number} [stuck_sat]
 * @property {number} [token_sat]
 * @property {string | null} suggested
 * @property {{id: string, shown: string, asked_at: string, due_at: string}} [waiting]  a change that
 *   was asked for, and can be stopped until then
 *
 * @typedef {object} Terms
 * @property {boolean} honour_sats
 * @property {number} tolerance_bps
 * @property {number} instant_invoice_sat
 * @property {number} instant_total_sat
 * @property {boolean} instant_possible
 *
 * @typedef {'open' | 'completing' | 'verifying' | 'verified' | 'failed' | 'aborted'} UploadState
 * @typedef {object} Upload
 * @property {string} id
 * @property {UploadState} state
 * @property {number} part_bytes
 * @property {number} part_count
 * @property {number} size_bytes
 * @property {number} verified_bytes
 * @property {{code: string, message: string} | null} error
 *
 * @typedef {object} FileView
 * @property {string} id
 * @property {'draft' | 'published' | 'paused' | 'removed'} state
 * @property {string} title
 * @property {string} description
 * @property {Price} price
 * @property {number | null} price_sat_estimate
 * @property {number | null} floor_sat
 * @property {number} size_bytes
 * @property {number} payload_bytes
 * @property {string} content_id
 * @property {string} wrapped_key
 * @property {string} h_s
 * @property {number} generation  of S
 * @property {number} link_generation  of L
 * @property {string} core_header
 * @property {number} confirmations
 * @property {boolean} is_instant
 * @property {boolean} opens_instantly
 * @property {boolean} stream_only
 * @property {string} file_id
 * @property {string} link_file_id  hex, of its first content: S and L follow from it
 * @property {number} version  1 first
 * @property {string} meta_link  base64url; '' where the stored description opens with the link
 * @property {number} sales
 * @property {number} income_sat
 * @property {string} created_at
 * @property {{id: string, state: UploadState} | null} upload
 * @property {{selftest: boolean, address_proven: boolean}} checks
 * @property {import('./showing.js').SampleBrief | null} sample
 * @property {import('./showing.js').Cover | null} cover
 * @property {import('../ui/priced.js').Selling} selling
 * @property {{is_adult: boolean, shows_contents: boolean, has_card: boolean, is_listed: boolean}} showcase
 * @property {import('../ui/pricefield.js').Pricing} pricing
 *
 * @typedef {{url: string, headers: Record<string, string>, bytes: number}} SignedRange
 * @typedef {{number: number, url: string, headers: Record<string, string>, bytes: number}} SignedPart
 */

const AGAIN = { repeatable: true };

/** @returns {Promise<Limits>} */
export const limits = () => api.get('limits/');

/** @returns {Promise<Rates>} */
export const rates = () => api.get('rates/');

/** @returns {Promise<{rates: ManualRate[], currencies: string[]}>} */
export const manualRates = () => api.get('rates/manual/');

/**
 * @param {{currency: string, rate: string}} change
 * @returns {Promise<ManualRate>}
 */
export const setManualRate = (change) => api.put('rates/manual/', change);

/** @param {string} currency */
export const removeManualRate = (currency) => api.remove(`rates/manual/?currency=${currency}`);

/**
 * @param {string} username
 * @returns {Promise<{salt: string, memory_kib: number, passes: number, parallelism: number,
 *   scheme: number}>}
 */
export const loginParameters = (username) => api.post('login-parameters/', { username }, AGAIN);

/**
 * @typedef {{id: string, browser: string, created_at: string, seen_at: string, is_this: boolean}}
 *   SessionNote
 * @typedef {{sealed_root: string, recovery_hash: string}} Sealed  base64url, hex
 * @typedef {{sealed_root: string | null, recovery_hash: string | null, saved_at: string | null}} Vault
 */

/**
 * @param {{username: string, salt: string, derived: string, invitation?: string, vault?: Sealed}}
 *   account
 * @returns {Promise<{username: string}>} as the site writes the name
 */
export const signUp = (account) => api.post('creators/', account);

/**
 * @param {{username: string, derived: string, code?: string}} proof  `code`: of the second step
 * @returns {Promise<{username: string}>}
 */
export const logIn = (proof) => api.post('session/', proof);

export const logOut = () => api.remove('session/');

/** @returns {Promise<{is_on: boolean, spare_left: number}>} */
export const secondStep = () => api.get('second-step/');

/**
 * @param {string} derived
 * @returns {Promise<{secret: string, uri: string}>} told once; counts once a code of it came back
 */
export const offerSecondStep = (derived) => api.post('second-step/', { derived });

/**
 * @param {string} code
 * @returns {Promise<{spare_codes: string[]}>} told once
 */
export const confirmSecondStep = (code) => api.put('second-step/', { code }, { repeatable: false });

/** @param {{derived: string, code: string}} proof */
export const stopSecondStep = (proof) => api.post('second-step/removal/', proof);

/** @returns {Promise<{sessions: SessionNote[]}>} the one used last first */
export const sessions = () => api.get('sessions/');

/** @param {string} id */
export const endSession = (id) => api.remove(`sessions/${id}/`);

export const endOtherSessions = () => api.remove('sessions/');

/** @returns {Promise<Vault>} nulls while there is none */
export const vault = () => api.get('vault/');

/**
 * @param {Sealed & {derived: string, new_derived: string}} save
 * @returns {Promise<Vault>}
 */
export const saveVault = (save) => api.put('vault/', save);

/**
 * @param {{username: string, recovery: string, new_salt: string, new_derived: string,
 *   sealed_root: string}} account
 * @returns {Promise<{username: string}>}
 */
export const recoverAccount = (account) => api.post('account-recoveries/', account);

/** @param {{derived: string, new_salt: string, new_derived: string, vault?: Sealed}} change */
export const changePassword = (change) =>
  api.put('session/password/', change, { repeatable: false });

/**
 * @param {string} value
 * @param {AbortSignal} signal
 * @returns {Promise<PayoutPreview>}
 */
export const previewPayout = (value, signal) =>
  api.post('payouts/preview/', { value }, { ...AGAIN, signal });

/** @returns {Promise<Payout | null>} */
export const payout = () => api.get('payout/');

export const stopPayoutChange = () => api.remove('payout/waiting/');

/**
 * @param {{value: string, derived?: string, code?: string}} change  once files are on sale it waits
 * @returns {Promise<Payout>}
 */
export const setPayout = (change) => api.put('payout/', change);

/** @returns {Promise<Payout>} the wallet shows every address that was handed out */
export const confirmGap = () => api.post('payout/gap/', {}, AGAIN);

/** @returns {Promise<Terms>} */
export const terms = () => api.get('terms/');

/**
 * @param {Partial<Terms>} change
 * @returns {Promise<Terms>}
 */
export const changeTerms = (change) => api.patch('terms/', change, AGAIN);

/**
 * @param {{size_bytes: number, core_header: string}} begin
 * @returns {Promise<{id: string, part_bytes: number, part_count: number}>}
 */
export const beginUpload = (begin) => api.post('uploads/', begin);

/**
 * @param {string} id
 * @param {number[]} numbers
 * @returns {Promise<{urls: SignedPart[], expires_at: string}>}
 */
export const signParts = (id, numbers) => api.post(`uploads/${id}/parts/`, { numbers });

/** @typedef {{number: number, size_bytes: number, etag: string}} StoredPart */

/**
 * What the store holds of an open upload, however many pages that takes.
 * @param {string} id
 * @returns {Promise<StoredPart[]>}
 */
export async function storedParts(id) {
  /** @type {StoredPart[]} */
  const found = [];
  for (let after = 0; ; after = found.at(-1)?.number ?? after) {
    /** @type {{parts: StoredPart[], is_last: boolean}} */
    const page = await api.get(`uploads/${id}/parts/?after=${after}`);
    found.push(...page.parts);
    if (page.is_last) return found;
  }
}

/**
 * @param {string} id
 * @param {AbortSignal} [signal]
 * @returns {Promise<Upload>}
 */
export const upload = (id, signal) => api.get(`uploads/${id}/`, signal ? { signal } : {});

/**
 * @param {string} id
 * @param {string} contentId
 * @returns {Promise<{state: UploadState}>}
 */
export const completeUpload = (id, contentId) =>
  api.post(`uploads/${id}/completion/`, { content_id: contentId }, AGAIN);

/** @param {string} id */
export const abortUpload = (id) => api.remove(`uploads/${id}/`);

/** @returns {Promise<{files: FileView[]}>} */
export const files = async () => ({ files: await api.getAll('files/', 'files') });

/**
 * @param {{title: string, description: string, price: Price, confirmations?: number,
 *   is_instant?: boolean, stream_only?: boolean, upload?: string}} draft
 * @returns {Promise<FileView>}
 */
export const createFile = (draft) => api.post('files/', draft);

/**
 * @param {string} id
 * @returns {Promise<FileView>}
 */
export const file = (id) => api.get(`files/${id}/`);

/**
 * @param {string} id
 * @param {object} change
 * @returns {Promise<FileView>}
 */
export const changeFile = (id, change) => api.patch(`files/${id}/`, change, AGAIN);

/** @param {string} id */
export const removeDraft = (id) => api.remove(`files/${id}/`);

/**
 * @param {string} id
 * @param {{content_id: string, generation: number, wrapped_key: string, h_s: string, s: string}}
 *   deposit
 */
export const depositSecret = (id, deposit) => api.put(`files/${id}/secret/`, deposit);

/**
 * @param {string} id
 * @param {{buyerKey: string, claim: string}} buyer
 * @returns {Promise<{purchase: string}>}
 */
export const beginSelftest = (id, { buyerKey, claim }) =>
  api.post(`files/${id}/selftest/`, { buyer_key: buyerKey }, { withSession: true, claim });

/**
 * A purchase of one's own file at the floor. Asked once only, as a buyer's order.
 * @param {string} id
 * @param {{buyerKey: string, claim: string}} buyer
 * @returns {Promise<import('./buyer.js').Purchase>}
 */
export const beginProof = (id, { buyerKey, claim }) =>
  api.post(`files/${id}/proof/`, { buyer_key: buyerKey }, { withSession: true, claim });

/**
 * @param {string} id
 * @param {string} selftest
 * @returns {Promise<FileView>}
 */
export const publish = (id, selftest) =>
  api.post(`files/${id}/publication/`, { selftest, passed: true }, AGAIN);

/**
 * @param {string} id
 * @returns {Promise<{header: SignedRange, index: SignedRange}>}
 */
export const ranges = (id) => api.get(`files/${id}/ranges/`);

/**
 * @typedef {object} Release
 * @property {'pending'} [release]  the key is still being sealed: ask again
 * @property {string} sealed
 * @property {string} h_s
 * @property {string} wrapped_key
 * @property {string} content_id
 * @property {number} generation
 */

/**
 * @param {string} purchase
 * @param {string} claim
 * @returns {Promise<Release>}
 */
export const release = (purchase, claim) =>
  api.post(`purchases/${purchase}/release/`, {}, { ...AGAIN, claim });

/**
 * @param {string} purchase
 * @param {string} claim
 * @returns {Promise<{urls: {copy: string, url: string, bytes: number, etag: string}[]}>}
 */
export const location = (purchase, claim) =>
  api.post(`purchases/${purchase}/location/`, {}, { ...AGAIN, claim });
