/**
 * A conversation as it is read: a stretch of its entries without a gap, which grows at either end page by page and stays
 * bounded, and what is said meanwhile.
 */
import { conversations } from '../client/index.js';
import { batch, signal } from '../html.js';
import { compareTimes } from '../times.js';

/** @import { ApiError } from '../client/index.js' */
/** @import { Whose } from '../client/conversations.js' */
/** @import { Entry } from '../client/types.js' */

const PAGE = 100;
/** The daemon gives so many at once. */
const MOST = 500;
/** Entries on each side of one that is looked for. */
const AROUND = 60;
/** Entries kept: what is further away is loaded again when it is wanted. */
const KEPT = 3000;

/** True for the entries of a thread: the main one ('') or a sub-agent's. @param {Entry} entry @param {string} agent */
export const isOf = (entry, agent) => {
  const own = entry.agent_id && entry.agent_id !== entry.started_agent ? entry.agent_id : '';
  return own === agent;
};

/** True if an entry was asked for that is not there. @param {ApiError|null} error */
export const isUnknown = (error) => error?.code === 'entry_not_found';

export class Reading {
  /** Oldest first; another array with each change. */
  entries = signal(/** @type {Entry[]} */ ([]));
  /** There are older ones, or newer ones, that are not loaded. */
  older = signal(false);
  newer = signal(false);
  loaded = signal(false);
  /** Which end is being loaded. */
  busy = signal(/** @type {''|'start'|'older'|'newer'} */ (''));
  error = signal(/** @type {ApiError|null} */ (null));
  /** At which end that was. */
  failed = signal(/** @type {''|'start'|'older'|'newer'} */ (''));
  title = signal('');
  /** What came while the reader was elsewhere: the first of it, and how many. */
  fresh = signal({ id: '', n: 0 });
  /** The reader is at the end and sees what comes. */
  atEnd = true;
  /** While the index is behind the transcripts what the stream has need not follow on what is here. */
  index = signal(/** @type {import('../client/conversations.js').Progress} */ ({ complete: true, left: 0 }));
  /** Another one with each new stretch: what was asked for another one is dropped. */
  #stretch = 0;
  /** What failed last, once more. @type {() => Promise<void>} */
  #again = () => this.start();
  /** What came since the request under way was made. @type {Entry[]} */
  #meanwhile = [];

  /** @param {Whose} whose @param {string} [agent] */
  constructor(whose, agent = '') {
    this.whose = whose;
    this.agent = agent;
  }

  /** @param {import('../client/conversations.js').Wanted} wanted */
  #page = (wanted) => conversations.page(this.whose, { limit: PAGE, agent: this.agent, ...wanted });

  retry = () => this.#again();

  /** The newest page, instead of what is there. @returns {Promise<void>} */
  start = () =>
    this.#load('start', this.start, async () => {
      const page = await this.#page({});
      return () => this.#show(page.entries, page.has_more, false, page.title);
    });

  /** The oldest page, instead of what is there. @returns {Promise<void>} */
  begin = () =>
    this.#load('start', this.begin, async () => {
      const page = await this.#page({ from: 'start' });
      return () => this.#show(page.entries, false, page.has_more, page.title);
    });

  /** A stretch round an entry, instead of what is there. @param {string} id @returns {Promise<void>} */
  around = (id) =>
    this.#load('start', () => this.around(id), async () => {
      const after = await this.#page({ after: id, limit: AROUND });
      const before = await this.#page(after.entries.length ? { before: after.entries[0].id, limit: AROUND } : { limit: AROUND });
      return () => this.#show([...before.entries, ...after.entries], before.has_more, after.has_more, before.title);
    });

  /** One more page at the beginning. @returns {Promise<void>} */
  loadOlder = () => {
    const first = this.entries.peek()[0];
    if (!this.older.peek() || !first || this.busy.peek()) return Promise.resolve();
    return this.#load('older', this.loadOlder, async () => {
      const page = await this.#page({ before: first.id });
      return () => {
        const all = [...page.entries, ...this.entries.peek()];
        if (all.length > KEPT) this.newer.value = true;
        this.entries.value = all.slice(0, KEPT);
        this.older.value = page.has_more;
      };
    });
  };

  /** One more page at the end. @returns {Promise<void>} */
  loadNewer = () => {
    const last = this.entries.peek().at(-1);
    if (!this.newer.peek() || !last || this.busy.peek()) return Promise.resolve();
    return this.#load('newer', this.loadNewer, async () => {
      const [page, answered] = await Promise.all([this.#page({ after: last.id }), this.#answered()]);
      return () => {
        const now = new Map([...this.entries.peek(), ...answered, ...page.entries].map((one) => [one.id, one]));
        const all = [...now.values()];
        if (all.length > KEPT) this.older.value = true;
        this.entries.value = all.slice(-KEPT);
        this.newer.value = page.has_more;
      };
    });
  };

  /** After a gap in the stream: what is new, and results that came. */
  catchUp = () => {
    if (!this.loaded.peek() || this.newer.peek()) return Promise.resolve();
    const before = this.entries.peek(); // what comes meanwhile is behind the gap
    const known = new Set(before.map((one) => one.id));
    const goOn = () => (before.length ? this.loadNewer() : this.start());
    return this.#load('newer', goOn, async () => {
      const [page, answered] = await Promise.all([this.#page({}), this.#answered()]);
      return () => {
        const follows = !page.has_more || page.entries.some((one) => known.has(one.id));
        if (!follows && this.atEnd) return this.#show(page.entries, true, false, page.title);
        if (!follows) this.newer.value = true; // what is between is loaded when the reader gets there
        this.#take(follows ? [...answered, ...page.entries] : answered);
      };
    }, () => {
      this.entries.value = before; // then nothing is put behind the gap until it is closed
      this.newer.value = true;
    });
  };

  /** Looks for what no event tells: entries of a transcript that is being indexed, or that nobody follows. @returns {Promise<void>} */
  look = () => {
    const last = this.entries.peek().at(-1);
    if (!this.loaded.peek() || this.newer.peek() || this.busy.peek()) return Promise.resolve();
    if (!last) return this.start();
    return this.#load('newer', this.look, async () => {
      const [page, answered] = await Promise.all([this.#page({ after: last.id }), this.#answered()]);
      return () => {
        this.#take([...answered, ...page.entries]);
        this.newer.value = page.has_more;
      };
    });
  };

  /** Entries of the stream, of any thread. @param {Entry[]} entries */
  live = (entries) => {
    const own = entries.filter((one) => isOf(one, this.agent));
    if (!own.length) return;
    if (this.busy.peek()) this.#meanwhile.push(...own);
    if (this.loaded.peek()) this.#take(own, true);
  };

  /** The last of what is here, as it is now, from the first call on that has no result yet. @returns {Promise<Entry[]>} */
  #answered = async () => {
    const all = this.entries.peek();
    const at = all.findIndex((one, index) => index >= all.length - MOST && one.kind === 'tool' && one.result === undefined);
    if (at < 0) return [];
    const known = new Set(all.map((one) => one.id));
    const wanted = at ? { after: all[at - 1].id, limit: all.length - at } : { limit: MOST };
    const page = await this.#page(wanted).catch(() => ({ entries: [] })); // then they stay as they are
    return page.entries.filter((one) => known.has(one.id));
  };

  /**
   * @param {'start'|'older'|'newer'} what @param {() => Promise<void>} again does it once more @param {() => Promise<() => void>} ask gives what to do with the answer
   * @param {() => void} [lost] what to do without one @returns {Promise<void>}
   */
  #load = async (what, again, ask, lost = () => {}) => {
    const mine = what === 'start' ? ++this.#stretch : this.#stretch;
    this.#meanwhile = [];
    batch(() => {
      this.busy.value = what;
      this.error.value = null;
    });
    try {
      const apply = await ask();
      if (mine !== this.#stretch) return;
      batch(() => {
        apply();
        this.loaded.value = true;
        this.#take(this.#meanwhile, true);
        this.busy.value = '';
      });
    } catch (error) {
      if (mine !== this.#stretch) return;
      // The transcript was written anew, and what was to be gone on from is not in it: no page leads on from here.
      if (what !== 'start' && isUnknown(/** @type {ApiError} */ (error))) return this.start();
      batch(() => {
        this.error.value = /** @type {ApiError} */ (error);
        this.failed.value = what;
        this.busy.value = '';
        this.#again = again;
        lost();
      });
    }
  };

  /** @param {Entry[]} entries @param {boolean} older @param {boolean} newer @param {string} [title] */
  #show = (entries, older, newer, title) => {
    this.entries.value = entries;
    this.older.value = older;
    this.newer.value = newer;
    this.title.value = title ?? this.title.peek();
    this.fresh.value = { id: '', n: 0 };
  };

  /** Entries as they are now: known ones in their place, new ones at the end. @param {Entry[]} entries @param {boolean} [live] */
  #take = (entries, live = false) => {
    if (!entries.length) return;
    const all = [...this.entries.peek()];
    const places = new Map(all.map((one, index) => [one.id, index]));
    /** @type {Entry[]} */
    const added = [];
    for (const entry of entries) {
      const at = places.get(entry.id);
      if (at !== undefined) all[at] = entry;
      else if (!this.newer.peek() && !(live && !this.index.peek().complete)) {
        places.set(entry.id, all.push(entry) - 1);
        added.push(entry);
      }
      if (entry.truncated) this.#readWhole(entry);
    }
    if (added.length) {
      all.sort((a, b) => compareTimes(a.ts, b.ts)); // stable: what has one time stays as it came
      if (this.atEnd && all.length > KEPT) this.older.value = true;
      if (!this.atEnd) this.fresh.value = { id: this.fresh.peek().id || added[0].id, n: this.fresh.peek().n + added.length };
    }
    if (!this.atEnd && all.length > 2 * KEPT) this.newer.value = true;
    this.entries.value = this.atEnd ? all.slice(-KEPT) : all.slice(0, 2 * KEPT);
  };

  /** Reads an entry whose event was cut. @param {Entry} entry */
  #readWhole = async (entry) => {
    await Promise.resolve(); // it is in its place then
    const all = this.entries.peek();
    const at = all.findIndex((one) => one.id === entry.id);
    if (at < 0) return;
    const before = all[at - 1];
    const page = await this.#page(before ? { after: before.id, limit: 1 } : { limit: 1 }).catch(() => null); // then it stays cut
    const whole = page?.entries[0];
    if (whole?.id === entry.id) this.entries.value = this.entries.peek().map((one) => (one.id === whole.id ? whole : one));
  };
}
