/**
 * What the pages and the crypto workers say to each other. Every job is answered once, by its
 * result or by `failed`; jobs may be answered in another order than they were asked. Buffers travel
 * as transferables in both directions, so they are reused, never copied.
 *
 * seal.js: `SealInit` → `Ready`; `SealJob` → `Sealed`.
 * open.js: `OpenInit` → `Ready`; `OpenJob` → `Opened`.
 * kdf.js: `KdfJob` → `KdfDone` (no init). mark.js: `MarkJob` → `Marked` (no init).
 * To cancel, terminate the worker. Two seal jobs at a time keep a worker busiest: the plaintext of
 * one is read while the other is sealed (each holds its buffer and as much plaintext, up to 16 MiB).
 * @module
 */

/** @import { Bytes } from '../crypto/bytes.js' */

/**
 * @typedef {object} SealInit
 * @property {'init'} type
 * @property {Bytes} core        the core header, 128 bytes (container.begin)
 * @property {Bytes} contentKey  M, 32 bytes; the worker answers `failed` with wrong_key if it does
 *   not lead to the header tag
 */

/**
 * @typedef {object} SealJob
 * @property {'seal'} type
 * @property {number} job     any number of the caller's; comes back in the answer
 * @property {number} first   first segment
 * @property {number} count   how many segments
 * @property {Blob[]} sources exactly the plaintext of these segments, in order
 * @property {ArrayBuffer} buffer  transferred; the stored segments are written into it
 * @property {number} offset  where in the buffer the first segment goes
 * @property {boolean} [isBlob]  a Blob of what was sealed is wanted, too
 */

/**
 * @typedef {object} Sealed
 * @property {'sealed'} type
 * @property {number} job
 * @property {number} first
 * @property {number} count
 * @property {ArrayBuffer} buffer  the job's, back
 * @property {number} offset
 * @property {number} size   stored bytes written at `offset`
 * @property {Bytes} rows    64 bytes a segment: SHA-256 of the stored segment, key commitment
 * @property {Blob} [blob]   the stored bytes, if they were wanted so: copied here, not on the page's thread
 */

/**
 * @typedef {object} OpenInit
 * @property {'init'} type
 * @property {Bytes} core
 * @property {Bytes} contentKey
 */

/**
 * @typedef {object} OpenJob
 * @property {'open'} type
 * @property {number} job
 * @property {number} first
 * @property {number} count
 * @property {Bytes} rows    the index rows of these segments, 64 bytes each
 * @property {ArrayBuffer} buffer  transferred; the stored segments, one after another
 * @property {number} offset where in the buffer the first stored segment stands
 * @property {number} size   stored bytes in the buffer, from `offset`
 */

/**
 * @typedef {object} Opened
 * @property {'opened'} type
 * @property {number} job
 * @property {number} first
 * @property {number} count
 * @property {ArrayBuffer} buffer  the job's, back
 * @property {number} offset
 * @property {number} size   plaintext bytes of all these segments together, from `offset`
 */

/**
 * @typedef {object} KdfJob
 * @property {'derive'} type
 * @property {number} job
 * @property {string} password
 * @property {Bytes} salt
 * @property {number} memoryKib  refused under 65536
 * @property {number} passes     refused under 3
 * @property {number} scheme     1 or 2 (crypto/passwords.js)
 */

/**
 * @typedef {object} KdfDone
 * @property {'derived'} type
 * @property {number} job
 * @property {Bytes} proof  32 bytes, what is sent in place of the password
 * @property {Bytes | null} vaultKey  32 bytes, never sent; null in scheme 1
 */

/**
 * @typedef {object} MarkJob
 * @property {'mark'} type
 * @property {number} job
 * @property {Blob} file
 * @property {boolean} isWhole  whether the SHA-256 of the whole file is wanted
 */

/**
 * @typedef {object} Marked
 * @property {'marked'} type
 * @property {number} job
 * @property {string} sample  hex; SHA-256 of its first, middle and last MiB
 * @property {string | null} sha256  hex; null if it was not asked for
 */

/**
 * @typedef {object} Ready
 * @property {'ready'} type
 */

/**
 * @typedef {object} Failed
 * @property {'failed'} type
 * @property {number | null} job  null: the init failed
 * @property {string} code  a KimError's code; `unreadable` if a source could not be read (the file
 *   changed or is gone); `internal` for what nobody foresaw
 * @property {string} message
 * @property {number} [segment]  the bad segment, where one is known
 * @property {ArrayBuffer} [buffer]  the job's, back; its contents are undefined
 */

/** @typedef {SealInit | SealJob} ToSeal */
/** @typedef {Ready | Sealed | Failed} FromSeal */
/** @typedef {OpenInit | OpenJob} ToOpen */
/** @typedef {Ready | Opened | Failed} FromOpen */
/** @typedef {KdfDone | Failed} FromKdf */
/** @typedef {Marked | Failed} FromMark */

export {};
