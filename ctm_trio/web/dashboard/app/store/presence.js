/** Says to the daemon what is looked at, while it is: nobody is disturbed about what is on the screen anyway. */
import { asked } from '../client/index.js';
import { effect } from '../html.js';
import { newKey } from '../ids.js';
import { here, match } from '../router.js';
import { phase } from './auth.js';

/** Without a word for a minute a page counts as closed. */
const EVERY_MS = 20_000;

/** Two pages of one device are two: a hidden one says nothing of the other. */
const page = newKey().slice(0, 32);

/** @param {boolean} [last] the page is going away */
function tell(last = false) {
  if (phase.peek() !== 'in') return;
  const session = match('/s/:name/:tab?/:rest?', here.peek().path)?.name;
  const visible = !document.hidden && !last;
  asked.presence({ page, visible, ...(visible && session && { session }) }, last).catch(() => {}); // the next word comes soon
}

/** Tells from now on: when the page is seen or not, when another session is looked at, and every 20 s. */
export function start() {
  let lastPath = '';
  effect(() => {
    const path = phase.value === 'in' ? here.value.path : '';
    const moved = path && path.split('/', 3).join('/') !== lastPath;
    lastPath = path.split('/', 3).join('/');
    if (moved && !document.hidden) tell();
  });
  document.addEventListener('visibilitychange', () => tell());
  addEventListener('pagehide', () => tell(true));
  setInterval(() => {
    if (!document.hidden) tell();
  }, EVERY_MS);
}
