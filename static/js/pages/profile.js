/**
 * What buyers see of a creator: a small picture, a few lines, a way to write to them.
 * @module
 */
import * as net from '../net/storefront.js';
import * as covers from '../ui/cover.js';
import { byId } from '../ui/dom.js';
import { keepLinkless, linkless } from '../ui/linkless.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { t } from '../texts/say.js';

const about = () => byId('profile-about', HTMLTextAreaElement);
const contact = () => byId('profile-contact', HTMLInputElement);

/** Fills the form, and brings its picture to life; saving is `saveProfile`. */
export async function showProfile() {
  const place = byId('profile-problem');
  const chooser = byId('profile-picture', HTMLInputElement);
  keepLinkless(about());
  keepLinkless(contact());
  byId('profile-choose').addEventListener('click', () => chooser.click());
  /** @param {() => Promise<unknown>} act */
  const attempt = async (act) => {
    problem.hide(place);
    await act().catch((error) => problem.show(place, error));
  };
  chooser.addEventListener('change', () =>
    attempt(async () => {
      const [picture] = chooser.files ?? [];
      chooser.value = '';
      if (!picture) return;
      const { blob } = await covers.squared(picture);
      showFace(await net.keepAvatar(blob));
      toast(t('Picture saved'));
    }),
  );
  byId('profile-drop').addEventListener('click', () =>
    attempt(async () => {
      await net.dropAvatar();
      showFace({ avatar_sha256: '' });
    }),
  );
  const known = await net.profile();
  about().value = known.about;
  contact().value = known.contact;
  showFace(known);
  byId('profile-fields', HTMLFieldSetElement).disabled = false;
}

export async function saveProfile() {
  const said = { about: linkless(about().value), contact: linkless(contact().value) };
  const kept = await net.keepProfile(said);
  about().value = kept.about;
  contact().value = kept.contact;
  toast(t('Saved'));
}

/** @param {{avatar_sha256: string}} profile */
function showFace({ avatar_sha256: name }) {
  const face = byId('profile-face', HTMLImageElement);
  face.hidden = !name;
  if (name) face.src = `/avatars/${name}`;
  byId('profile-drop').hidden = !name;
}
