/**
 * A suspended creator's one appeal, and the way out.
 * @module
 */
import { logOut } from '../net/creator.js';
import { appealSuspension } from '../net/reports.js';
import { byId } from '../ui/dom.js';
import * as problem from '../ui/problem.js';
import { takeAppeal } from './appealing.js';

const place = byId('problem');

byId('leave', HTMLButtonElement).addEventListener('click', async () => {
  try {
    await logOut();
    location.assign('/');
  } catch (error) {
    problem.show(place, error);
  }
});

const form = document.querySelector('form#form'); // there until an appeal was made
if (form instanceof HTMLFormElement) {
  const text = byId('appeal', HTMLTextAreaElement);
  takeAppeal(form, { text, button: byId('send', HTMLButtonElement), place }, appealSuspension);
}
