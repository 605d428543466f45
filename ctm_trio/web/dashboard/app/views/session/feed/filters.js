/** Narrow a feed to one tool, one agent, or errors; kept in the address, so that it can be shared. */
import { html, useMemo } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { go } from '../../../router.js';
import { Icon } from '../../../ui/icons.js';

/** @import { EventOf } from '../../../html.js' */
/** @import { Row } from '../../../store/feed.js' */

/** @param {{rows: Row[], query: Record<string, string>, shown: number, path: string}} props */
export function Filters({ rows, query, shown, path }) {
  const tools = useMemo(() => count(rows, (row) => row.tool), [rows]);
  const agents = useMemo(() => count(rows, (row) => row.agentId), [rows]);
  const set = (/** @type {Record<string, string>} */ change) => {
    const values = Object.entries({ ...query, ...change }).filter(([, value]) => value);
    const search = new URLSearchParams(values).toString();
    go(path + (search ? `?${search}` : ''), { replace: true });
  };
  const failed = useMemo(() => rows.reduce((n, row) => n + (row.isError ? 1 : 0), 0), [rows]);
  return html`<div class="feed-filters" role="group" aria-label=${t('feed.filters')}>
    <select class="input small" aria-label=${t('feed.tool')} value=${query.tool ?? ''} onChange=${(/** @type {EventOf<HTMLSelectElement>} */ event) => set({ tool: event.target.value })}>
      <option value="">${t('feed.allTools')}</option>
      ${options(tools, query.tool).map(([name, n]) => html`<option value=${name}>${name} (${n})</option>`)}
    </select>
    ${
      (agents.size > 0 || query.agent) &&
      html`<select class="input small" aria-label=${t('feed.agent')} value=${query.agent ?? ''}
        onChange=${(/** @type {EventOf<HTMLSelectElement>} */ event) => set({ agent: event.target.value })}>
      <option value="">${t('feed.allAgents')}</option>
      ${options(agents, query.agent).map(([name, n]) => html`<option value=${name}>${name} (${n})</option>`)}
    </select>`
    }
    <button class="button small" aria-pressed=${Boolean(query.errors)} onClick=${() => set({ errors: query.errors ? '' : '1' })}>
      <${Icon} name="error" />${t('feed.errors', { n: failed })}</button>
    <span class="feed-count muted num" role="status">${t('feed.count', { n: shown, shown: shown.toLocaleString('en') })}</span>
  </div>`;
}

/** @param {Row[]} rows @param {(row: Row) => string} by */
function count(rows, by) {
  const found = new Map();
  for (const row of rows) {
    const key = by(row);
    if (key) found.set(key, (found.get(key) ?? 0) + 1);
  }
  return found;
}

/** Most used first; the chosen one is there even if no row has it. @param {Map<string, number>} counts @param {string} [chosen] */
function options(counts, chosen) {
  const all = chosen && !counts.has(chosen) ? new Map([...counts, [chosen, 0]]) : counts;
  return [...all].sort((a, b) => b[1] - a[1]);
}
