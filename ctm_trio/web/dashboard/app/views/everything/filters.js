/** Narrow the feed of all sessions to a session, a tool, or errors; kept in the address. */
import { html, useMemo } from '../../html.js';
import { t } from '../../i18n/index.js';
import { go } from '../../router.js';
import { Icon } from '../../ui/icons.js';

/** @import { EventOf } from '../../html.js' */
/** @import { Row } from '../../store/feed.js' */

/** @param {{session: string, tool: string, errors: string}} wanted */
export function keeps({ session, tool, errors }) {
  return (/** @type {Row} */ row) =>
    row.kind === 'gap' || ((!session || row.session === session) && (!tool || row.tool === tool) && (!errors || row.isError));
}

/** @param {{rows: Row[], query: Record<string, string>, shown: number, path: string}} props */
export function FeedFilters({ rows, query, shown, path }) {
  const sessions = useMemo(() => counts(rows, (row) => row.session), [rows]);
  const tools = useMemo(() => counts(rows, (row) => row.tool), [rows]);
  const failed = useMemo(() => rows.reduce((n, row) => n + (row.isError ? 1 : 0), 0), [rows]);
  const set = (/** @type {Record<string, string>} */ change) => {
    const text = new URLSearchParams(Object.entries({ ...query, ...change }).filter(([, value]) => value)).toString();
    go(path + (text ? `?${text}` : ''), { replace: true });
  };
  return html`<div class="feed-filters" role="group" aria-label=${t('feed.filters')}>
    <${Choice} label=${t('search.session')} all=${t('search.allSessions')} of=${sessions} chosen=${query.session ?? ''} onChoose=${(/** @type {string} */ session) => set({ session })} />
    <${Choice} label=${t('feed.tool')} all=${t('feed.allTools')} of=${tools} chosen=${query.tool ?? ''} onChoose=${(/** @type {string} */ tool) => set({ tool })} />
    <button class="button small" aria-pressed=${Boolean(query.errors)} onClick=${() => set({ errors: query.errors ? '' : '1' })}>
      <${Icon} name="error" />${t('feed.errors', { n: failed })}</button>
    <span class="feed-count muted num" role="status">${t('everything.count', { n: shown, shown: shown.toLocaleString('en') })}</span>
  </div>`;
}

/** @param {{label: string, all: string, of: [string, number][], chosen: string, onChoose: (value: string) => void}} props */
function Choice({ label, all, of, chosen, onChoose }) {
  const known = chosen && !of.some(([name]) => name === chosen) ? [...of, /** @type {[string, number]} */ ([chosen, 0])] : of;
  return html`<select class="input small" aria-label=${label} value=${chosen} onChange=${(/** @type {EventOf<HTMLSelectElement>} */ event) => onChoose(event.target.value)}>
    <option value="">${all}</option>
    ${known.map(([name, n]) => html`<option key=${name} value=${name}>${name} (${n})</option>`)}</select>`;
}

/** Values with how often each is there, most used first. @param {Row[]} rows @param {(row: Row) => string} by @returns {[string, number][]} */
function counts(rows, by) {
  const found = new Map();
  for (const row of rows) {
    const key = row.kind === 'call' ? by(row) : '';
    if (key) found.set(key, (found.get(key) ?? 0) + 1);
  }
  return [...found].sort((a, b) => b[1] - a[1]);
}
