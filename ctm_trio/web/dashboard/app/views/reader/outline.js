/** The prompts of a conversation, as a way through it: beside it on wide screens, in a sheet on a phone. */
import { conversations } from '../../client/index.js';
import { html, useEffect, useMemo, useRef, useState } from '../../html.js';
import { dayAndTime, moment } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { boxNow } from '../../store/clock.js';
import { toast } from '../../store/toasts.js';
import { compareTimes } from '../../times.js';
import { Icon } from '../../ui/icons.js';
import { firstLine } from './context.js';

/** @import { Signal } from '../../html.js' */
/** @import { Entry } from '../../client/types.js' */
/** @import { Reading } from '../../store/reading.js' */

/** @typedef {{id: string, text: string, ts: string}} Heading */
/** @typedef {{list: Heading[], follows: (at: number) => boolean, begins: boolean, busy: boolean, fill: (at: number) => void}} Headings
 *  `follows`: nothing is missing before that one. `begins`: nothing is missing before the first. `fill`: loads what is missing before one */

/** Entries that are looked through at once for prompts, and pages of them for one press of a button. */
const PAGE = 500;
const MOST_PAGES = 4;
/** Pixels that the button at the top may cover. */
const HEAD = 52;

/** The prompts that were seen, and which of them follow on which. */
class Seen {
  /** @type {Map<string, Heading>} */
  #known = new Map();
  /** Pairs of ids. @type {Set<string>} */
  #pairs = new Set();
  begins = false;

  /** Prompts of a stretch without a gap, oldest first. @param {Entry[]} entries @param {string} [last] the prompt before them */
  add(entries, last = '') {
    for (const one of entries.filter(isHeading)) {
      if (!this.#known.has(one.id)) this.#known.set(one.id, { id: one.id, ts: one.ts, text: firstLine(one.text ?? '') });
      if (last) this.#pairs.add(`${last} ${one.id}`);
      last = one.id;
    }
    return last;
  }

  /** That nothing is between them. @param {string} one @param {string} next */
  join(one, next) {
    this.#pairs.add(`${one} ${next}`);
  }

  follows = (/** @type {string} */ one, /** @type {string} */ next) => this.#pairs.has(`${one} ${next}`);
  has = (/** @type {string} */ id) => this.#known.has(id);
  list = () => [...this.#known.values()].sort((a, b) => compareTimes(a.ts, b.ts));
}

/**
 * The prompts seen so far, oldest first: those that are no longer loaded too, they can be jumped to all the same.
 * @param {Reading} reading @returns {Headings}
 */
export function useHeadings(reading) {
  const seen = useMemo(() => new Seen(), [reading]);
  const [round, setRound] = useState(0);
  const [busy, setBusy] = useState(false);
  const entries = reading.entries.value;
  const older = reading.older.value;
  const list = useMemo(() => {
    seen.add(entries);
    if (!older && entries.length) seen.begins = true;
    return seen.list();
  }, [seen, entries, older, round]);
  const fill = async (/** @type {number} */ at) => {
    setBusy(true);
    try {
      await (at > 0 ? between(reading, seen, list[at - 1].id, list[at].id) : earlier(reading, seen, list[0]?.id));
    } catch (error) {
      toast(/** @type {Error} */ (error).message, 'bad');
    }
    setBusy(false);
    setRound((n) => n + 1);
  };
  return { list, follows: (at) => seen.follows(list[at - 1].id, list[at].id), begins: seen.begins || (!entries.length && !older), busy, fill };
}

/** Looks for the prompts behind one, up to the next that is known. @param {Reading} reading @param {Seen} seen @param {string} from @param {string} to */
async function between({ whose, agent }, seen, from, to) {
  let [after, last] = [from, from];
  for (let at = 0; at < MOST_PAGES; at += 1) {
    const { entries, has_more: more } = await conversations.page(whose, { after, limit: PAGE, agent });
    const end = entries.findIndex((one) => one.id === to);
    last = seen.add(end < 0 ? entries : entries.slice(0, end), last);
    if (end >= 0 || !more || !entries.length) return seen.join(last, to);
    after = entries[entries.length - 1].id;
  }
  return undefined;
}

/** Looks for the prompts before one. @param {Reading} reading @param {Seen} seen @param {string|undefined} first */
async function earlier({ whose, agent }, seen, first) {
  let before = first;
  let next = first;
  for (let at = 0; at < MOST_PAGES; at += 1) {
    const { entries, has_more: more } = await conversations.page(whose, { limit: PAGE, agent, ...(before && { before }) });
    const last = seen.add(entries);
    if (last && next) seen.join(last, next);
    next = entries.find(isHeading)?.id ?? next;
    seen.begins ||= !more;
    if (!more || !entries.length) return;
    before = entries[0].id;
  }
}

/** @param {Entry} entry */
export const isHeading = (entry) => entry.kind === 'prompt';

/**
 * @param {{headings: Headings, current: Signal<string>, jump: (id: string) => void, toStart: () => void}} props
 */
export function Outline({ headings, current, jump, toStart }) {
  const nav = useRef(/** @type {HTMLElement|null} */ (null));
  const now = current.value;
  const { list } = headings;
  useEffect(() => {
    const item = nav.current?.querySelector('[aria-current]');
    const box = nav.current?.closest('.dialog-box') ?? nav.current;
    if (!item || !box) return;
    const [inner, outer] = [item.getBoundingClientRect(), box.getBoundingClientRect()];
    if (outer.height > 0 && (inner.top < outer.top + HEAD || inner.bottom > outer.bottom)) box.scrollTop += inner.top - outer.top - outer.height / 2;
  }, [now, list.length]);
  const item = (/** @type {Heading} */ one) => html`<li key=${one.id}><button class="outline-item" type="button" title=${dayAndTime(one.ts)} aria-current=${one.id === now ? 'true' : undefined}
      onClick=${() => jump(one.id)}><time class="muted num">${moment(Date.parse(one.ts), boxNow())}</time><bdi>${one.text || t('reader.imageOnly')}</bdi></button></li>`;
  const hole = (/** @type {number} */ at) => html`<li key=${`before ${list[at]?.id}`}><button class="outline-hole" type="button" disabled=${headings.busy} onClick=${() => headings.fill(at)}>
      <${Icon} name=${headings.busy ? 'working' : 'more'} class=${headings.busy ? 'spin' : ''} /><span>${t(at ? 'reader.promptsBetween' : 'reader.olderPrompts')}</span></button></li>`;
  return html`<nav class="outline" aria-label=${t('reader.outline')} ref=${nav}>
    ${list.length > 0 && html`<button class="button small wide" type="button" onClick=${toStart}><${Icon} name="up" />${t('reader.toStart')}</button>`}
    ${!list.length && headings.begins && html`<p class="muted">${t('reader.noPrompts')}</p>`}
    <ol>${!headings.begins && hole(0)}${list.map((one, at) => [at > 0 && !headings.follows(at) && hole(at), item(one)])}</ol>
  </nav>`;
}
