/** Reads a conversation: a session's, as it goes on, or any other; the whole of it or a sub-agent's thread. */
import { html, useCallback, useEffect, useLayoutEffect, useMemo, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { bindKeys } from '../../keys.js';
import { go } from '../../router.js';
import { Reading, isUnknown } from '../../store/reading.js';
import { Empty, Failure, IconButton, Loading } from '../../ui/bits.js';
import { loadParser } from '../../ui/commonmark.js';
import { Dialog } from '../../ui/dialog.js';
import { takeFocus } from '../../ui/focus.js';
import { Icon } from '../../ui/icons.js';
import { IndexNote } from '../../ui/index-note.js';
import { MeasuredList } from '../../ui/measured-list.js';
import { Menu } from '../../ui/menu.js';
import { newContext } from './context.js';
import { drawEntry } from './entry.js';
import { useCurrent } from './current.js';
import { exportItems, fileName } from './export.js';
import { Find } from './find.js';
import { taskOf, useOrigin } from './origin.js';
import { Outline, useHeadings } from './outline.js';
import { usePlaces } from './places.js';

/** @import { Children } from '../../html.js' */
/** @import { Entry } from '../../client/types.js' */

/**
 * @param {{whose: import('../../client/conversations.js').Whose, name: string, file?: string, base?: string, session?: string, agent?: string, call?: string, entry?: string,
 *   pathOf: (entry: string, agent?: string, call?: string) => string, empty: Children, live?: boolean, titled?: boolean}} props
 *   `name`: what to call it. `file`: what to call its export, if not by its title and newest entry. `base`: its directory. `session`: that has it,
 *   if one has. `call`: the entry that started the agent. `entry`: to begin with. `live`: follow the stream. `titled`: its title stands above
 */
export function Reader({ whose, name, file = '', base = '', session = '', agent = '', call = '', entry = '', pathOf, empty, live = false, titled = false }) {
  const key = JSON.stringify([whose, agent]);
  const reading = useMemo(() => new Reading(whose, agent), [key]);
  const context = useMemo(() => newContext({ whose, session, base, draw: drawEntry, pathOf: (id, other = agent, from = other === agent ? call : '') => pathOf(id, other, from) }), [reading, session, base, call]);
  const origin = useOrigin(whose, agent, call);
  const [finding, setFinding] = useState(false);
  const [sheet, setSheet] = useState(false);
  const places = usePlaces(reading, context, entry, (other) => go(pathOf(entry, other), { replace: true }));
  const headings = useHeadings(reading);
  const entries = reading.entries.value;
  useEffect(() => {
    loadParser().catch(() => {}); // without it the text is shown as it is
  }, []);
  useCurrent(reading, live ? session : '');
  useLayoutEffect(() => bindKeys([
    { keys: 'j', group: t('reader.title'), label: t('reader.nextPrompt'), run: () => places.step(1) },
    { keys: 'k', group: t('reader.title'), label: t('reader.previousPrompt'), run: () => places.step(-1) },
    { keys: '↑ ↓ PgUp PgDn', group: t('reader.title'), label: t('reader.scroll'), run: () => {} }, // the browser does it: the list has the focus
    { keys: 'Home', group: t('reader.title'), label: t('reader.toStart'), run: () => places.toStart() },
    { keys: 'End', group: t('reader.title'), label: t('reader.toEnd'), run: () => places.toEnd() },
    { keys: '/', group: t('reader.title'), label: t('reader.find'), run: () => setFinding(true) },
    { keys: 'mod+f', group: t('reader.title'), label: t('reader.find'), run: () => setFinding(true) },
  ]), [reading]);
  const shown = entries.length > 0;
  useEffect(() => {
    if (shown) takeFocus(places.list.current?.element());
  }, [key, shown]);
  const draw = useCallback((/** @type {Entry} */ one) => drawEntry(one, context), [context]);
  const onNear = (/** @type {import('../../ui/measured-list.js').Near} */ near) => {
    if (reading.error.peek() || reading.busy.peek()) return;
    if (near.first) reading.loadOlder();
    if (near.last) reading.loadNewer();
  };
  const outline = html`<${Outline} headings=${headings} current=${places.current} jump=${(/** @type {string} */ id) => (setSheet(false), places.jump(id))}
    toStart=${() => (setSheet(false), places.toStart())} />`;
  return html`<section class="reader">
    <div class="reader-main">
      <div class="reader-tools" role="group" aria-label=${t('reader.tools')}>
        <span class="reader-title">${agent ? html`<a href=${pathOf(origin?.id ?? call, '')}>${t('reader.backToMain')}</a>` : !titled && reading.title.value}</span>
        <${IconButton} icon="up" label=${t('reader.previousPrompt')} onClick=${() => places.step(-1)} />
        <${IconButton} icon="down" label=${t('reader.nextPrompt')} onClick=${() => places.step(1)} />
        <${IconButton} icon="search" label=${t('reader.find')} aria-pressed=${finding} onClick=${() => setFinding(!finding)} />
        <${IconButton} icon="outline" class="reader-sheet" label=${t('reader.outline')} onClick=${() => setSheet(true)} />
        <${Menu} label=${t('reader.export')} icon="download" items=${exportItems(whose, file || fileName(name, reading.title.value, entries.at(-1)?.ts))} />
      </div>
      ${agent && html`<p class="feed-note">${t('reader.agentNote', { what: (origin && taskOf(origin)) || agent.slice(0, 9) })}</p>`}
      ${places.gone.value && html`<p class="feed-note" role="status">${t(reading.index.value.complete ? 'reader.entryGone' : 'reader.entryNotYet')}</p>`}
      <${IndexNote} index=${reading.index.value} />
      ${finding && html`<${Find} entries=${entries} context=${context} agent=${agent} whole=${!reading.older.value && !reading.newer.value} jump=${places.jump}
        list=${() => places.list.current} onClose=${() => setFinding(false)} />`}
      ${entries.length > 0
        ? html`<${MeasuredList} key=${key} rows=${entries} keyOf=${keyOf} guess=${guess} draw=${draw} handle=${places.list} startAt=${places.gone.value ? '' : places.startAt} class="entries"
            label=${t('reader.label', { name })} onNear=${onNear} onMove=${places.onMove} head=${html`<${Beginning} reading=${reading} />`}
            foot=${html`<${End} reading=${reading} />`} />`
        : reading.error.value && !isUnknown(reading.error.value)
          ? html`<${Failure} error=${reading.error.value} retry=${reading.start} />`
          : reading.loaded.value ? empty : html`<div class="page"><${Loading} /></div>`}
      ${places.away.value && entries.length > 0 && html`<button class="button small pill" type="button" onClick=${() => places.toEnd()}><${Icon} name="down" />
        ${reading.fresh.value.n ? t('reader.fresh', { n: reading.fresh.value.n }) : t('reader.toEnd')}</button>`}
    </div>
    <aside class="reader-side" aria-label=${t('reader.outline')}>${outline}</aside>
    ${sheet && html`<${Dialog} title=${t('reader.outline')} onClose=${() => setSheet(false)}>${outline}<//>`}
  </section>`;
}

const keyOf = (/** @type {Entry} */ entry) => entry.id;

/** The height of an entry that was not drawn yet: near enough for the scroll bar. @param {Entry} entry */
function guess(entry) {
  if (entry.kind !== 'text' && entry.kind !== 'prompt') return entry.images?.length ? 220 : 40;
  const text = entry.text ?? '';
  return 70 + Math.min(200, Math.max(text.length / 85, text.split('\n').length)) * 21;
}

/** Above the first entry: older ones come, could not be loaded, or there are none. @param {{reading: Reading}} props */
function Beginning({ reading }) {
  if (reading.error.value && reading.failed.value !== 'newer') return html`<${NoMore} reading=${reading} />`;
  return html`<p class="feed-foot muted">${reading.older.value ? t('misc.loading') : t('reader.beginning')}</p>`;
}

/** Below the last entry: newer ones come, or could not be loaded. @param {{reading: Reading}} props */
function End({ reading }) {
  if (reading.error.value && reading.failed.value === 'newer') return html`<${NoMore} reading=${reading} />`;
  return reading.newer.value && html`<p class="feed-foot muted">${t('misc.loading')}</p>`;
}

/** @param {{reading: Reading}} props */
const NoMore = ({ reading }) => html`<p class="feed-foot problem" role="alert">${t('reader.moreFailed')} <button class="button small" type="button"
  onClick=${reading.retry}>${t('actions.retry')}</button></p>`;

/** Nothing was said yet. @param {{children?: Children}} props */
export function NothingSaid({ children }) {
  return html`<${Empty} icon="speech" title=${t('reader.emptyTitle')} text=${t('reader.emptyText')}>${children}<//>`;
}
