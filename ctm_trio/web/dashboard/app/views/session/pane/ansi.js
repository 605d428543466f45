/**
 * Terminal text to segments: colours and styles of SGR sequences, line drawing, wide characters. Everything else that
 * starts with an escape is dropped. The result is text and style values, never markup.
 *
 * @typedef {{fg: string, bg: string, bold: boolean, dim: boolean, italic: boolean, underline: boolean, strike: boolean,
 *   inverse: boolean, hidden: boolean}} Style
 * @typedef {{text: string, style: Style, wide: boolean}} Segment
 */

/** @type {Style} */
export const PLAIN = Object.freeze({
  fg: '',
  bg: '',
  bold: false,
  dim: false,
  italic: false,
  underline: false,
  strike: false,
  inverse: false,
  hidden: false,
});

/** CSI, OSC (links and titles), charset shifts, other two-byte escapes. */
// eslint-disable-next-line no-control-regex
const ESCAPE = /\x1b\[([0-9;:]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()*+][A-Za-z0-9]|\x1b.?|[\x0e\x0f]/gs;
/** Other control characters have no picture. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;
const LINE_DRAWING = Object.fromEntries([...'jklmnqtuvwx~a'].map((from, i) => [from, [...'┘┐┌└┼─├┤┴┬│·▒'][i]]));

/** Characters that take two cells: CJK, Hangul, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const MAYBE_WIDE = /[\u1100-\uffff]|[\ud800-\udbff]/;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** @param {string} text @param {Style} style @returns {Segment[]} */
function pieces(text, style) {
  const clean = text.replace(CONTROL, '');
  if (!clean) return [];
  if (!MAYBE_WIDE.test(clean)) return [{ text: clean, style, wide: false }];
  /** @type {Segment[]} */
  const found = [];
  for (const { segment } of graphemes.segment(clean)) {
    const wide = WIDE.test(segment) || (segment.includes('\ufe0f') && segment.length > 1);
    const last = found[found.length - 1];
    if (wide || !last || last.wide) found.push({ text: segment, style, wide });
    else last.text += segment;
  }
  return found;
}

/** Columns that segments take. @param {Segment[]} segments */
export const columns = (segments) => segments.reduce((n, one) => n + (one.wide ? 2 : one.text.length), 0);

/**
 * One line, in the style that the line before ended in.
 * @param {string} line @param {{style: Style, drawing: boolean}} state
 * @returns {{segments: Segment[], state: {style: Style, drawing: boolean}}}
 */
export function parseLine(line, state) {
  /** @type {Segment[]} */
  const segments = [];
  let { style, drawing } = state;
  let at = 0;
  const add = (/** @type {number} */ end) => {
    const raw = line.slice(at, end);
    const text = drawing ? [...raw].map((char) => LINE_DRAWING[char] ?? char).join('') : raw;
    segments.push(...pieces(text, style));
  };
  for (const found of line.matchAll(ESCAPE)) {
    add(found.index);
    at = found.index + found[0].length;
    if (found[2] === 'm') style = applySgr(style, found[1]);
    else if (found[0] === '\x0e' || found[0] === '\x1b(0') drawing = true;
    else if (found[0] === '\x0f' || found[0] === '\x1b(B') drawing = false;
  }
  add(line.length);
  return { segments, state: { style, drawing } };
}

/** @param {Style} style @param {string} codes "1;38;5;174" @returns {Style} */
export function applySgr(style, codes) {
  const next = { ...style };
  const list = codes.split(/[;:]/).map((code) => Number(code || 0));
  for (let i = 0; i < list.length; i += 1) {
    const code = list[i];
    if (code === 0) Object.assign(next, PLAIN);
    else if (code === 1) next.bold = true;
    else if (code === 2) next.dim = true;
    else if (code === 3) next.italic = true;
    else if (code === 4) next.underline = true;
    else if (code === 7) next.inverse = true;
    else if (code === 8) next.hidden = true;
    else if (code === 9) next.strike = true;
    else if (code === 22) next.bold = next.dim = false;
    else if (code === 23) next.italic = false;
    else if (code === 24) next.underline = false;
    else if (code === 27) next.inverse = false;
    else if (code === 28) next.hidden = false;
    else if (code === 29) next.strike = false;
    else if (code === 39) next.fg = '';
    else if (code === 49) next.bg = '';
    else if (code >= 30 && code <= 37) next.fg = `var(--ansi-${code - 30})`;
    else if (code >= 40 && code <= 47) next.bg = `var(--ansi-${code - 40})`;
    else if (code >= 90 && code <= 97) next.fg = `var(--ansi-${code - 82})`;
    else if (code >= 100 && code <= 107) next.bg = `var(--ansi-${code - 92})`;
    else if (code === 38 || code === 48 || code === 58) {
      const [colour, used] = extended(list, i + 1);
      if (code === 38) next.fg = colour;
      else if (code === 48) next.bg = colour;
      i += used;
    }
  }
  return next;
}

/** "5;n" or "2;r;g;b" from `at`. @param {number[]} list @param {number} at @returns {[string, number]} colour, codes used */
function extended(list, at) {
  const byte = (/** @type {number|undefined} */ n) => Math.max(0, Math.min(255, n || 0));
  if (list[at] === 5) return [palette(byte(list[at + 1])), 2];
  if (list[at] === 2) return [`rgb(${byte(list[at + 1])} ${byte(list[at + 2])} ${byte(list[at + 3])})`, 4];
  return ['', 0];
}

/** The 256 colours: 16 of the theme, a cube of 216, 24 greys. @param {number} n */
function palette(n) {
  if (n < 16) return `var(--ansi-${n})`;
  if (n >= 232) return `rgb(${[0, 0, 0].map(() => 8 + (n - 232) * 10).join(' ')})`;
  const level = (/** @type {number} */ v) => (v ? 55 + v * 40 : 0);
  const cube = n - 16;
  return `rgb(${level(Math.floor(cube / 36))} ${level(Math.floor(cube / 6) % 6)} ${level(cube % 6)})`;
}
