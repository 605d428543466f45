/** What the daemon finds in the part of a conversation that is not loaded, and, whatever is loaded, in its sub-agents' threads. */
import { api } from '../../client/index.js';
import { useEffect, useState } from '../../html.js';
import { t } from '../../i18n/index.js';

/** @import { SearchMatch } from '../../client/types.js' */
/** @import { Context } from './context.js' */
/** @import { Hit } from './find.js' */

/** The daemon looks for three characters at least, and gives at most so many matches at once. */
export const SHORTEST = 3;
const MOST = 500;
/** More than the page's own look takes: each letter would be a search of everything. */
const DEBOUNCE_MS = 250;

/** @typedef {{of: string, hits: Hit[], threads: {agent: string, entry: string}[], more: boolean, problem: string}} Found `more`: there are older ones */
/** @type {Found} */
const NOTHING = { of: '', hits: [], threads: [], more: false, problem: '' };

/** @param {string} wanted @param {Context} context @param {string} agent whose thread is read @param {boolean} whole all of it is loaded */
export function useElsewhere(wanted, context, agent, whole) {
  const [state, setState] = useState(NOTHING);
  const asks = wanted.length >= SHORTEST;
  useEffect(() => {
    if (!asks) return undefined;
    const stop = new AbortController();
    const timer = setTimeout(async () => {
      const of = 'session' in context.whose ? { session: context.whose.session } : { conversation: context.whose.uuid };
      try {
        const found = await api.search({ q: wanted, in: 'conversation', limit: MOST, ...of }, { signal: stop.signal });
        setState({ of: wanted, ...sorted(found.matches, agent), more: found.truncated, problem: '' });
      } catch (error) {
        if (!stop.signal.aborted) setState({ ...NOTHING, of: wanted, problem: /** @type {Error} */ (error).message });
      }
    }, DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [wanted, asks, context, agent]);
  const known = asks && state.of === wanted;
  const found = known ? state : NOTHING;
  return { ...(whole ? { ...found, hits: NOTHING.hits, more: false } : found), busy: asks && !known && !whole };
}

/** Those of the thread that is read, and the first of each other one. @param {SearchMatch[]} matches @param {string} agent */
function sorted(matches, agent) {
  const own = matches.filter((one) => one.entry && (one.agent_id ?? '') === agent);
  /** @type {Map<string, string>} */
  const threads = new Map();
  for (const one of matches) if (one.entry && one.agent_id && one.agent_id !== agent) threads.set(one.agent_id, one.entry);
  return {
    hits: own.map((one) => ({ id: one.entry ?? '', ts: one.ts, what: one.tool || t(`reader.kinds.${one.kind}`), text: one.snippet })),
    threads: [...threads].map(([id, entry]) => ({ agent: id, entry })),
  };
}
