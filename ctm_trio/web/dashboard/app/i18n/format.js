/** Numbers, times and sizes the way people read them. */
import { locale, t } from './index.js';

const compact = new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 });
const money = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD' });
const smallMoney = new Intl.NumberFormat(locale, { style: 'currency', currency: 'USD', maximumFractionDigits: 4 });
const clockTime = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const clockSeconds = new Intl.DateTimeFormat(locale, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const dayTime = new Intl.DateTimeFormat(locale, {
  weekday: 'short',
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const weekTime = new Intl.DateTimeFormat(locale, {
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});
const utcDay = new Intl.DateTimeFormat(locale, { weekday: 'short', day: 'numeric', month: 'short', timeZone: 'UTC' });

/** 12.3K @param {number} value */
export const shortNumber = (value) => compact.format(value);

/** $1.23, or <$0.01: what cost something is not shown as nothing. @param {number} micros millionths of a dollar */
export const dollars = (micros) => (micros > 0 && micros < 10_000 ? `<${money.format(0.01)}` : money.format(micros / 1e6));

/** $1.23, or $0.0043 below a dollar: for scales, whose marks must differ. @param {number} micros */
export const exactDollars = (micros) => (micros > 0 && micros < 1e6 ? smallMoney : money).format(micros / 1e6);

/** 14:05 @param {number|string} time ms or RFC 3339 */
export const hourMinute = (time) => safely(clockTime, time);
/** 14:05:09 @param {number|string} time */
export const hourMinuteSecond = (time) => safely(clockSeconds, time);
/** Tue 21 Apr, 14:05 @param {number|string} time */
export const dayAndTime = (time) => safely(dayTime, time);

/** Tue 21 Apr, of a time in UTC @param {number|string} time */
export const calendarDay = (time) => safely(utcDay, time);
/** Tue 14:05 @param {number|string} time */
export const weekdayTime = (time) => safely(weekTime, time);

/** The hour within a day of `now`, else the weekday too. @param {number} at ms @param {number} now ms */
export const moment = (at, now) => (Math.abs(at - now) < 86_400_000 ? hourMinute(at) : weekdayTime(at));

/** @param {Intl.DateTimeFormat} format @param {number|string} time */
function safely(format, time) {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '–' : format.format(date);
}

/** A length of time in its largest unit: "12 s", "3 min", "2 h", "5 d". @param {number} ms */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return t('time.seconds', { n: seconds });
  if (seconds < 3600) return t('time.minutes', { n: Math.floor(seconds / 60) });
  if (seconds < 86_400) return t('time.hours', { n: Math.floor(seconds / 3600) });
  return t('time.days', { n: Math.floor(seconds / 86_400) });
}

/** How long a call took: "340 ms", "1.2 s", "2 min". @param {number} ms */
export function took(ms) {
  if (ms < 1000) return t('time.millis', { n: Math.round(ms) });
  return ms < 60_000 ? t('time.seconds', { n: (ms / 1000).toFixed(1) }) : span(ms);
}

/** "3 min ago", or "just now" below five seconds. @param {string|number|undefined} time @param {number} now ms */
export function ago(time, now) {
  const at = time === undefined ? NaN : new Date(time).getTime();
  if (Number.isNaN(at)) return t('time.never');
  return now - at < 5000 ? t('time.now') : t('time.ago', { span: span(now - at) });
}

/** 1.4 MB @param {number} size bytes */
export function bytes(size) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = size;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit && value < 100 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}
