/** The time, ticking once a second while the page is seen. Components that read `now.value` follow it. */
import { signal } from '../html.js';

export const now = signal(Date.now());

setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);
document.addEventListener('visibilitychange', () => {
  now.value = Date.now();
});
