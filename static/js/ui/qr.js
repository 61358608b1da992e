/**
 * A QR code as an SVG element, drawn as one path.
 * @module
 */
import { encode } from '../../vendor/uqr@0.1.3/index.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * White around it and black on it in either theme: scanners need the contrast. The frame is CSS.
 * @param {string} text
 * @returns {SVGSVGElement}
 */
export function qr(text) {
  const { data, size } = encode(text, { ecc: 'M', border: 1 });
  let path = '';
  data.forEach((row, y) =>
    row.forEach((isDark, x) => {
      if (isDark) path += `M${x} ${y}h1v1h-1z`;
    }),
  );
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${size} ${size}`);
  svg.setAttribute('shape-rendering', 'crispEdges');
  const dots = document.createElementNS(SVG, 'path');
  dots.setAttribute('d', path);
  dots.setAttribute('fill', '#000000');
  svg.append(dots);
  return svg;
}
