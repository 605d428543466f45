/** Keeps a list still while the reader is not at its top. */
import { useCallback, useMemo, useState } from '../../../html.js';
import { compareIds } from '../../../ids.js';

/** @import { Row } from '../../../store/feed.js' */

/**
 * @param {Row[]} rows newest first
 * @returns {{shown: Row[], fresh: number, onTop: (atTop: boolean) => void, toTop: () => void, token: number}}
 *   `shown`: what to draw. `fresh`: rows that wait above, without gaps. `token` changes with every `toTop`.
 */
export function useFrozen(rows) {
  const [anchor, setAnchor] = useState(/** @type {string} */ (''));
  const [token, setToken] = useState(0);
  const above = useMemo(() => {
    if (!anchor) return 0;
    let n = 0;
    while (n < rows.length && compareIds(rows[n].id, anchor) > 0) n += 1;
    return n;
  }, [rows, anchor]);
  const shown = useMemo(() => (above ? rows.slice(above) : rows), [rows, above]);
  const fresh = useMemo(() => rows.slice(0, above).filter((row) => row.kind !== 'gap').length, [rows, above]);
  const newest = shown[0]?.id ?? '';
  const onTop = useCallback(
    (/** @type {boolean} */ atTop) => setAnchor((old) => (atTop ? '' : old || newest)),
    [newest],
  );
  const toTop = useCallback(() => {
    setAnchor('');
    setToken((n) => n + 1);
  }, []);
  return { shown, fresh, onTop, toTop, token };
}
