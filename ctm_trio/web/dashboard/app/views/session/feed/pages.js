/** The rows of a session's feed: live ones from the store, older ones page by page, and a jump to one row. */
import { api, NEWEST } from '../../../client/index.js';
import { useCallback, useEffect, useRef, useSignal, useState } from '../../../html.js';
import { compareIds } from '../../../ids.js';
import { mergeHistory, mergeNewest, rowOf, sessionFeed } from '../../../store/feed.js';

/** @import { Gap, Row } from '../../../store/feed.js' */
/** @import { ApiError } from '../../../client/index.js' */

const PAGE = 200;
/** How far above a row that was jumped to we look for newer ones, in nanoseconds: a minute. */
const ABOVE_NS = 60_000_000_000n;

/** @param {string} name @param {string} [wanted] id of a row that has to be there */
export function usePages(name, wanted) {
  const feed = sessionFeed(name);
  const [state, setState] = useState({ loaded: false, hasMore: true, error: /** @type {ApiError|null} */ (null) });
  const [jump, setJump] = useState(/** @type {Row[]|null} */ (null));
  const busy = useSignal(false);
  /** The gap for which the newest page was asked last, null for none; undefined: it was never asked for. */
  const asked = useRef(/** @type {Gap|null|undefined} */ (undefined));
  const rows = jump ?? feed.rows.value;

  /** One request at a time. `take` gets the page. */
  const load = useCallback(
    async (/** @type {string} */ before, /** @type {(rows: Row[], hasMore: boolean) => void} */ take) => {
      if (busy.value) return;
      busy.value = true;
      try {
        const page = await api.history(name, before, PAGE);
        take(page.events.map(rowOf), page.has_more);
        setState({ loaded: true, hasMore: page.has_more, error: null });
      } catch (error) {
        setState((old) => ({ ...old, error: /** @type {ApiError} */ (error) }));
      } finally {
        busy.value = false;
      }
    },
    [name],
  );
  const newest = () => {
    const gap = feed.gap.value;
    if (!busy.value) asked.current = gap;
    return load(NEWEST, (page, hasMore) => mergeNewest(feed, page, hasMore, gap));
  };

  // With each request that ends, too: a gap that opened meanwhile had to wait for it. An error is not tried again here.
  useEffect(() => {
    if (asked.current === undefined || (feed.gap.value && feed.gap.value !== asked.current)) newest();
  }, [load, feed.gap.value, busy.value]);

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
    if (jump === null && (feed.gap.value || !rows.length)) return newest(); // the newest page comes first
    if (!state.hasMore || !rows.length) return undefined;
    if (jump === null) return load(rows[0].id, (page) => mergeHistory(feed, page));
    return load(rows[0].id, (page) => setJump((old) => old && [...page.reverse(), ...old]));
  };
  const backToLive = () => {
    setJump(null);
    setState((old) => ({ ...old, hasMore: true }));
  };
  const incomplete = jump === null && feed.gap.value !== null && state.error !== null;
  return { rows, ...state, older, incomplete, jumped: jump !== null, backToLive };
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
