/** The rows of a session's feed: live ones from the store, older ones page by page, and a jump to one row. */
import { api, NEWEST } from '../../../client/index.js';
import { useCallback, useEffect, useRef, useState } from '../../../html.js';
import { compareIds } from '../../../ids.js';
import { mergeHistory, rowOf, sessionFeed } from '../../../store/feed.js';

const PAGE = 200;
/** How far above a row that was jumped to we look for newer ones, in nanoseconds: a minute. */
const ABOVE_NS = 60_000_000_000n;

/** @param {string} name @param {string} [wanted] id of a row that has to be there */
export function usePages(name, wanted) {
  const feed = sessionFeed(name);
  feed.version.value; // follow the live rows
  const [state, setState] = useState({ loaded: false, hasMore: true, error: /** @type {any} */ (null) });
  const [jump, setJump] = useState(/** @type {any[]|null} */ (null));
  const busy = useRef(false);
  const rows = jump ?? feed.rows;

  const load = useCallback(
    async (/** @type {string} */ before) => {
      if (busy.current) return;
      busy.current = true;
      try {
        const page = await api.history(name, before, PAGE);
        mergeHistory(feed, page.events.map(rowOf));
        setState({ loaded: true, hasMore: page.has_more, error: null });
      } catch (error) {
        setState((old) => ({ ...old, error }));
      } finally {
        busy.current = false;
      }
    },
    [name],
  );

  useEffect(() => {
    load(NEWEST);
  }, [load, feed.gap]);

  useEffect(() => {
    if (!wanted || !state.loaded || rows.some((row) => row.id === wanted)) return undefined;
    const stop = new AbortController();
    around(name, wanted, stop.signal).then(
      (found) => found.length && setJump(found),
      (error) => stop.signal.aborted || setState((old) => ({ ...old, error })),
    );
    return () => stop.abort();
  }, [wanted, state.loaded]);

  const older = async () => {
    if (busy.current || !state.hasMore || !rows.length) return;
    if (!jump) return load(rows[0].id);
    busy.current = true;
    try {
      const page = await api.history(name, rows[0].id, PAGE);
      setJump((old) => old && [...page.events.map(rowOf).reverse(), ...old]);
      setState({ loaded: true, hasMore: page.has_more, error: null });
    } catch (error) {
      setState((old) => ({ ...old, error }));
    } finally {
      busy.current = false;
    }
  };
  const backToLive = () => {
    setJump(null);
    setState((old) => ({ ...old, hasMore: true }));
  };
  return { rows, ...state, older, jumped: jump !== null, backToLive };
}

/** A stretch of history that holds `id`, oldest first. @param {string} name @param {string} id @param {AbortSignal} signal */
async function around(name, id, signal) {
  const ns = /^\d+/.exec(id)?.[0];
  if (!ns) return [];
  for (const above of [BigInt(ns) + ABOVE_NS, BigInt(ns) + 1n]) {
    const page = await api.history(name, `${above}-0`, PAGE, { signal });
    const rows = page.events.map(rowOf).sort((a, b) => compareIds(a.id, b.id));
    if (rows.some((row) => row.id === id)) return rows;
  }
  return [];
}
