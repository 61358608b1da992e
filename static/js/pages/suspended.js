/**
 * A suspended creator's one appeal, and the way out.
 * @module
 */
import { logOut } from '../net/creator.js';
import { appealSuspension } from '../net/reports.js';
import { byId } from '../ui/dom.js';
import * as problem from '../ui/problem.js';
import { takeAppeal } from './appealing.js';

// Both are there while the suspension lasts; the form until an appeal was made.
const leave = document.querySelector('button#leave');
leave?.addEventListener('click', async () => {
  try {
    await logOut();
    location.assign('/');
  } catch (error) {
    problem.show(byId('problem'), error);
  }
});

const form = document.querySelector('form#form');
if (form instanceof HTMLFormElement) {
  const text = byId('appeal', HTMLTextAreaElement);
  const button = byId('send', HTMLButtonElement);
  takeAppeal(form, { text, button, place: byId('appeal-problem') }, appealSuspension);
}
