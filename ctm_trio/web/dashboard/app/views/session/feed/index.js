/** The feed of one session: live calls newest first, filters, older pages, and the detail of one call beside it. */
import { html, useCallback, useLayoutEffect, useMemo } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { bindKeys } from '../../../keys.js';
import { go, here, leaveTo, sessionPath } from '../../../router.js';
import { Empty, Failure, Loading, RetryNote } from '../../../ui/bits.js';
import { Icon } from '../../../ui/icons.js';
import { useNarrow } from '../../../ui/media.js';
import { VirtualList } from '../../../ui/virtual-list.js';
import { Detail } from './detail.js';
import { Filters } from './filters.js';
import { useFrozen } from './frozen.js';
import { usePages } from './pages.js';
import { FeedRow, ROW_NARROW, ROW_WIDE } from './row.js';

/** @import { Row } from '../../../store/feed.js' */

/** @param {{session: import('../../../client/types.js').SessionView, rest?: string, query: Record<string, string>}} props */
export default function Feed({ session, rest, query }) {
  const { name } = session;
  const narrow = useNarrow();
  const pages = usePages(name, rest);
  const { tool = '', errors = '', agent = '' } = query;
  const matching = useMemo(
    () =>
      newestFirst(
        pages.rows,
        (row) => (!tool || row.tool === tool) && (!errors || row.isError) && (!agent || row.agentId === agent),
      ),
    [pages.rows, tool, errors, agent],
  );
  const { shown, fresh, onTop, toTop, token } = useFrozen(matching);
  const pathOf = useCallback(
    (/** @type {string} */ id) => sessionPath(name, 'feed', `${id ? `/${id}` : ''}${location.search}`),
    [name],
  );
  const open = useCallback(
    (/** @type {Row} */ row) => go(pathOf(row.id), { replace: here.value.path.split('/').length > 4 }),
    [pathOf],
  );
  const selected = shown.findIndex((row) => row.id === rest);
  useLayoutEffect(() => bindKeys(feedKeys(shown, selected, open, () => leaveTo(pathOf('')))), [shown, selected, open]);
  const draw = useCallback(
    (
      /** @type {Row} */ row,
    ) => html`<${FeedRow} row=${row} selected=${row.id === rest} onOpen=${open} href=${pathOf(row.id)}
      base=${session.workdir} />`,
    [rest, open, pathOf, session.workdir],
  );
  const scrollTo = useMemo(
    () => ({ index: token ? 0 : selected, token: `${rest} ${token} ${selected >= 0}` }),
    [rest, token, selected >= 0],
  );
  return html`<section class=${`feed ${rest ? 'with-detail' : ''}`}>
    <div class="feed-main">
      <${Filters} rows=${pages.rows} query=${query} shown=${matching.length} path=${sessionPath(name, 'feed', rest ? `/${rest}` : '')} />
      ${
        pages.jumped &&
        html`<p class="feed-note">${t('feed.jumped')} <button class="button small" onClick=${pages.backToLive}>
        ${t('feed.backToLive')}</button></p>`
      }
      ${
        pages.incomplete &&
        html`<${RetryNote} class="feed-note" retry=${pages.older}>${t('feed.incomplete')}<//>`
      }
      ${fresh > 0 && html`<button class="button small pill top" onClick=${toTop}><${Icon} name="up" />${t('feed.fresh', { n: fresh })}</button>`}
      ${
        !pages.loaded && !pages.rows.length
          ? pages.error
            ? html`<${Failure} error=${pages.error} retry=${pages.older} />`
            : html`<${Loading} />`
          : !matching.length
            ? html`<${Nothing} filtered=${Boolean(tool || errors || agent)} more=${pages.hasMore} older=${pages.older} />`
            : html`<${VirtualList} rows=${shown} rowHeight=${narrow ? ROW_NARROW : ROW_WIDE} keyOf=${keyOf} draw=${draw} class="feed-list"
            label=${t('feed.label', { name })} onTop=${onTop} onEnd=${pages.older} scrollTo=${scrollTo} foot=${html`<${Foot} pages=${pages} />`} />`
      }
    </div>
    ${rest && html`<${Detail} key=${rest} name=${name} id=${rest} row=${shown[selected]} onClose=${() => leaveTo(pathOf(''))} />`}
  </section>`;
}

const keyOf = (/** @type {{id: string}} */ row) => row.id;

/** @template T @param {T[]} rows oldest first @param {(row: T) => boolean} keep @returns {T[]} */
function newestFirst(rows, keep) {
  const found = [];
  for (let i = rows.length - 1; i >= 0; i -= 1) if (keep(rows[i])) found.push(rows[i]);
  return found;
}

/** @param {{filtered: boolean, more: boolean, older: () => void}} props */
function Nothing({ filtered, more, older }) {
  if (!filtered) return html`<${Empty} icon="feed" title=${t('feed.emptyTitle')} text=${t('feed.emptyText')} />`;
  return html`<${Empty} icon="filter" title=${t('feed.noMatch')} text=${more ? t('feed.noMatchMore') : ''}>
    ${more && html`<button class="button" onClick=${older}>${t('feed.older')}</button>`}<//>`;
}

/** The end of the list: older rows, an error, or the beginning. @param {{pages: ReturnType<typeof usePages>}} props */
function Foot({ pages }) {
  if (pages.error && !pages.incomplete)
    return html`<p class="feed-foot problem" role="alert">${t('feed.olderFailed')}
    <button class="button small" onClick=${pages.older}>${t('actions.retry')}</button></p>`;
  return html`<p class="feed-foot muted">${pages.hasMore ? t('misc.loading') : t('feed.beginning')}</p>`;
}

/** @param {Row[]} rows @param {number} at @param {(row: Row) => void} open @param {() => void} close */
function feedKeys(rows, at, open, close) {
  const group = t('keys.feed');
  const move = (/** @type {number} */ step) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, at + step))];
    if (row) open(row);
  };
  return [
    { keys: 'j', group, label: t('keys.next'), run: () => move(1) },
    { keys: 'k', group, label: t('keys.previous'), run: () => move(at < 0 ? 0 : -1) },
    { keys: 'Escape', group, label: t('keys.closeDetail'), run: close },
  ];
}
