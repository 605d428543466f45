/** Find in a conversation: among the entries that are loaded at once, and in the rest of it as soon as the typing rests. */
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../../html.js';
import { dayAndTime, hourMinute } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { compareTimes } from '../../times.js';
import { IconButton } from '../../ui/bits.js';
import { Icon } from '../../ui/icons.js';
import { RESULT_CHARS } from './call.js';
import { toggle, wordsOf } from './context.js';
import { SHORTEST, useElsewhere } from './find-all.js';
import { useMarks } from './marks.js';

/** @import { EventOf } from '../../html.js' */
/** @import { Entry } from '../../client/types.js' */
/** @import { ListHandle } from '../../ui/measured-list.js' */
/** @import { Context } from './context.js' */

/** @typedef {{id: string, ts: string, what: string, text: string}} Hit */

const DEBOUNCE_MS = 150;
/** Words shown around a hit, and room that a hit keeps from the edges. */
const BEFORE = 30;
const AFTER = 120;
const MARGIN = 60;

/**
 * @param {{entries: Entry[], context: Context, agent: string, whole: boolean, jump: (id: string, reveal?: boolean) => void,
 *   list: () => ListHandle|null, onClose: () => void}} props `whole`: all of it is loaded
 */
export function Find({ entries, context, agent, whole, jump, list, onClose }) {
  const box = useRef(/** @type {HTMLInputElement|null} */ (null));
  const [text, setText] = useState('');
  const wanted = useRested(text.trim().toLowerCase());
  const [current, setCurrent] = useState({ at: '' });
  useLayoutEffect(() => box.current?.focus(), []);
  const element = () => list()?.element() ?? null;
  useMarks(element, wanted, current, (range) => bringInto(range, element(), (pixels) => list()?.shift(pixels)));
  const rest = useElsewhere(wanted, context, agent, whole);
  const hits = useMemo(() => union(hitsIn(entries, wanted), rest.hits), [entries, wanted, rest.hits]);
  const index = hits.findIndex((one) => one.id === current.at);
  const go = (/** @type {string} */ id) => {
    setCurrent({ at: id });
    jump(id, true);
  };
  const step = (/** @type {number} */ by) => {
    if (!hits.length) return;
    const from = index >= 0 ? index : nearest(hits, entries, list()?.top() ?? '') - (by > 0 ? 1 : 0);
    go(hits[(from + by + hits.length) % hits.length].id);
  };
  // Of a long result only the beginning is drawn: all of it if the hit is further down.
  const now = entries.find((one) => one.id === current.at);
  useEffect(() => {
    const at = wanted ? (now?.result ?? '').toLowerCase().lastIndexOf(wanted) : -1;
    if (now && at + wanted.length > RESULT_CHARS) toggle(context, `${now.id}/result`, true);
  }, [now, wanted]);
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.key === 'Enter' && event.target === box.current) step(event.shiftKey ? -1 : 1);
    else if (event.key === 'Escape') onClose();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return html`<div class="find" role="search" onKeyDown=${onKey}>
    <div class="find-line"><label class="filter"><span class="sr">${t('reader.find')}</span><${Icon} name="search" />
        <input ref=${box} class="input" type="search" placeholder=${t('reader.find')} value=${text} autocomplete="off" spellcheck=${false}
          onInput=${(/** @type {EventOf} */ event) => (setText(event.target.value), setCurrent({ at: '' }))} /></label>
      <span class="find-count muted num" role="status">${wanted && (rest.busy ? t('reader.findBusy') : t(rest.more ? 'reader.findCountMore' : 'reader.findCount', { at: index + 1, n: hits.length }))}</span>
      <${IconButton} icon="up" label=${t('reader.findPrevious')} onClick=${() => step(-1)} />
      <${IconButton} icon="down" label=${t('reader.findNext')} onClick=${() => step(1)} />
      <${IconButton} icon="close" label=${t('actions.close')} onClick=${onClose} /></div>
    ${!whole && wanted && wanted.length < SHORTEST && html`<p class="muted find-note">${t('reader.findShort', { n: SHORTEST })}</p>`}
    ${rest.problem && html`<p class="problem" role="alert">${rest.problem}</p>`}
    ${!whole && !rest.busy && wanted.length >= SHORTEST && hits.length > 0 && html`<${List} hits=${hits} at=${current.at} go=${go} />`}
    ${rest.threads.length > 0 && html`<p class="muted find-note">${t('reader.findThreads')} ${rest.threads.map((one) => html`<a href=${context.pathOf(one.entry, one.agent, '')}>${one.agent.slice(0, 9)}</a> `)}</p>`}
  </div>`;
}

/** @param {{hits: Hit[], at: string, go: (id: string) => void}} props */
function List({ hits, at, go }) {
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => {
    const item = /** @type {HTMLElement|null|undefined} */ (box.current?.querySelector('[aria-current]'));
    if (!item || !box.current) return;
    const top = item.offsetTop - box.current.offsetTop;
    if (top < box.current.scrollTop || top + item.offsetHeight > box.current.scrollTop + box.current.clientHeight) box.current.scrollTop = top - box.current.clientHeight / 2;
  }, [at]);
  return html`<ol class="find-list" ref=${box} aria-label=${t('reader.findList')}>${hits.map((one) => html`<li key=${one.id}>
    <button class="find-hit" type="button" title=${dayAndTime(one.ts)} aria-current=${one.id === at ? 'true' : undefined} onClick=${() => go(one.id)}>
      <time class="muted num">${hourMinute(one.ts)}</time><b>${one.what}</b><span>${one.text}</span></button></li>`)}</ol>`;
}

/** A value that has not changed for a moment. @param {string} value */
function useRested(value) {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), DEBOUNCE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

/** @param {Entry[]} entries @param {string} wanted @returns {Hit[]} */
function hitsIn(entries, wanted) {
  if (!wanted) return [];
  return entries.flatMap((one) => {
    const words = wordsOf(one);
    const at = words.indexOf(wanted);
    if (at < 0) return [];
    const from = Math.max(0, at - BEFORE);
    return [{ id: one.id, ts: one.ts, what: one.tool || t(`reader.kinds.${one.kind}`), text: `${from ? '…' : ''}${words.slice(from, at + AFTER).replace(/\s+/g, ' ')}` }];
  });
}

/** Both, each entry once, oldest first. @param {Hit[]} here @param {Hit[]} rest */
function union(here, rest) {
  const known = new Set(here.map((one) => one.id));
  return [...here, ...rest.filter((one) => !known.has(one.id))].sort((a, b) => compareTimes(a.ts, b.ts));
}

/** The first hit at or behind an entry, else the last one. @param {Hit[]} hits @param {Entry[]} entries @param {string} top */
function nearest(hits, entries, top) {
  const from = entries.find((one) => one.id === top)?.ts ?? '';
  const found = hits.findIndex((one) => compareTimes(one.ts, from) >= 0);
  return found < 0 ? hits.length - 1 : found;
}

/** Scrolls to a mark: in the box of an output, and in the list. @param {Range} range @param {HTMLElement|null} list @param {(pixels: number) => void} shift */
function bringInto(range, list, shift) {
  const inner = range.startContainer.parentElement?.closest('.block, .code-text, .diff-scroll');
  if (inner && list?.contains(inner)) {
    const [mark, room] = [range.getBoundingClientRect(), inner.getBoundingClientRect()];
    if (mark.top < room.top || mark.bottom > room.bottom) inner.scrollTop += mark.top - room.top - room.height / 2;
    if (mark.left < room.left || mark.right > room.right) inner.scrollLeft += mark.left - room.left - room.width / 2;
  }
  if (!list) return;
  const [mark, room] = [range.getBoundingClientRect(), list.getBoundingClientRect()];
  if (mark.top < room.top || mark.bottom > room.bottom - MARGIN) shift(mark.top - room.top - room.height / 3);
}
