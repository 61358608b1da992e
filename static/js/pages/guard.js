/**
 * Shows a readable note where the page's modules did not start: a browser too old for them, or one
 * that blocks scripts. A classic script in the oldest syntax, so that it runs where they do not.
 */
(function () {
  /* eslint-disable no-var */
  var LATE_MS = 15000;
  var isOld = !('noModule' in document.createElement('script'));

  function isAlive() {
    return document.documentElement.getAttribute('data-alive') === 'yes';
  }

  function tell() {
    var note = document.getElementById('guard');
    if (note && !isAlive()) note.removeAttribute('hidden');
  }

  if (isOld) {
    tell();
  } else {
    // A module that does not load, or does not parse, is told by an error on its way down.
    window.addEventListener(
      'error',
      function () {
        setTimeout(tell, 0);
      },
      true,
    );
    setTimeout(tell, LATE_MS);
  }
})();
