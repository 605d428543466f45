/** Saves a conversation as a file. The daemon wants the token, so it is fetched and handed to the browser. */
import { conversations } from '../../client/index.js';
import { t } from '../../i18n/index.js';
import { toast } from '../../store/toasts.js';

/** @param {import('../../client/conversations.js').Whose} whose @param {'md'|'json'} format @param {string} name of the file */
export async function save(whose, format, name) {
  try {
    const url = URL.createObjectURL(await conversations.export(whose, format));
    Object.assign(document.createElement('a'), { href: url, download: `${name}.${format}` }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000); // the browser has begun to read it by then
  } catch (error) {
    toast(t('reader.exportFailed', { text: /** @type {Error} */ (error).message }), 'bad');
  }
}

/** Of the title so many letters are in a file's name. */
const TITLE_CHARS = 60;

/**
 * What to call a file: whose it is, what it is about, and the day. Letters of any script stay, all else becomes a hyphen.
 * @param {string} whose @param {string} title @param {string} [at] RFC 3339
 */
export function fileName(whose, title, at) {
  const words = [...title.toLowerCase().replace(/[^\p{L}\p{M}\p{N}]+/gu, '-')].slice(0, TITLE_CHARS).join('');
  const day = at && !Number.isNaN(Date.parse(at)) ? dayOf(new Date(at)) : '';
  return [whose, words.replace(/^-|-$/g, ''), day].filter(Boolean).join('-');
}

/** 2026-11-27, where the reader is. @param {Date} at */
const dayOf = (at) => [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, '0')).join('-');

/** For a menu. @param {import('../../client/conversations.js').Whose} whose @param {string} name */
export const exportItems = (whose, name) => [
  { icon: 'plan', label: t('reader.exportMd'), run: () => save(whose, 'md', name) },
  { icon: 'meta', label: t('reader.exportJson'), run: () => save(whose, 'json', name) },
];
