/** How many clients run on the daemon's machine whose hooks do not arrive at it. Read when somebody looks at the list. */
import { api } from '../client/index.js';
import { computed, signal } from '../html.js';
import { remembered } from './prefs.js';

const count = signal(0);
/** How many there were when the user last said that they are fine so. */
const accepted = remembered('unwatched-accepted', 0);

/** How many are worth a word: none until there are more than the user has accepted. */
export const unwatched = computed(() => (count.value > accepted.value ? count.value : 0));

/** Asks the daemon. Does nothing if it does not answer: the number is asked for again. */
export async function refreshUnwatched() {
  let found;
  try {
    found = (await api.health()).unwatched_clients;
  } catch {
    return;
  }
  count.value = found;
  if (found < accepted.peek()) accepted.value = found; // one more is news then
}

export function acceptUnwatched() {
  accepted.value = count.peek();
}

/** Forgets it (log out). */
export function clearUnwatched() {
  count.value = 0;
}
