/**
 * Names of strangers' files, shown so that they cannot pretend to be something else.
 * @module
 */

/** What turns the reading direction inside a line, and what ends lines. */
// eslint-disable-next-line no-control-regex -- names may hold them
const TURNING = /[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g;

/**
 * @param {string} name
 * @returns {string} for a <bdi>: "gpj.exe" written backwards does not read as a picture
 */
export function shownName(name) {
  return name.replace(TURNING, '\ufffd');
}
