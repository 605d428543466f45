/** Search over every call that was ever logged and all that was said; a match leads to its exact place. */
import { html, useLayoutEffect, useRef } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { go } from '../../router.js';
import { sessions } from '../../store/sessions.js';
import { Empty, Failure, Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { Match } from './match.js';
import { SHORTEST, useMatches } from './matches.js';

/** @import { EventOf } from '../../html.js' */

/** @param {{query: Record<string, string>}} props */
export default function Search({ query }) {
  const { q = '', session = '', tool = '' } = query;
  const place = known(PLACES, query.in);
  const role = known(ROLES, query.role);
  const box = useRef(/** @type {HTMLInputElement|null} */ (null));
  const found = useMatches(q.trim(), { session, tool, in: place || 'all', role: role || undefined });
  useLayoutEffect(() => {
    box.current?.focus({ preventScroll: true });
    return bindKeys([
      { keys: '/', group: t('search.title'), label: t('search.label'), run: () => box.current?.select() },
      { keys: 'j', group: t('search.title'), label: t('keys.next'), run: () => move(1) },
      { keys: 'k', group: t('search.title'), label: t('keys.previous'), run: () => move(-1) },
    ]);
  }, []);
  const set = (/** @type {Record<string, string>} */ change) => {
    const values = Object.entries({ q, session, tool, in: place, role, ...change }).filter(([, value]) => value);
    const text = new URLSearchParams(values).toString();
    go(`/search${text ? `?${text}` : ''}`, { replace: true });
  };
  const value = (/** @type {string} */ key) => (/** @type {EventOf<HTMLInputElement|HTMLSelectElement>} */ event) => set({ [key]: event.target.value });
  return html`<div class="page narrow-page">
    <header class="page-head search-head"><h1>${t('search.title')}</h1>
      <div class="search-line" role="search">
        <label class="filter"><span class="sr">${t('search.label')}</span><${Icon} name="search" />
          <input ref=${box} class="input" type="search" placeholder=${t('search.hint')} value=${q} onInput=${value('q')} autocomplete="off" spellcheck=${false} /></label>
        <select class="input" aria-label=${t('search.session')} value=${session} onChange=${value('session')}>
          <option value="">${t('search.allSessions')}</option>
          ${names(session).map((name) => html`<option value=${name}>${name}</option>`)}</select>
        <select class="input" aria-label=${t('feed.tool')} value=${tool} onChange=${value('tool')}>
          <option value="">${t('feed.allTools')}</option>
          ${tools(found.matches, tool).map((name) => html`<option value=${name}>${name}</option>`)}</select>
        <select class="input" aria-label=${t('search.where')} value=${place} onChange=${value('in')}>
          <option value="">${t('search.everyPlace')}</option>
          ${PLACES.map((one) => html`<option value=${one}>${t(`search.places.${one}`)}</option>`)}</select>
        <select class="input" aria-label=${t('search.role')} value=${role} onChange=${value('role')}>
          <option value="">${t('search.everyRole')}</option>
          ${ROLES.map((one) => html`<option value=${one}>${t(`search.roles.${one}`)}</option>`)}</select>
      </div>
      <p class="summary" role="status">${status(q.trim(), found)}</p>
    </header>
    <${Results} q=${q.trim()} found=${found} filtered=${Boolean(session || tool || place || role)} clear=${() => set({ session: '', tool: '', in: '', role: '' })} />
  </div>`;
}

const PLACES = /** @type {const} */ (['calls', 'conversation']);
const ROLES = /** @type {const} */ (['prompt', 'answer', 'tool']);

/** One of some values, '' for another. @template {string} T @param {readonly T[]} values @param {string|undefined} value @returns {T|''} */
const known = (values, value) => values.find((one) => one === value) ?? '';

/** Sessions to choose from; the chosen one is there even if it is gone. @param {string} chosen */
const names = (chosen) => [...new Set([...[...sessions.value.keys()].sort(), ...(chosen ? [chosen] : [])])];

const USUAL_TOOLS = ['Bash', 'Edit', 'Read', 'Write', 'Grep', 'Glob', 'Agent', 'WebFetch', 'WebSearch'];

/** @param {{tool: string}[]} matches @param {string} chosen */
const tools = (matches, chosen) => [...new Set([...USUAL_TOOLS, ...matches.map((one) => one.tool).filter(Boolean), ...(chosen ? [chosen] : [])])];

/** @param {string} q @param {ReturnType<typeof useMatches>} found */
function status(q, found) {
  if (!q) return '\u00a0';
  if (q.length < SHORTEST) return t('search.short', { n: SHORTEST });
  if (!found.asked) return t('misc.loading');
  const n = found.matches.length;
  if (found.error && !n) return '\u00a0';
  if (found.bounded && !n) return t('search.noneNewest', { q });
  const count = t(found.truncated ? 'search.many' : 'search.count', { n });
  return found.complete ? count : t('search.indexing', { count });
}

/** @param {{q: string, found: ReturnType<typeof useMatches>, filtered: boolean, clear: () => void}} props */
function Results({ q, found, filtered, clear }) {
  if (q.length < SHORTEST) return html`<${Empty} icon="search" title=${t('search.emptyTitle')} text=${t('search.emptyText')} />`;
  if (found.error && !found.matches.length) return html`<${Failure} error=${found.error} retry=${found.retry} />`;
  if (!found.asked && !found.matches.length) return html`<${Loading} rows=${5} />`;
  if (!found.matches.length && !found.complete)
    return html`<${Empty} icon="hourglass" title=${t('search.noneSoFar', { q })} text=${t('search.indexingText')} />`;
  if (!found.matches.length) return html`<${Empty} icon="search" title=${t(found.bounded ? 'search.noneNewest' : 'search.none', { q })} text=${t(found.bounded ? 'search.boundedText' : filtered ? 'search.noneFiltered' : 'search.noneText')}>
    ${filtered && html`<button class="button" onClick=${clear}>${t('search.everywhere')}</button>`}<//>`;
  return html`<ol class="rows matches">${found.matches.map((one) => html`<${Match} key=${one.id} match=${one} q=${q} known=${sessions.value.has(one.session)} />`)}</ol>
    ${found.error && html`<p class="feed-foot problem" role="alert">${t('search.moreFailed')}</p>`}
    ${found.bounded && html`<p class="feed-foot muted">${t('search.boundedText')}</p>`}
    ${found.truncated && !found.bounded && html`<p class="feed-foot"><button class="button" disabled=${found.busy || !found.asked} onClick=${found.more}>${t('search.more')}</button></p>`}`;
}

/** Moves the focus among the matches. @param {number} step */
function move(step) {
  const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.match')]);
  const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
  links[Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
}
