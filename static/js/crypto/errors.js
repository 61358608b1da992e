/**
 * What can be wrong with a container, a key, a link or a file. `code` is stable and shared with the
 * Python reader; `hint` says in one sentence what to do. Messages never carry a secret.
 * @module
 */

export class KimError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string} hint
   * @param {ErrorOptions} [options]
   */
  constructor(code, message, hint, options) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.hint = hint;
  }
}

export class NotAContainer extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('not_a_container', message, 'Choose a .kim file, or ask for the link again.', options);
  }
}

export class UnsupportedVersion extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('unsupported_version', message, 'Use a newer reader.', options);
  }
}

export class Damaged extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('damaged', message, 'Fetch it again, from another copy if there is one.', options);
  }
}

export class Truncated extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('truncated', message, 'The data ends too early: fetch it again.', options);
  }
}

export class WrongKey extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('wrong_key', message, 'Use the link or licence that belongs to this file.', options);
  }
}

/** The bytes are whole, but not what was promised by whoever sealed them. */
export class Forged extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('forged', message, 'Do not trust this file; ask for your money back.', options);
  }
}

export class BadDirectory extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('bad_directory', message, 'The list of files inside cannot be trusted.', options);
  }
}

export class LinkMalformed extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('link_malformed', message, 'Copy the whole link, with all that follows the #.', options);
  }
}

export class LicenceMalformed extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('licence_malformed', message, 'Choose the licence file as it was saved.', options);
  }
}

export class KeyFileMalformed extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('key_file_malformed', message, 'Choose the key file as it was saved.', options);
  }
}

export class ReleaseFileMalformed extends KimError {
  /** @param {string} message @param {ErrorOptions} [options] */
  constructor(message, options) {
    super('release_file_malformed', message, 'Choose the release file as it was saved.', options);
  }
}

export class WordsMalformed extends KimError {
  /**
   * @param {string} message
   * @param {{reason: 'count' | 'unknown' | 'checksum', position?: number}} detail
   *   position counts from 1
   */
  constructor(message, detail) {
    super('words_malformed', message, 'Compare each of the 24 words with your paper.');
    this.reason = detail.reason;
    this.position = detail.position;
  }
}
