/**
 * Covers: a small picture made here, from a film, a photo or a picture that somebody chose. Drawn
 * anew on a canvas, so nothing but pixels is in it: no camera, no place, no second picture.
 * @module
 */
import { t } from '../texts/say.js';

const MOST_BYTES = 256 * 1024;
const MOST_SIDE = 1280;
/** A photo that is for sale is not given away as its own cover. */
const MOST_SIDE_OF_SOLD = 640;
const SIDE_OF_FACE = 160; // of a few kilobytes
const QUALITIES = [0.85, 0.7, 0.55, 0.4];
const LOOK_MS = 15_000;

/**
 * @typedef {{blob: Blob, width: number, height: number}} Cover
 * @typedef {{width: number, height: number}} Sides
 */

/**
 * @param {File} file  that is sold
 * @param {'video' | 'audio' | 'image' | 'text'} kind
 * @returns {Promise<Cover | null>} null where this browser finds no picture in it
 */
export async function proposed(file, kind) {
  if (kind === 'image') return drawn(file, MOST_SIDE_OF_SOLD).catch(() => null);
  if (kind !== 'video') return null;
  return framed(file).catch(() => null);
}

/**
 * @param {Blob} picture  that somebody chose
 * @param {number} [most]  pixels of its longer side
 * @returns {Promise<Cover>}
 * @throws {Error} if this browser cannot read it as a picture
 */
export async function drawn(picture, most = MOST_SIDE) {
  const bitmap = await createImageBitmap(picture).catch((cause) => {
    throw new Error(t('This browser cannot read that picture.'), { cause });
  });
  try {
    return await encoded(bitmap, bitmap, most);
  } finally {
    bitmap.close();
  }
}

/**
 * @param {Blob} picture  that somebody chose as their own
 * @returns {Promise<Cover>} its middle, square and small
 * @throws {Error} if this browser cannot read it as a picture
 */
export async function squared(picture) {
  const whole = await createImageBitmap(picture).catch((cause) => {
    throw new Error(t('This browser cannot read that picture.'), { cause });
  });
  const side = Math.min(whole.width, whole.height);
  const [left, top] = [(whole.width - side) / 2, (whole.height - side) / 2].map(Math.floor);
  const middle = await createImageBitmap(whole, left ?? 0, top ?? 0, side, side);
  whole.close();
  try {
    return await encoded(middle, middle, SIDE_OF_FACE);
  } finally {
    middle.close();
  }
}

/**
 * @param {File} file
 * @param {'video' | 'audio'} kind
 * @returns {Promise<number>} seconds; 0 where the browser does not know
 */
export async function secondsOf(file, kind) {
  return withMedia(file, kind, async (media) => {
    await told(media, 'loadedmetadata');
    return Number.isFinite(media.duration) ? media.duration : 0;
  }).catch(() => 0);
}

/** @param {File} file */
function framed(file) {
  return withMedia(file, 'video', async (media) => {
    const video = /** @type {HTMLVideoElement} */ (media);
    await told(video, 'loadeddata');
    // The very first frame is often black.
    const looked = told(video, 'seeked');
    video.currentTime = Math.min(1, (video.duration || 0) / 10);
    await looked;
    const { videoWidth: width, videoHeight: height } = video;
    return encoded(video, { width, height }, MOST_SIDE);
  });
}

/**
 * @template T
 * @param {File} file
 * @param {'video' | 'audio'} kind
 * @param {(media: HTMLMediaElement) => Promise<T>} work
 * @returns {Promise<T>}
 */
async function withMedia(file, kind, work) {
  const media = /** @type {HTMLMediaElement} */ (document.createElement(kind));
  const url = URL.createObjectURL(file);
  media.muted = true;
  media.preload = 'auto';
  media.src = url;
  try {
    return await work(media);
  } finally {
    media.removeAttribute('src');
    media.load();
    URL.revokeObjectURL(url);
  }
}

/**
 * @param {HTMLMediaElement} media
 * @param {string} event
 */
function told(media, event) {
  return new Promise((resolve, reject) => {
    media.addEventListener(event, resolve, { once: true });
    media.addEventListener('error', () => reject(new Error('no picture in it')), { once: true });
    setTimeout(() => reject(new Error('too slow')), LOOK_MS);
  });
}

/**
 * @param {CanvasImageSource} source
 * @param {Sides} sides
 * @param {number} most
 * @returns {Promise<Cover>}
 */
async function encoded(source, { width, height }, most) {
  if (!width || !height) throw new Error(t('There is no picture in it.'));
  for (let side = Math.min(most, Math.max(width, height)); side >= 16; side = side * 0.75) {
    const scale = side / Math.max(width, height);
    const canvas = document.createElement('canvas');
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
    context.fillStyle = '#ffffff'; // JPEG knows no transparency, and both shall look alike
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingQuality = 'high';
    context.drawImage(source, 0, 0, canvas.width, canvas.height);
    const blob = await smallest(canvas);
    if (blob) return { blob, width: canvas.width, height: canvas.height };
  }
  throw new Error(t('The picture cannot be made small enough.'));
}

/** @param {HTMLCanvasElement} canvas */
async function smallest(canvas) {
  for (const quality of QUALITIES) {
    let blob = await toBlob(canvas, 'image/webp', quality);
    // Browsers that cannot write WebP write PNG instead.
    if (blob?.type !== 'image/webp') blob = await toBlob(canvas, 'image/jpeg', quality);
    if (blob && blob.size <= MOST_BYTES) return blob;
  }
  return null;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {string} type
 * @param {number} quality
 * @returns {Promise<Blob | null>}
 */
function toBlob(canvas, type, quality) {
  return new Promise((resolve) => {
    canvas.toBlob(resolve, type, quality);
  });
}
