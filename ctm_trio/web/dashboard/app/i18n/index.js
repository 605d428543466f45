/** Words for people. `en.js` holds every English text; a translation is another such file, named in `CATALOGUES`. */
import en from './en.js';

/** A text, its plural forms, or the texts of a section. @typedef {string|{[key: string]: Text}} Text */

/** Other languages: code → a function that imports the file. */
const CATALOGUES = /** @type {Record<string, () => Promise<{default: typeof en}>>} */ ({});

/** @type {Text} */
let texts = en;
export let locale = 'en';
let plural = new Intl.PluralRules('en');

/** Loads the reader's language if there is a file for it. Call once, before the first render. */
export async function loadLanguage() {
  const wanted = navigator.languages.find((language) => language.slice(0, 2) in CATALOGUES)?.slice(0, 2);
  if (!wanted) return;
  texts = (await CATALOGUES[wanted]()).default;
  locale = wanted;
  plural = new Intl.PluralRules(wanted);
  document.documentElement.lang = wanted;
}

/**
 * The text at `key` ("sessions.title") with `{name}` filled in. A text may be `{one, other, …}`: then `values.n` picks
 * the plural form. A key without a text is shown as it is, so that a gap is seen.
 * @param {string} key @param {Record<string, string|number>} [values] @returns {string}
 */
export function t(key, values) {
  let text = lookup(texts, key) ?? lookup(en, key);
  if (text && typeof text === 'object') text = text[plural.select(Number(values?.n ?? 0))] ?? text.other;
  if (typeof text !== 'string') return key;
  return values ? text.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole)) : text;
}

/** True if there is a text for this key. @param {string} key */
export function hasText(key) {
  return lookup(texts, key) !== undefined || lookup(en, key) !== undefined;
}

/** @param {Text} tree @param {string} key @returns {Text|undefined} */
function lookup(tree, key) {
  /** @type {Text|undefined} */
  let node = tree;
  for (const part of key.split('.')) node = typeof node === 'object' ? node[part] : undefined;
  return node;
}
