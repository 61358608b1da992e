/**
 * A bar chart drawn with plain SVG elements, for the eye; the numbers stand in a table beside it.
 * @module
 */
import { t } from '../texts/say.js';

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 180;
const TOP = 22;
const BOTTOM = 22;
const WIDEST = 72;
const LABEL_WIDTH = 78;

/**
 * @typedef {{name: string, value: number, said: string}} Point  ``said``: the value in words
 */

/**
 * Draws ``points`` as wide as ``place`` is, and again whenever that changes.
 * @param {SVGSVGElement} place
 * @returns {(points: Point[]) => void}
 */
export function chartIn(place) {
  /** @type {Point[]} */
  let shown = [];
  let width = 0;
  new ResizeObserver(() => {
    if (Math.round(place.clientWidth) !== width) draw();
  }).observe(place);

  function draw() {
    width = Math.round(place.clientWidth);
    place.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    place.replaceChildren(...(width > 0 ? parts(shown, width) : []));
  }

  return (points) => {
    shown = points;
    draw();
  };
}

/**
 * @param {Point[]} points
 * @param {number} width
 */
function parts(points, width) {
  const most = Math.max(...points.map((point) => point.value), 0);
  const floor = HEIGHT - BOTTOM;
  const room = floor - TOP;
  const each = Math.min(WIDEST, width / Math.max(points.length, 1));
  const bars = points.map((point, index) => {
    const tall = most > 0 ? (point.value / most) * room : 0;
    const high = point.value > 0 ? Math.max(tall, 2) : 0;
    const bar = make('rect', {
      class: 'bar-of',
      x: index * each + each * 0.1,
      y: floor - high,
      width: each * 0.8,
      height: high,
      rx: Math.min(3, each * 0.2),
    });
    const title = make('title', {});
    title.textContent = `${point.name}: ${point.said}`;
    bar.append(title);
    return bar;
  });
  const best = points.find((point) => point.value === most);
  return [
    make('line', { class: 'grid', x1: 0, x2: width, y1: TOP, y2: TOP }),
    make('line', { class: 'axis', x1: 0, x2: width, y1: floor, y2: floor }),
    text(best && most > 0 ? t('most: {amount}', { amount: best.said }) : '', { x: 0, y: TOP - 7 }),
    ...bars,
    ...names(points, each),
  ];
}

/**
 * As many names under the bars as there is room for, the first one always.
 * @param {Point[]} points
 * @param {number} each
 */
function names(points, each) {
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / each));
  return points
    .map((point, index) => ({ point, index }))
    .filter(({ index }) => index % every === 0 && (index === 0 || points.length - index >= every))
    .map(({ point, index }) => text(point.name, { x: index * each + each * 0.1, y: HEIGHT - 5 }));
}

/**
 * @param {string} words
 * @param {Record<string, number>} where
 */
function text(words, where) {
  const element = make('text', where);
  element.textContent = words;
  return element;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} facts
 */
function make(tag, facts) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(facts)) element.setAttribute(name, String(value));
  return element;
}
