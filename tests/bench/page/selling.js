/**
 * A creator in front of the real sell page. Query: `mib` of random bytes, or `film` by name, or
 * `sparse` GB of holes, of which only the first byte sent is waited for. Notes the link, else.
 * @module
 */
import { signUp } from './account.js';
import { drive, makeFile, measure, note, sparseFile, takeFile, watchTasks } from './gauge.js';
import * as people from './people.js';

const asked = new URLSearchParams(location.search);
const film = asked.get('film');
const sparse = Number(asked.get('sparse') ?? 0);

/**
 * From the drop to the first bytes of ciphertext that the browser says have left.
 * @param {Window} page
 * @param {File} file
 * @returns {Promise<number>} seconds
 */
async function firstByte(page, file) {
  const { prototype } = /** @type {any} */ (page).XMLHttpRequest;
  const { send } = prototype;
  /** @type {Promise<number>} */
  const left = new Promise((resolve) => {
    /** @this {XMLHttpRequest} @param {any} body */
    prototype.send = function (body) {
      this.upload.addEventListener('progress', ({ loaded }) => {
        if (loaded > 0) resolve(performance.now());
      });
      send.call(this, body);
    };
  });
  const from = performance.now();
  people.choose(page, file);
  return ((await left) - from) / 1000;
}

await drive(async () => {
  await signUp();
  if (sparse) {
    const file = await sparseFile(sparse);
    const page = await people.sellPage();
    await note({ name: 'first byte', seconds: await firstByte(page, file), size: file.size });
    return;
  }
  const file = film ? await takeFile(film) : await makeFile();
  const page = await people.sellPage();
  watchTasks(page);
  await measure(
    'upload',
    1,
    async () => {
      people.choose(page, file);
      await people.uploadIs(page, 'finalising');
    },
    file.size,
  );
  await note({ name: 'link', link: await people.publish(page), size: file.size });
});
