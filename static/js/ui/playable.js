/**
 * What this browser can show of a file, known by its type: films and sound by their player, pictures
 * and plain text by the page. Everything else is for saving; HTML and SVG are never shown.
 * @module
 */
import { t } from '../texts/say.js';

/** Types that are handed to the browser's own decoders, and the name each is handed over by. */
const MEDIA = new Map([
  ['video/mp4', 'video/mp4'],
  ['video/x-m4v', 'video/mp4'],
  ['video/webm', 'video/webm'],
  ['video/ogg', 'video/ogg'],
  ['video/quicktime', 'video/quicktime'],
  ['video/x-matroska', 'video/x-matroska'],
  ['audio/mpeg', 'audio/mpeg'],
  ['audio/mp3', 'audio/mpeg'],
  ['audio/mp4', 'audio/mp4'],
  ['audio/x-m4a', 'audio/mp4'],
  ['audio/aac', 'audio/aac'],
  ['audio/ogg', 'audio/ogg'],
  ['audio/webm', 'audio/webm'],
  ['audio/wav', 'audio/wav'],
  ['audio/x-wav', 'audio/wav'],
  ['audio/flac', 'audio/flac'],
  ['audio/x-flac', 'audio/flac'],
]);
const IMAGES = new Set(['image/png', 'image/jpeg', 'image/webp', 'image/gif', 'image/avif']);
const TEXTS = new Set(['text/plain', 'text/markdown', 'text/csv', 'application/json']);
/** Larger ones are looked at in a program of their own. */
const IMAGE_BYTES = 64 * 2 ** 20;
const TEXT_BYTES = 2 ** 20;

/** Where no type was given (a licence knows only the name). */
const ENDINGS = new Map(
  Object.entries({
    mp4: 'video/mp4',
    m4v: 'video/mp4',
    webm: 'video/webm',
    ogv: 'video/ogg',
    mov: 'video/quicktime',
    mkv: 'video/x-matroska',
    mp3: 'audio/mpeg',
    m4a: 'audio/mp4',
    aac: 'audio/aac',
    ogg: 'audio/ogg',
    oga: 'audio/ogg',
    opus: 'audio/ogg',
    wav: 'audio/wav',
    flac: 'audio/flac',
    png: 'image/png',
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    webp: 'image/webp',
    gif: 'image/gif',
    avif: 'image/avif',
    txt: 'text/plain',
    md: 'text/markdown',
    csv: 'text/csv',
    json: 'application/json',
  }),
);

/**
 * @typedef {'video' | 'audio' | 'image' | 'text'} Kind
 * @typedef {{kind: Kind, type: string}} Shown  `type`: what the bytes are called from here on
 */

/**
 * @param {string} type  MIME type, as the creator's browser named it; '' if it named none
 * @param {string} name  of the file
 * @returns {string} the type it goes by
 */
export function typeOf(type, name) {
  const [bare = ''] = type.toLowerCase().split(';');
  if (bare.trim() && bare.trim() !== 'application/octet-stream') return bare.trim();
  return ENDINGS.get(/\.([^.]+)$/.exec(name.toLowerCase())?.[1] ?? '') ?? '';
}

/**
 * @param {{type: string, name: string, sizeBytes: number}} file
 * @returns {Shown | null} how it can be shown here, in this browser; null: it can only be saved
 */
export function shownAs({ type: given, name, sizeBytes }) {
  const type = typeOf(given, name);
  const media = MEDIA.get(type);
  if (sizeBytes === 0) return null;
  if (media) {
    const kind = media.startsWith('video/') ? 'video' : 'audio';
    return canPlay(kind, media) ? { kind, type: media } : null;
  }
  if (IMAGES.has(type)) return sizeBytes <= IMAGE_BYTES ? { kind: 'image', type } : null;
  if (TEXTS.has(type)) return sizeBytes <= TEXT_BYTES ? { kind: 'text', type } : null;
  return null;
}

/**
 * Said before anything is paid, and to the creator at the drop.
 * @param {string} given  MIME type
 * @param {string} [name]
 * @returns {string} '' where it plays, or where nobody would expect that it does
 */
export function cannotPlay(given, name = '') {
  const type = typeOf(given, name);
  const [family] = type.split('/');
  if (family !== 'video' && family !== 'audio') return '';
  const media = MEDIA.get(type);
  if (media && canPlay(family, media)) return '';
  return family === 'video'
    ? t(
        'This browser cannot play this kind of film ({type}). It can be saved and played in another program.',
        { type },
      )
    : t(
        'This browser cannot play this kind of sound ({type}). It can be saved and played in another program.',
        { type },
      );
}

/**
 * @param {'video' | 'audio'} kind
 * @param {string} type
 */
function canPlay(kind, type) {
  const element = /** @type {HTMLMediaElement} */ (document.createElement(kind));
  return element.canPlayType(type) !== '';
}
