/** What this browser remembers about how its user likes things. */
import { effect, signal } from '../html.js';

/** Followed and set like a signal. @template T @typedef {{value: T, peek: () => T}} Remembered */

/** A value that lives in localStorage. @template T @param {string} name @param {T} initial @returns {Remembered<T>} */
export function remembered(name, initial) {
  const key = `ctm.${name}`;
  const cell = signal(stored(key, initial));
  return {
    get value() {
      return cell.value;
    },
    set value(value) {
      if (value === cell.peek()) return;
      cell.value = value;
      store(key, value);
    },
    peek: () => cell.peek(),
  };
}

/** @template T @param {string} key @param {T} initial what it is if nothing is stored, or not readable @returns {T} */
function stored(key, initial) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? '') ?? initial;
  } catch {
    return initial;
  }
}

/** @param {string} key @param {unknown} value */
function store(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // not remembered then
  }
}

/** 'system' | 'light' | 'dark' */
export const theme = remembered('theme', 'system');

/** Shows the page in the chosen theme from now on. */
export function start() {
  effect(() => {
    const root = document.documentElement;
    if (theme.value === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme.value;
  });
}
