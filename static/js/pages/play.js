/**
 * The player's frame at /x/play: one media element at the address that stands behind the `#`
 * (`video/TOKEN` or `audio/TOKEN`), served by the worker from the page around. It tells that page how
 * it goes, and nothing else: {kim: 'player', state: 'shown' | 'failed', width, height}.
 * @module
 */

const [, kind, token] = /^#(video|audio)\/([A-Za-z0-9_-]{22})$/.exec(location.hash) ?? [];

if (kind && token && parent !== window) {
  const media = /** @type {HTMLVideoElement} */ (document.createElement(kind));
  media.controls = true;
  media.dataset['testid'] = 'player';
  media.setAttribute('playsinline', '');
  // Saving is the page's, which counts the bytes; the menu's own would take another way.
  media.setAttribute('controlslist', 'nodownload');
  media.addEventListener('loadeddata', () => tell('shown'));
  media.addEventListener('error', () => tell('failed'));
  media.src = `/x/v/${token}`;
  document.body.append(media);
  // Refused where nobody pressed anything yet: the controls are there.
  media.play().catch(() => undefined);

  /** @param {'shown' | 'failed'} state */
  function tell(state) {
    const { videoWidth: width = 0, videoHeight: height = 0 } = media;
    parent.postMessage({ kim: 'player', state, width, height }, location.origin);
  }
}
