/** What the screen is like, for components to follow. */
import { signal } from '../html.js';

/** Below this width the page is laid out for a phone; `styles/` says the same. */
const phone = matchMedia('(max-width: 720px)');
const dark = matchMedia('(prefers-color-scheme: dark)');
const coarse = matchMedia('(pointer: coarse)');
const isPhone = signal(phone.matches);
const isDark = signal(dark.matches);
const isCoarse = signal(coarse.matches);

/** Follows the screen from now on. */
export function start() {
  phone.addEventListener('change', () => (isPhone.value = phone.matches));
  dark.addEventListener('change', () => (isDark.value = dark.matches));
  coarse.addEventListener('change', () => (isCoarse.value = coarse.matches));
}

/** @returns {boolean} true on a phone */
export const useNarrow = () => isPhone.value;

/** @returns {boolean} true if the system is dark, whatever was chosen here */
export const useDark = () => isDark.value;

/** @returns {boolean} true where fingers are the pointer */
export const useCoarse = () => isCoarse.value;
