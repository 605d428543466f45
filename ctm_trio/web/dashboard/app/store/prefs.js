/** What this browser remembers about how its user likes things. */
import { effect, signal } from '../html.js';

/** A signal that lives in localStorage. @template T @param {string} name @param {T} initial */
export function remembered(name, initial) {
  const key = `ctm.${name}`;
  const cell = signal(initial);
  try {
    const stored = localStorage.getItem(key);
    if (stored !== null) cell.value = JSON.parse(stored);
  } catch {
    // nothing stored, or not readable: the initial value it is
  }
  cell.subscribe((value) => {
    try {
      localStorage.setItem(key, JSON.stringify(value));
    } catch {
      // not remembered then
    }
  });
  return cell;
}

/** 'system' | 'light' | 'dark' */
export const theme = remembered('theme', 'system');

effect(() => {
  const root = document.documentElement;
  if (theme.value === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme.value;
});
