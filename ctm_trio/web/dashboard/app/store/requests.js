/** What the sessions ask: read once, kept current by events, read again after a gap. Source: PROTOCOL.md, Requests. */
import { asked } from '../client/index.js';
import { computed, signal } from '../html.js';
import { t } from '../i18n/index.js';
import { timeOfId } from '../ids.js';
import { boxNow } from './clock.js';
import { toast } from './toasts.js';

/** @import { LiveEvent, Request } from '../client/types.js' */

/** Requests that are open, by id. @type {import('../html.js').Signal<Map<string, Request>>} */
export const requests = signal(new Map());
/** False until the first answer. */
export const requestsLoaded = signal(false);
/** What became of those that were open here, by id; the newest few. @type {import('../html.js').Signal<Map<string, Request>>} */
export const closed = signal(new Map());

const CLOSED_KEPT = 50;
/** Characters of a command that a short message shows. */
const SHOWN = 80;
const URGENCY = ['permission', 'question', 'plan', 'dialog'];
/** Read again this often: it finds what no event tells. */
const REFRESH_MS = 60_000;

/** Most urgent first, then oldest first. */
export const queue = computed(() =>
  [...requests.value.values()].sort(
    (a, b) => URGENCY.indexOf(a.kind) - URGENCY.indexOf(b.kind) || Date.parse(a.asked_at) - Date.parse(b.asked_at) || (a.id < b.id ? -1 : 1),
  ),
);
/** A number, so that who shows it is drawn again only when it changes. */
export const openCount = computed(() => requests.value.size);

/** What a session asks, most urgent first. @param {string} session */
export const requestsOf = (session) => queue.value.filter((one) => one.session === session);

/** What changed since the read under way was asked for; its answer may be older. Another one with each login.
 *  @type {{busy: boolean, again: boolean, steps: ((map: Map<string, Request>) => void)[]}} */
let reading = { busy: false, again: false, steps: [] };

/** Reads what is open. While a read is under way one more follows it. */
export async function refreshRequests() {
  const mine = reading;
  if (mine.busy) {
    mine.again = true;
    return;
  }
  mine.busy = true;
  mine.steps = [];
  const at = boxNow();
  try {
    const list = (await asked.open()).requests;
    if (mine !== reading) return;
    const map = new Map(list.map((one) => [one.id, one]));
    for (const step of mine.steps) step(map);
    const lost = [...requests.value.keys()].filter((id) => !map.has(id) && !closed.value.has(id));
    requests.value = map;
    requestsLoaded.value = true;
    listedAt = at;
    lost.forEach(lookUp);
  } catch {
    // away: the stream says so, and with it comes the next read
  } finally {
    mine.busy = false;
  }
  if (mine === reading && mine.again) {
    mine.again = false;
    await refreshRequests();
  }
}

/** @param {(map: Map<string, Request>) => void} step also done to the answer that is on its way */
function change(step) {
  const map = new Map(requests.value);
  step(map);
  requests.value = map;
  if (reading.busy) reading.steps.push(step);
}

/** When the list that is shown was asked for, ms by the box's clock. A stream begins with older events: the list knows better. */
let listedAt = 0;
const MARGIN_MS = 2000;

/** What an event means for the requests. @param {LiveEvent} event */
export function applyRequest({ type, payload, id: eventId }) {
  const isOld = eventId && timeOfId(eventId) < listedAt - MARGIN_MS;
  if (type === 'request_opened') {
    if (isOld && requestsLoaded.value && !requests.value.has(payload.id)) return;
    if (closed.value.has(payload.id) || (isOld && requests.value.has(payload.id))) return; // told again after a reconnect
    if (payload.cut) lookUp(payload.id);
    else change((map) => map.set(payload.id, payload));
  } else if (type === 'request_changed') {
    const { id, answerable, why_not, choices } = payload;
    change((map) => {
      const known = map.get(id);
      if (known) map.set(id, { ...known, answerable, why_not, choices: choices ?? known.choices });
    });
  } else if (type === 'request_closed') {
    const known = requests.value.get(payload.id) ?? closed.value.get(payload.id); // one that is told again was corrected
    if (known) noteClosed({ ...known, state: payload.state, answer: payload.answer });
    else change((map) => map.delete(payload.id));
  }
}

/** Reads a whole request: an event left out what is long, or a list no longer has it. @param {string} id */
async function lookUp(id) {
  const mine = reading;
  try {
    const found = await asked.one(id);
    if (mine !== reading || closed.value.has(id)) return;
    if (found.state === 'open') change((map) => map.set(id, found));
    else noteClosed(found);
  } catch {
    // gone with its session, or the daemon is away: the next read of the list tells
  }
}

/** A request has left "open", or what became of it was corrected: the terminal had been faster than our answer.
 *  @param {Request} request as it is now */
export function noteClosed(request) {
  const before = closed.value.get(request.id)?.state;
  if (before === 'answered_elsewhere' && request.state === 'answered') return; // told again
  const isNews = requestsLoaded.value; // a stream begins with older events: nobody can have answered here before
  if (isNews && before === 'answered' && request.state === 'answered_elsewhere') {
    toast(t('answer.corrected', { what: request.summary.slice(0, SHOWN) }), 'bad');
  }
  const map = new Map(closed.value).set(request.id, request);
  for (const id of map.keys()) {
    if (map.size <= CLOSED_KEPT) break;
    map.delete(id);
  }
  closed.value = map;
  change((open) => open.delete(request.id));
}

/** Forgets everything (log out). */
export function clearRequests() {
  reading = { busy: false, again: false, steps: [] };
  requests.value = new Map();
  closed.value = new Map();
  requestsLoaded.value = false;
}

/** Reads again and again from now on, once it was read and while the page is seen. */
export function start() {
  setInterval(() => {
    if (requestsLoaded.value && !document.hidden) refreshRequests();
  }, REFRESH_MS);
}
