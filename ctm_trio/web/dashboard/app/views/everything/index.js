/** The feed of all sessions, full screen: live calls newest first, with the detail of one beside them. */
import { html, useCallback, useLayoutEffect, useMemo } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { go, here, leaveTo } from '../../router.js';
import { allFeed } from '../../store/feed.js';
import { sessionsLoaded } from '../../store/sessions.js';
import { Empty, Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { useNarrow } from '../../ui/media.js';
import { VirtualList } from '../../ui/virtual-list.js';
import { Detail } from '../session/feed/detail.js';
import { useFrozen } from '../session/feed/frozen.js';
import { FeedRow, ROW_NARROW, ROW_WIDE } from '../session/feed/row.js';
import { FeedFilters, keeps } from './filters.js';

/** @import { Row } from '../../store/feed.js' */

/** The address of the feed with one call open. @param {{session: string, id: string}|null} row */
const pathOf = (row) => `/feed${row ? `/${encodeURIComponent(row.session)}/${row.id}` : ''}${location.search}`;
const keyOf = (/** @type {{id: string}} */ row) => row.id;

/** @param {{params: Record<string, string>, query: Record<string, string>}} props */
export default function Everything({ params, query }) {
  const narrow = useNarrow();
  const rows = allFeed.rows.value;
  const { session = '', tool = '', errors = '' } = query;
  const matching = useMemo(() => rows.filter(keeps({ session, tool, errors })).reverse(), [rows, session, tool, errors]);
  const found = useMemo(() => matching.reduce((n, row) => n + (row.kind === 'gap' ? 0 : 1), 0), [matching]);
  const { shown, fresh, onTop, toTop, token } = useFrozen(matching);
  const open = useCallback((/** @type {Row} */ row) => go(pathOf(row), { replace: here.value.path.split('/').length > 2 }), []);
  const close = useCallback(() => leaveTo(pathOf(null)), []);
  const selected = shown.findIndex((row) => row.id === params.id);
  useLayoutEffect(() => bindKeys(keys(shown, selected, open, close)), [shown, selected]);
  const draw = useCallback(
    (/** @type {Row} */ row) => html`<${FeedRow} row=${row} selected=${row.id === params.id} onOpen=${open} href=${pathOf(row)} showSession />`,
    [params.id, open, location.search],
  );
  const scrollTo = useMemo(() => ({ index: token ? 0 : selected, token: `${params.id} ${token} ${selected >= 0}` }), [params.id, token, selected >= 0]);
  const filtered = Boolean(session || tool || errors);
  return html`<section class=${`feed everything ${params.id ? 'with-detail' : ''}`} aria-label=${t('everything.title')}>
    <div class="feed-main">
      <h1 class="sr">${t('everything.title')}</h1>
      <${FeedFilters} rows=${rows} query=${query} shown=${found} path=${here.value.path} />
      ${fresh > 0 && html`<button class="button small pill top" onClick=${toTop}><${Icon} name="up" />${t('feed.fresh', { n: fresh })}</button>`}
      ${!rows.length && !sessionsLoaded.value ? html`<${Loading} />` : !matching.length ? html`<${Nothing} filtered=${filtered} />`
        : html`<${VirtualList} rows=${shown} rowHeight=${narrow ? ROW_NARROW : ROW_WIDE} keyOf=${keyOf} draw=${draw} class="feed-list"
            label=${t('everything.label')} onTop=${onTop} scrollTo=${scrollTo}
            foot=${html`<p class="feed-foot muted"><span>${t('everything.end')} <a href="/search">${t('everything.search')}</a></span></p>`} />`}
    </div>
    ${params.id && html`<${Detail} key=${params.id} name=${params.name} id=${params.id} row=${shown[selected]} onClose=${close} />`}
  </section>`;
}

/** @param {{filtered: boolean}} props */
function Nothing({ filtered }) {
  if (!filtered) return html`<${Empty} icon="feed" title=${t('feed.emptyTitle')} text=${t('everything.emptyText')} />`;
  return html`<${Empty} icon="filter" title=${t('feed.noMatch')} text=${t('everything.noMatchText')}>
    <button class="button" onClick=${() => go('/feed', { replace: true })}>${t('everything.clear')}</button><//>`;
}

/** @param {Row[]} rows @param {number} at @param {(row: Row) => void} open @param {() => void} close */
function keys(rows, at, open, close) {
  const group = t('keys.feed');
  const move = (/** @type {number} */ step) => {
    let index = at + step;
    while (rows[index] && rows[index].kind !== 'call') index += step; // only calls have a detail
    if (rows[index]) open(rows[index]);
  };
  return [
    { keys: 'j', group, label: t('keys.next'), run: () => move(1) },
    { keys: 'k', group, label: t('keys.previous'), run: () => move(at < 0 ? 1 : -1) },
    { keys: 'Escape', group, label: t('keys.closeDetail'), run: close },
  ];
}
