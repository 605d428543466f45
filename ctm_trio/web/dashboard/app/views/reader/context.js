/** What the parts of a reader share: whose conversation it is, what is open, which entry is marked. */
import { signal } from '../../html.js';

/** @import { Whose } from '../../client/conversations.js' */
/** @import { Children, Signal } from '../../html.js' */
/** @import { Entry } from '../../client/types.js' */

/**
 * @typedef {object} Context
 * @property {Whose} whose
 * @property {string} session its name, '' for none
 * @property {string} base its directory: paths in it are shown from there
 * @property {(entry: string, agent?: string, call?: string) => string} pathOf the address of an entry, or of the thread of a sub-agent that a call started
 * @property {(entry: Entry, context: Context) => Children} draw draws an entry; parts that hold entries use it
 * @property {Signal<ReadonlySet<string>>} opened what is unfolded
 * @property {Signal<string>} marked id of the entry that was jumped to
 * @property {Signal<string>} newFrom id of the first entry that came while the reader was elsewhere
 */

/** @param {Omit<Context, 'opened'|'marked'|'newFrom'>} given @returns {Context} */
export const newContext = (given) => ({
  ...given, opened: signal(/** @type {ReadonlySet<string>} */ (new Set())), marked: signal(''), newFrom: signal(''),
});

/** Folds or unfolds. @param {Context} context @param {string} key @param {boolean} [open] */
export function toggle(context, key, open = !context.opened.peek().has(key)) {
  const next = new Set(context.opened.peek());
  if (open) next.add(key);
  else next.delete(key);
  context.opened.value = next;
}

/** All the words of an entry, in lower case, made once. @type {WeakMap<Entry, string>} */
const known = new WeakMap();

/** @param {Entry} entry */
export function wordsOf(entry) {
  let words = known.get(entry);
  if (words === undefined) {
    const input = entry.input === undefined ? '' : JSON.stringify(entry.input).replaceAll('\\n', '\n').replaceAll('\\"', '"');
    words = [entry.text, entry.tool, entry.summary, input, entry.result].filter(Boolean).join('\n').toLowerCase();
    known.set(entry, words);
  }
  return words;
}

/** The first line of a text, not too long. @param {string} text @param {number} [most] */
export function firstLine(text, most = 120) {
  const line = text.trim().split('\n', 1)[0].replace(/^#+\s+/, '');
  return line.length > most ? `${line.slice(0, most)}…` : line;
}
