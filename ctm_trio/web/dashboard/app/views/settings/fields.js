/** The fields of the settings: what they are, what they may be, and which of them changed. */
import { hasText, t } from '../../i18n/index.js';

/** @import { Answers, Bodies } from '../../client/types.js' */

/**
 * The page's fields: thresholds are text while they are typed; a secret of null is the one that is kept.
 * @typedef {Record<keyof Answers['GET /api/config']['attention'], string> & Omit<Answers['GET /api/config'], 'attention'>
 *   & Answers['GET /api/webhook/settings'] & {webhook_secret: string|null}} Values
 */
/** Of a field, or "" of the page as a whole, what is wrong. @typedef {Record<string, string>} Problems */
/** @typedef {(key: keyof Values, value: Values[keyof Values]) => void} Put puts another value into a field */

/** The daemon's thresholds, in the order of the page. `top`: the largest value it takes; the smallest is 1. */
export const THRESHOLDS = /** @type {const} */ ([
  { key: 'idle_minutes', unit: 'minutes', top: 1440 },
  { key: 'context_pct', unit: 'percent', top: 100 },
  { key: 'quota_pct', unit: 'percent', top: 100 },
  { key: 'error_rate_pct', unit: 'percent', top: 100 },
  { key: 'error_rate_window', unit: 'calls', top: 1440 },
  { key: 'yolo_unchecked_minutes', unit: 'minutes', top: 1440 },
]);

export const FORMATS = ['json', 'ntfy', 'slack', 'discord', 'telegram'];
export const EVENTS = ['attention_raised', 'attention_cleared'];

/** The page's fields of what the daemon said.
 *  @param {Answers['GET /api/config'] & Answers['GET /api/webhook/settings']} config @returns {Values} */
export function valuesOf({ attention, ...rest }) {
  const thresholds = /** @type {Record<keyof typeof attention, string>} */ (
    Object.fromEntries(THRESHOLDS.map(({ key }) => [key, String(attention?.[key] ?? '')]))
  );
  return { ...rest, ...thresholds, webhook_secret: null }; // the secret itself is never sent to a page: null is “as it is”
}

/** The fields that are not saved yet. @param {Values} saved @param {Values} values */
export const changedOf = (saved, values) =>
  /** @type {(keyof Values)[]} */ (Object.keys(values)).filter(
    (key) => JSON.stringify(values[key]) !== JSON.stringify(saved[key]),
  );

/** What is not saved yet, as a PATCH body; null if nothing.
 *  @param {Values} saved @param {Values} values @returns {Bodies['PATCH /api/config']|null} */
export function patchOf(saved, values) {
  /** @type {string[]} */
  const limits = THRESHOLDS.map(({ key }) => key);
  const changed = changedOf(saved, values);
  if (!changed.length) return null;
  const attention = Object.fromEntries(changed.filter((key) => limits.includes(key)).map((key) => [key, Number(values[key])]));
  const rest = Object.fromEntries(changed.filter((key) => !limits.includes(key)).map((key) => [key, values[key]]));
  return Object.keys(attention).length ? { ...rest, attention } : rest;
}

/** What is wrong with the fields, before the daemon is asked. @param {Values} values @returns {Problems} */
export function problemsOf(values) {
  /** @type {Problems} */
  const problems = {};
  for (const { key, top } of THRESHOLDS) {
    const number = Number(values[key]);
    if (!/^\d+$/.test(values[key].trim()) || number < 1 || number > top) problems[key] = t('settings.problems.range', { top });
  }
  const url = values.webhook_url.trim();
  if (url && !/^https?:\/\/[^\s/]+/i.test(url)) problems.webhook_url = t('settings.problems.url');
  return problems;
}

/** The field that an error of the daemon is about, with its words. @param {import('../../client/http.js').ApiError} error
 *  @param {Values} values @returns {Problems} */
export function problemsFrom(error, values) {
  if (error.unreachable) return { '': t('errors.unreachable') };
  const named = /^(?:attention\.)?(\w+)/.exec(error.message)?.[1] ?? '';
  const key = named in values ? named : error.code === 'invalid_webhook_url' ? 'webhook_url' : '';
  const text = hasText(`settings.problems.${error.code}`) ? t(`settings.problems.${error.code}`) : error.message;
  return { [key]: text };
}
