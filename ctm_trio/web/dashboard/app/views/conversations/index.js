/** Every conversation on the machine, and reading one of them. */
import { html, useLayoutEffect, useRef } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { go } from '../../router.js';
import { useIndex } from '../../store/indexing.js';
import { Empty, Failure, Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { IndexNote } from '../../ui/index-note.js';
import { One } from './one.js';
import { useConversations } from './pages.js';
import { Row } from './row.js';

/** @import { EventOf } from '../../html.js' */

/** @param {{params: Record<string, string>, query: Record<string, string>}} props */
export default function Conversations({ params, query }) {
  return params.uuid ? html`<${One} key=${params.uuid} uuid=${params.uuid} query=${query} />` : html`<${List} query=${query} />`;
}

/** @param {{query: Record<string, string>}} props */
function List({ query }) {
  const { q = '', project = '' } = query;
  const found = useConversations(q.trim(), project);
  const index = useIndex(found.look);
  const behind = index !== null && !index.complete;
  const box = useRef(/** @type {HTMLInputElement|null} */ (null));
  useLayoutEffect(() => bindKeys([{ keys: '/', group: t('conversations.title'), label: t('conversations.search'), run: () => box.current?.select() }]), []);
  const set = (/** @type {Record<string, string>} */ change) => {
    const text = new URLSearchParams(Object.entries({ q, project, ...change }).filter(([, value]) => value)).toString();
    go(`/conversations${text ? `?${text}` : ''}`, { replace: true });
  };
  const projects = [...new Set([...found.projects, ...(project ? [project] : [])])].sort();
  return html`<div class="page narrow-page">
    <header class="page-head search-head"><h1>${t('conversations.title')}</h1>
      <div class="search-line two" role="search">
        <label class="filter"><span class="sr">${t('conversations.search')}</span><${Icon} name="search" />
          <input ref=${box} class="input" type="search" placeholder=${t('conversations.hint')} value=${q} autocomplete="off" spellcheck=${false}
            onInput=${(/** @type {EventOf} */ event) => set({ q: event.target.value })} /></label>
        <select class="input" aria-label=${t('conversations.project')} value=${project} onChange=${(/** @type {EventOf<HTMLSelectElement>} */ event) => set({ project: event.target.value })}>
          <option value="">${t('conversations.allProjects')}</option>
          ${projects.map((name) => html`<option value=${name}>${name}</option>`)}</select></div>
      <p class="summary" role="status">${found.asked ? t(found.more ? 'conversations.many' : behind ? 'conversations.countSoFar' : 'conversations.count', { n: found.list.length }) : '\u00a0'}</p>
    </header>
    <${IndexNote} index=${index} class="note index-note" />
    <${Found} found=${found} behind=${behind} q=${q.trim()} filtered=${Boolean(q.trim() || project)} clear=${() => set({ q: '', project: '' })} />
  </div>`;
}

/** @param {{found: ReturnType<typeof useConversations>, behind: boolean, q: string, filtered: boolean, clear: () => void}} props */
function Found({ found, behind, q, filtered, clear }) {
  if (found.error && !found.list.length) return html`<${Failure} error=${found.error} retry=${found.retry} />`;
  if (!found.asked && !found.list.length) return html`<${Loading} rows=${5} />`;
  if (!found.list.length)
    return html`<${Empty} icon=${behind ? 'hourglass' : 'speech'} title=${t(`conversations.${filtered ? 'noMatch' : 'none'}${behind ? 'SoFar' : ''}`)} text=${t(filtered ? 'conversations.noMatchText' : 'conversations.noneText')}>
      ${q && html`<a class="button primary" href=${`/search?${new URLSearchParams({ q })}`}><${Icon} name="search" />${t('palette.searchFor', { q })}</a>`}
      ${filtered && html`<button class="button" type="button" onClick=${clear}>${t('conversations.clear')}</button>`}<//>`;
  return html`<ul class="rows">${found.list.map((one) => html`<${Row} key=${one.uuid} conversation=${one} />`)}</ul>
    ${found.error && html`<p class="feed-foot problem" role="alert">${t('reader.moreFailed')}</p>`}
    ${found.more && html`<p class="feed-foot"><button class="button" type="button" disabled=${found.busy} onClick=${found.next}>${t('conversations.more')}</button></p>`}`;
}
