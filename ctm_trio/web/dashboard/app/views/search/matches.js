/** The matches of a search, page by page, asked for again while the index is behind the logs. */
import { api } from '../../client/index.js';
import { useEffect, useRef, useState } from '../../html.js';
import { compareIds } from '../../ids.js';

/** @import { ApiError } from '../../client/index.js' */

/** The daemon looks for three characters at least. */
export const SHORTEST = 3;
const DEBOUNCE_MS = 220;
/** How soon it is asked again while the index does not have everything and the page is seen. */
const AGAIN_MS = 1000;
const PAGE = 50;
/** The daemon gives at most this many at once. */
const MOST = 500;

/**
 * @typedef {import('../../client/types.js').SearchMatch} SearchMatch
 * @typedef {Omit<import('../../client/types.js').SearchFilter, 'q'|'before'|'limit'>} Filter '' for what is not filtered by
 * @typedef {{of: string, matches: SearchMatch[], truncated: boolean, bounded: boolean, complete: boolean, asked: boolean, busy: boolean, error: ApiError|null}} Found
 *   `of`: what was searched for. `truncated`: there are more. `bounded`: as far as it was searched there are none, so no page leads on.
 *   `complete`: the index had everything.
 *   `error`: what went wrong with the page that was wanted last. It stays until there is that page, or nothing to wait for.
 */

/** @type {Found} */
const NOTHING = { of: '', matches: [], truncated: false, bounded: false, complete: true, asked: false, busy: false, error: null };

/** How many to ask for again, so that all that is shown is there, and what came in between. @param {Found} old */
const enough = (old) => Math.min(MOST, old.matches.length + (old.truncated ? 0 : PAGE)) || PAGE;

/** What is known after the newest matches were asked for again. @param {SearchMatch[]} old @param {SearchMatch[]} page @param {boolean} truncated */
function renewed(old, page, truncated) {
  const last = page[page.length - 1];
  const older = truncated && last ? old.filter((one) => compareIds(one.id, last.id) < 0) : [];
  return { matches: [...page, ...older], truncated };
}

/**
 * The matches of what was typed, once the typing rests; until then those of before, with `asked` false.
 * @param {string} q @param {Filter} filter
 */
export function useMatches(q, filter) {
  const of = JSON.stringify([q, filter]);
  const [state, setState] = useState(NOTHING);
  const [round, setRound] = useState(0);
  /** The newest state, for requests that were made before it. */
  const newest = useRef(NOTHING);
  const running = useRef(/** @type {AbortController|null} */ (null));
  const again = useRef(0);
  const known = () => (newest.current.of === of ? newest.current : { ...NOTHING, of });
  const set = (/** @type {Partial<Found>} */ change) => {
    newest.current = { ...known(), ...change };
    setState(newest.current);
  };
  const later = () => {
    again.current = setTimeout(() => (document.hidden ? later() : ask({ quiet: true })), AGAIN_MS);
  };
  /** @param {{before?: string, quiet?: boolean}} how `before`: the next page. `quiet`: nobody waits for it */
  const ask = async ({ before = '', quiet = false }) => {
    running.current?.abort();
    clearTimeout(again.current);
    const stop = (running.current = new AbortController());
    if (!quiet && known().asked) set({ busy: true, error: null });
    const limit = before ? PAGE : enough(known());
    try {
      const page = await api.search({ q, ...filter, before, limit }, { signal: stop.signal });
      if (stop.signal.aborted) return;
      const found = before
        ? { matches: [...known().matches, ...page.matches], truncated: page.truncated }
        : renewed(known().matches, page.matches, page.truncated);
      // A look that nobody waited for brings no further page; one that is the first there is replaces a failure.
      const error = quiet && known().matches.length && found.truncated ? known().error : null;
      set({ ...found, bounded: page.truncated && !page.matches.length, complete: page.complete, asked: true, busy: false, error });
    } catch (error) {
      if (stop.signal.aborted) return;
      if (!quiet) set({ busy: false, asked: true, error: /** @type {ApiError} */ (error) });
    }
    if (!known().complete) later();
  };
  useEffect(() => {
    if (q.length < SHORTEST) {
      newest.current = NOTHING;
      setState(NOTHING);
      return undefined;
    }
    const timer = setTimeout(() => ask({}), DEBOUNCE_MS);
    return () => {
      clearTimeout(timer);
      clearTimeout(again.current);
      running.current?.abort();
    };
  }, [of, round]);
  return {
    ...state,
    asked: state.asked && state.of === of,
    retry: () => {
      newest.current = NOTHING;
      setState(NOTHING);
      setRound((n) => n + 1);
    },
    more: () => ask({ before: known().matches[known().matches.length - 1].id }),
  };
}
