/** What the screen is like, for components to follow. */
import { signal } from '../html.js';

/** Below this width the page is laid out for a phone; `styles/` says the same. */
const phone = matchMedia('(max-width: 720px)');
const isPhone = signal(phone.matches);

/** Follows the screen from now on. */
export function start() {
  phone.addEventListener('change', () => (isPhone.value = phone.matches));
}

/** @returns {boolean} true on a phone */
export const useNarrow = () => isPhone.value;
