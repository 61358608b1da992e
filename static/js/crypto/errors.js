/**
 * What can be wrong with a container, a key, a link or a file. Names and `code` are those of the
 * Python reader (unlock/errors.py); `hint` says in one sentence what to do. Messages never carry a
 * secret.
 * @module
 */

/**
 * @typedef {object} Detail
 * @property {number} [segment]  the bad segment, where one is known: only it is fetched again
 * @property {unknown} [cause]
 */

export class KimError extends Error {
  /**
   * @param {string} code
   * @param {string} hint
   * @param {string} message
   * @param {Detail} [detail]
   */
  constructor(code, hint, message, { segment, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
    this.segment = segment;
  }
}

/** The first eight bytes are not KIM1's. */
export class NotAContainer extends KimError {
  /** @param {string} message */
  constructor(message) {
    super('not_a_container', 'Choose the sealed file; its name usually ends in .kim.', message);
  }
}

/** A version, suite, segment size, flag or reserved byte that this reader does not know. */
export class UnsupportedVersion extends KimError {
  /** @param {string} message */
  constructor(message) {
    super('unsupported_version', 'This was made by a newer version: reload the page.', message);
  }
}

/** Bytes contradict each other, or are not the bytes that were sold. */
export class Damaged extends KimError {
  /**
   * @param {string} message
   * @param {Detail} [detail]
   * @param {[code: string, hint: string]} [kind]  for Truncated
   */
  constructor(message, detail, kind) {
    super(
      ...(kind ?? ['damaged', 'Download the file again, or get it from another copy.']),
      message,
      detail,
    );
  }
}

/** The end is missing. */
export class Truncated extends Damaged {
  /** @param {string} message @param {Detail} [detail] */
  constructor(message, detail) {
    const hint = 'The download stopped early; download the file again.';
    super(message, detail, ['truncated', hint]);
  }
}

/** The link, licence or release does not belong to this container. */
export class WrongKey extends KimError {
  /** @param {string} message @param {Detail} [detail] */
  constructor(message, detail) {
    const hint = 'Use the link, licence or release file that belongs to this very file.';
    super('wrong_key', hint, message, detail);
  }
}

/** The committed bytes do not open under the committed key: whoever sealed them cheated. */
export class Forged extends KimError {
  /** @param {string} message @param {Detail} [detail] */
  constructor(message, detail) {
    const hint =
      'Whoever sealed this file did not put in it what they promised; ask for the money back.';
    super('forged', hint, message, detail);
  }
}

/** A bundle's directory breaks a path rule, or does not add up. */
export class BadDirectory extends KimError {
  /** @param {string} message @param {Detail} [detail] */
  constructor(message, detail) {
    const hint = 'The folder inside the file is not safe to unpack; tell the person who sells it.';
    super('bad_directory', hint, message, detail);
  }
}

/** A bundle that no zip archive can hold; its files can still be saved one by one. */
export class CannotZip extends KimError {
  /** @param {string} message */
  constructor(message) {
    super('cannot_zip', 'Save the files one by one.', message);
  }
}

/** A link without its secret, or with a cut or mistyped one. */
export class LinkMalformed extends KimError {
  /** @param {string} message @param {Detail} [detail] */
  constructor(message, detail) {
    const hint = 'Copy the whole link again, with everything after the # sign.';
    super('link_malformed', hint, message, detail);
  }
}

/** Not a licence or release file, or a cut one. */
export class LicenceMalformed extends KimError {
  /** @param {string} message @param {Detail} [detail] */
  constructor(message, detail) {
    const hint = 'Choose the licence or release file that you saved, unchanged.';
    super('licence_malformed', hint, message, detail);
  }
}

/** Not a key file, or a cut one. */
export class KeyFileMalformed extends KimError {
  /** @param {string} message @param {Detail} [detail] */
  constructor(message, detail) {
    const hint = 'Choose the key file that you saved, unchanged.';
    super('key_file_malformed', hint, message, detail);
  }
}

/** Not the 24 words of a key. `position` counts from 1. */
export class WordsMalformed extends KimError {
  /**
   * @param {string} message
   * @param {{reason: 'count' | 'unknown' | 'checksum', position?: number}} detail
   */
  constructor(message, { reason, position }) {
    super('words_malformed', 'Compare each of the 24 words with what you wrote down.', message);
    this.reason = reason;
    this.position = position;
  }
}

/** A password derivation weaker than the floor, or absurd: nobody honest asks for it. */
export class KdfRefused extends KimError {
  /** @param {string} message */
  constructor(message) {
    super(
      'kdf_refused',
      'Do not type your password here; tell the person who runs this site.',
      message,
    );
  }
}
