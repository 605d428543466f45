/** Which of the open requests is in front. One that somebody else has answered stays there until that is read. */
import { useLayoutEffect, useState } from '../../html.js';
import { attempts } from '../../store/answering.js';
import { closed } from '../../store/requests.js';

/** @import { Request } from '../../client/types.js' */

/**
 * @param {Request[]} list open requests, the most urgent first
 * @returns {{request: Request|null, over: Request|null, next: (after?: Request) => void}} `request`: the one in front;
 *   `over`: what became of it, if it is no longer open. `next`: brings the next one to the front
 */
export function useDesk(list) {
  const [id, setId] = useState('');
  const is = closed.value.get(id);
  // The event may come before the answer to our own order: then the sheet still says that it is being sent.
  const open = list.find((one) => one.id === id) ?? (attempts.value.get(id)?.busy ? is : undefined);
  const over = open ? undefined : is;
  const front = open ?? (over ? undefined : list[0]);
  useLayoutEffect(() => {
    if (front && front.id !== id) setId(front.id);
  }, [front?.id]);
  const next = (/** @type {Request|undefined} */ after) => {
    const at = list.findIndex((one) => one.id === (after?.id ?? id));
    const rest = at < 0 ? list : [...list.slice(at + 1), ...list.slice(0, at)];
    setId(rest[0]?.id ?? '');
  };
  return { request: front ?? null, over: over ?? null, next };
}
