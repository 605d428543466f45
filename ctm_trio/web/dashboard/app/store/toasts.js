/** Short messages that come and go, read out by screen readers. */
import { signal } from '../html.js';

/** @typedef {{id: number, tone: 'good'|'bad'|'plain', text: string}} Toast */

const SHOWN_MS = 5000;
/** @type {import('../html.js').Signal<Toast[]>} */
export const toasts = signal([]);
let nextId = 1;

/** @param {string} text @param {'good'|'bad'|'plain'} [tone] */
export function toast(text, tone = 'plain') {
  const id = nextId++;
  toasts.value = [...toasts.value.slice(-2), { id, tone, text }];
  setTimeout(() => dismiss(id), tone === 'bad' ? SHOWN_MS * 2 : SHOWN_MS);
}

/** @param {number} id */
export function dismiss(id) {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}
