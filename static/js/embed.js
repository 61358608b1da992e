/**
 * The buy button of foreign pages, at /embed/1/button.js (docs/embed.md). It turns
 * <a class="kim-buy" href="https://host/f/…#1.…">Buy</a> into a button with the price of now. Without
 * it the link is a plain link and works as well. It keeps nothing, listens to nothing but its own
 * page being read, and tells our server the file's number only: what stands behind the # stays here.
 *
 * Pages name the hash of this file: what is served at its address never changes. A change of a
 * single byte is another address.
 */
(() => {
  const script = document.currentScript;
  if (!(script instanceof HTMLScriptElement)) return;
  const home = new URL(script.src).origin;
  const PATH = /^\/f\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
  const STYLE = `
    :host { display: inline-block; vertical-align: middle; max-width: 100%; }
    a { box-sizing: border-box; display: inline-flex; flex-wrap: wrap; align-items: baseline;
      gap: 0 0.6em; min-height: 44px; max-width: 100%; padding: 10px 22px; border-radius: 99px;
      font: 600 16px/1.5 ui-sans-serif, system-ui, sans-serif; text-decoration: none;
      color: var(--kim-buy-text, #fff); background: var(--kim-buy, #097a48); overflow-wrap: anywhere; }
    a:hover { text-decoration: underline; }
    a:focus-visible { outline: 3px solid #097a48; outline-offset: 3px; box-shadow: 0 0 0 3px #fff; }
    span { font-weight: 400; font-variant-numeric: tabular-nums; }
    @media (forced-colors: active) { a { border: 1px solid; } }`;

  /** @param {HTMLAnchorElement} link */
  function dress(link) {
    if (!URL.canParse(link.href)) return;
    const url = new URL(link.href);
    const id = url.origin === home ? PATH.exec(url.pathname)?.[1] : undefined;
    if (!id) return;
    const host = document.createElement('span');
    const root = host.attachShadow({ mode: 'open' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    root.adoptedStyleSheets = [sheet];
    const button = document.createElement('a');
    const { label, soldOut, price: wantsPrice } = link.dataset;
    button.textContent = label || link.textContent?.trim() || 'Buy';
    button.href = url.href;
    button.target = '_blank';
    button.rel = 'noopener';
    button.referrerPolicy = 'no-referrer';
    root.append(button);
    link.replaceWith(host);
    if (wantsPrice !== 'no') void showPrice(button, id, soldOut || 'Sold out');
  }

  /**
   * @param {HTMLAnchorElement} button
   * @param {string} id
   * @param {string} soldOut
   */
  async function showPrice(button, id, soldOut) {
    try {
      const answer = await fetch(`${home}/api/v1/files/${id}/`, {
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
      });
      if (!answer.ok) return;
      const words = wordsOf(await answer.json(), soldOut);
      if (!words) return;
      const place = document.createElement('span');
      place.textContent = words;
      button.append(' ', place);
    } catch {
      // The page's policy lets nothing through, or the network does not: a button without a price.
    }
  }

  /**
   * @param {any} offer
   * @param {string} soldOut
   * @returns {string} the price everybody pays; '' where the page itself has more to say
   */
  function wordsOf({ state, price, selling }, soldOut) {
    if (state !== 'published' || selling.kind !== 'fixed' || selling.free_left > 0) return '';
    if (selling.is_sold_out) return soldOut;
    const { amount, currency } = price;
    if (currency === 'BCH') return `${amount.replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')} BCH`;
    const language = document.documentElement.lang || undefined;
    try {
      return Number(amount).toLocaleString(language, { style: 'currency', currency });
    } catch {
      return `${amount} ${currency}`;
    }
  }

  function start() {
    for (const link of document.querySelectorAll('a.kim-buy[href]')) {
      if (link instanceof HTMLAnchorElement) dress(link);
    }
  }

  if (document.readyState === 'loading') document.addEventListener('DOMContentLoaded', start);
  else start();
})();
