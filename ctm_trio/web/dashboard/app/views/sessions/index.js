/** The list of sessions: who needs you, who works, who rests; each row says enough to leave it alone. */
import { house } from '../../house.js';
import { html, useLayoutEffect, useRef } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { go } from '../../router.js';
import { needingCount, ranked, refresh, sessions, sessionsLoaded } from '../../store/sessions.js';
import { Empty, Loading } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { warningsOf } from '../../store/status.js';
import { aboutWords } from './about.js';
import { AccountNote } from './account.js';
import { SessionRow } from './row.js';
import { UnwatchedNote, useUnwatched } from './unwatched.js';

/** @import { EventOf } from '../../html.js' */
/** @import { Entry } from '../../store/sessions.js' */

const GROUPS = ['needs', 'working', 'ended'];

/** @param {{query: Record<string, string>}} props */
export default function Sessions({ query }) {
  const filter = useRef(/** @type {HTMLInputElement|null} */ (null));
  useLayoutEffect(() => bindKeys(listKeys(filter)), []);
  useUnwatched();
  const q = query.q ?? '';
  const shown = ranked.value.filter((one) => matches(one, q.trim().toLowerCase()));
  const total = sessions.value.size;
  return html`<div class="page">
    <header class="page-head">
      <div><h1>${t('sessions.title')}</h1>
        <p class="summary" role="status">${sessionsLoaded.value ? summary(needingCount.value, total) : '\u00a0'}</p></div>
      <div class="page-tools">
        <label class="filter"><span class="sr">${t('sessions.filter')}</span><${Icon} name="search" />
          <input ref=${filter} class="input" type="search" placeholder=${t('sessions.filterHint')} value=${q}
            onInput=${(/** @type {EventOf} */ event) => setFilter(event.target.value)} /></label>
        ${house.commands
          .filter((one) => one.id === 'new-session')
          .map(
            (one) => html`<button class="button primary" onClick=${one.run}>
          <${Icon} name=${one.icon} />${t(one.label)}</button>`,
          )}
      </div>
    </header>
    <${AccountNote} />
    ${!sessionsLoaded.value ? html`<${Loading} rows=${6} />` : html`<${List} shown=${shown} total=${total} q=${q} /><${UnwatchedNote} />`}
  </div>`;
}

/** @param {number} n @param {number} total */
function summary(n, total) {
  if (!total) return '';
  return n ? t('sessions.summary', { n, total }) : t('sessions.calm', { n: total });
}

/** @param {{shown: Entry[], total: number, q: string}} props */
function List({ shown, total, q }) {
  if (!total)
    return html`<${Empty} icon="sessions" title=${t('sessions.emptyTitle')} text=${t('sessions.emptyText')}>
    <button class="button" onClick=${refresh}>${t('actions.retry')}</button><//>`;
  if (!shown.length)
    return html`<${Empty} icon="search" title=${t('sessions.noMatch', { q })} text=${t('sessions.noMatchText')}>
    <button class="button" onClick=${() => setFilter('')}>${t('sessions.clear')}</button><//>`;
  return GROUPS.map((group) => {
    const rows = shown.filter((one) => one.standing.group === group);
    return (
      rows.length > 0 &&
      html`<section class="group" key=${group} aria-labelledby=${`group-${group}`}>
      <h2 class="group-head" id=${`group-${group}`}>${t(`sessions.groups.${group}`)} <span class="muted">${rows.length}</span></h2>
      <ul class="rows">${rows.map((one) => html`<${SessionRow} key=${one.session.name} entry=${one} />`)}</ul>
    </section>`
    );
  });
}

/** Every word of the filter must be somewhere in what the row says. */
function matches(/** @type {Entry} */ { session, standing }, /** @type {string} */ q) {
  const text = `${session.name} ${session.workdir} ${session.mode} ${standing.word} ${aboutWords(session, standing)} ${warningsOf(session).map((one) => one.word).join(' ')}`.toLowerCase();
  return q.split(/\s+/).every((word) => text.includes(word));
}

/** @param {string} q */
function setFilter(q) {
  go(q ? `/?q=${encodeURIComponent(q)}` : '/', { replace: true });
}

/** j, k and Enter move through the rows like the arrow keys of a list. */
function listKeys(/** @type {{current: HTMLInputElement|null}} */ filter) {
  const group = t('keys.list');
  const move = (/** @type {number} */ step) => {
    const links = /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.row-link')]);
    const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    links[Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
  };
  return [
    { keys: 'j', label: t('keys.next'), group, run: () => move(1) },
    { keys: 'k', label: t('keys.previous'), group, run: () => move(-1) },
    { keys: '/', label: t('keys.filter'), group, run: () => filter.current?.focus() },
  ];
}
