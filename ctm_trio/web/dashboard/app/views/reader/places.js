/** Going about in a conversation: to an entry wherever it is, to the prompt before or after, to the end. */
import { conversations } from '../../client/index.js';
import { signal, useEffect, useLayoutEffect, useMemo, useRef } from '../../html.js';
import { isUnknown } from '../../store/reading.js';
import { isHeading } from './outline.js';
import { toggle } from './context.js';

/** @import { Entry } from '../../client/types.js' */
/** @import { Reading } from '../../store/reading.js' */
/** @import { ListHandle } from '../../ui/measured-list.js' */
/** @import { Context } from './context.js' */

/** Pages that are looked through for the prompt before. */
const MOST_PAGES = 10;
/** The daemon gives so many at once. */
const MOST_ENTRIES = 500;

/** Where threads were left that were not read to their end: their entries, for as long as the page lives. @type {Map<string, string>} */
const left = new Map();
const MOST_LEFT = 50;

/** @param {string} thread @param {string} entry '' at the end */
function leave(thread, entry) {
  left.delete(thread);
  if (entry) left.set(thread, entry);
  if (left.size > MOST_LEFT) left.delete([...left.keys()][0]);
}

/**
 * @param {Reading} reading @param {Context} context @param {string} entry of the address, '' for where it was left, else the end
 * @param {(agent: string) => void} elsewhere the entry is of this sub-agent's thread
 */
export function usePlaces(reading, context, entry, elsewhere) {
  const list = useRef(/** @type {ListHandle|null} */ (null));
  const wanted = useRef('');
  const toFirst = useRef(false);
  const thread = JSON.stringify([context.whose, reading.agent]);
  const startAt = useMemo(() => entry || left.get(thread) || '', [reading, entry]);
  const state = useMemo(() => ({ current: signal(''), away: signal(Boolean(startAt)), gone: signal(false) }), [reading]);
  const entries = reading.entries.value;

  const show = (/** @type {string} */ id) => {
    list.current?.to(id);
    context.marked.value = id;
  };
  /** @param {string} id @param {boolean} [reveal] unfold it */
  const jump = async (id, reveal) => {
    if (reveal) toggle(context, id, true);
    if (reading.entries.peek().some((one) => one.id === id)) return show(id);
    wanted.current = id;
    reading.atEnd = false;
    await reading.around(id);
    if (!isUnknown(reading.error.peek())) return undefined;
    const agent = reading.agent ? '' : await elsewhereOf(context, id);
    if (wanted.current !== id) return undefined; // somebody has gone elsewhere meanwhile
    wanted.current = '';
    if (agent) return elsewhere(agent);
    state.gone.value = true;
    return toEnd(true);
  };
  const goBack = async () => {
    await reading.around(startAt);
    if (isUnknown(reading.error.peek())) toEnd(true);
  };
  useEffect(() => {
    reading.atEnd = !startAt;
    if (entry) jump(entry, true);
    else if (startAt) goBack();
    else if (!reading.loaded.peek()) reading.start();
  }, [reading, entry]);
  useLayoutEffect(() => {
    if (toFirst.current && !reading.older.peek()) {
      toFirst.current = false;
      list.current?.toStart();
    }
    if (!wanted.current || !entries.some((one) => one.id === wanted.current)) return;
    show(wanted.current);
    wanted.current = '';
  }, [entries]);
  useEffect(() => {
    if (reading.fresh.value.id) context.newFrom.value = reading.fresh.value.id;
  }, [reading.fresh.value.id]);

  const onMove = (/** @type {boolean} */ end, /** @type {string} */ here) => {
    reading.atEnd = end && !reading.newer.peek();
    state.away.value = !reading.atEnd;
    if (reading.atEnd && reading.fresh.peek().n) reading.fresh.value = { id: '', n: 0 };
    state.current.value = headingAt(reading.entries.peek(), here);
    leave(thread, reading.atEnd ? '' : here);
  };
  /** @param {boolean} [far] what is there is not the end */
  const toEnd = (far = reading.newer.peek()) => {
    reading.atEnd = true;
    state.away.value = false;
    list.current?.toEnd();
    if (far) reading.start().then(() => list.current?.toEnd());
  };
  const toStart = () => {
    reading.atEnd = false;
    context.marked.value = '';
    if (!reading.older.peek()) return list.current?.toStart();
    toFirst.current = true;
    return reading.begin();
  };
  /** To the prompt before (-1) or after (1). @param {number} by */
  const step = async (by) => {
    for (let page = 0; page < MOST_PAGES; page += 1) {
      const all = reading.entries.peek();
      const at = all.findIndex((one) => one.id === list.current?.here());
      const found = by < 0 ? all.slice(0, Math.max(0, at)).findLast(isHeading) : all.slice(at + 1).find(isHeading);
      if (found) return jump(found.id);
      if (!(by < 0 ? reading.older : reading.newer).peek()) break;
      await (by < 0 ? reading.loadOlder() : reading.loadNewer());
      if (reading.error.peek()) return undefined;
    }
    return by < 0 ? toStart() : toEnd();
  };
  return { list, startAt, ...state, jump, onMove, toStart, toEnd, step };
}

/** The prompt whose turn an entry is in. @param {Entry[]} entries @param {string} id */
function headingAt(entries, id) {
  const at = entries.findIndex((one) => one.id === id);
  return entries.slice(0, at + 1).findLast(isHeading)?.id ?? '';
}

/** The sub-agent whose thread has an entry, '' if none has. @param {Context} context @param {string} id */
async function elsewhereOf({ whose, session }, id) {
  for (const agent of await agentsOf(whose, session)) {
    const found = await conversations.page(whose, { after: id, limit: 1, agent }).then(() => true, () => false);
    if (found) return agent;
  }
  return '';
}

/** The sub-agents of a session, or those that the last calls started. @param {import('../../client/conversations.js').Whose} whose @param {string} session */
async function agentsOf(whose, session) {
  const found = session
    ? conversations.usage(session).then(({ usage }) => usage.map((one) => one.agent_id))
    : conversations.page(whose, { limit: MOST_ENTRIES }).then(({ entries }) => entries.map((one) => one.started_agent ?? ''));
  return [...new Set(await found.catch(() => []))].filter(Boolean);
}
