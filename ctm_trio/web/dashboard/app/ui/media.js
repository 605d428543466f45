/** Follow a media query. */
import { signal } from '../html.js';

/** Below this width the page is laid out for a phone; `styles/` says the same. */
const query = matchMedia('(max-width: 720px)');
const narrow = signal(query.matches);
query.addEventListener('change', () => (narrow.value = query.matches));

/** @returns {boolean} true on a phone */
export const useNarrow = () => narrow.value;
