/** The conversations that match what is typed, page by page. */
import { conversations } from '../../client/index.js';
import { useEffect, useRef, useState } from '../../html.js';

/** @import { ApiError } from '../../client/index.js' */
/** @import { Conversation } from '../../client/types.js' */

const PAGE = 50;
const DEBOUNCE_MS = 220;
/** The daemon gives at most this many at once. */
const MOST = 200;

/** @typedef {{of: string, list: Conversation[], more: boolean, busy: boolean, error: ApiError|null}} State `of`: what it is about */
/** @type {State} */
const NOTHING = { of: '', list: [], more: false, busy: true, error: null };

/** The newest ones as they are now, and those further down that were there. @param {Conversation[]} old @param {{conversations: Conversation[], has_more: boolean}} page */
function renewed(old, page) {
  const there = new Set(page.conversations.map((one) => one.uuid));
  const rest = page.has_more && old.length > page.conversations.length ? old.filter((one) => !there.has(one.uuid)) : [];
  return { list: [...page.conversations, ...rest], more: page.has_more };
}

/** @param {string} q @param {string} project */
export function useConversations(q, project) {
  const of = JSON.stringify([q, project]);
  const [state, setState] = useState(NOTHING);
  const [projects, setProjects] = useState(/** @type {string[]} */ ([]));
  const [round, setRound] = useState(0);
  const running = useRef(/** @type {AbortController|null} */ (null));
  const first = useRef(true);
  const addProjects = (/** @type {Conversation[]} */ list) => setProjects((old) => [...new Set([...old, ...list.map((one) => one.project)])].filter(Boolean));
  /** @param {Conversation[]} before those that are there @returns {Promise<void>} */
  const ask = async (before) => {
    running.current?.abort();
    const stop = (running.current = new AbortController());
    try {
      const page = await conversations.list({ q, project, limit: PAGE, before: before.at(-1)?.uuid }, { signal: stop.signal });
      const there = new Set(before.map((one) => one.uuid));
      if (page.conversations.some((one) => there.has(one.uuid))) return ask([]); // the last one is one of the newest now
      setState({ of, list: [...before, ...page.conversations], more: page.has_more, busy: false, error: null });
      addProjects(page.conversations);
    } catch (error) {
      if (stop.signal.aborted) return undefined;
      if (before.length && /** @type {ApiError} */ (error).code === 'unknown_conversation') return ask([]); // the last one was deleted
      setState((old) => ({ ...old, of, busy: false, error: /** @type {ApiError} */ (error) }));
    }
    return undefined;
  };
  useEffect(() => {
    const timer = setTimeout(() => ask([]), first.current ? 0 : DEBOUNCE_MS);
    first.current = false;
    return () => {
      clearTimeout(timer);
      running.current?.abort();
    };
  }, [of, round]);
  /** Looks again for what is shown; nobody waits for it. */
  const look = async () => {
    if (state.of !== of || state.busy) return;
    const limit = Math.min(MOST, Math.max(PAGE, state.list.length));
    const page = await conversations.list({ q, project, limit }).catch(() => null);
    if (page) setState((old) => (old.of === of && !old.busy ? { ...old, ...renewed(old.list, page), error: null } : old));
    if (page) addProjects(page.conversations);
  };
  const next = () => {
    setState((old) => ({ ...old, busy: true }));
    ask(state.list);
  };
  return { ...state, asked: state.of === of, projects, next, look, retry: () => setRound((n) => n + 1) };
}
