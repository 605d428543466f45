/** A captured screen as lines that keep their identity from one capture to the next, so that only changes are drawn. */
import { columns, parseLine, PLAIN } from './ansi.js';
import { html } from '../../../html.js';

/** @import { Children } from '../../../html.js' */

/** @typedef {{key: number, raw: string, start: string, cols: number, node: Children, end: {style: import('./ansi.js').Style, drawing: boolean}}} Line */

/** Lines that must agree before two captures are taken for the same text, moved up. */
const AGREE = 12;

/**
 * How far the text moved up since the last capture: 0 if it did not, or if it is a different text.
 * @param {Line[]} old @param {string[]} lines
 */
export function movedBy(old, lines) {
  const probe = lines.slice(0, AGREE);
  if (probe.length < AGREE || old.length < AGREE) return 0;
  for (let by = 0; by + AGREE <= old.length; by += 1) {
    if (probe.every((line, i) => old[by + i].raw === line)) return by;
  }
  return 0;
}

/** @param {Line[]} old @param {string} text @returns {Line[]} */
export function nextScreen(old, text) {
  const lines = text.replace(/\n+$/, '').split('\n');
  const by = movedBy(old, lines);
  const first = old.length ? old[by].key : 0;
  let state = { style: PLAIN, drawing: false };
  return lines.map((raw, index) => {
    const start = JSON.stringify(state);
    const known = old[index + by];
    if (known && known.raw === raw && known.start === start) {
      state = known.end;
      return known;
    }
    const parsed = parseLine(raw, state);
    state = parsed.state;
    const key = first + index;
    return { key, raw, start, cols: columns(parsed.segments), node: draw(key, parsed.segments), end: parsed.state };
  });
}

/** @param {number} key @param {import('./ansi.js').Segment[]} segments */
function draw(key, segments) {
  return html`<div class="pane-line" key=${key}>${segments.length ? segments.map(drawSegment) : '\u200b'}</div>`;
}

/** @param {import('./ansi.js').Segment} segment */
export function drawSegment({ text, style, wide }) {
  if (style === PLAIN && !wide) return text;
  const { fg, bg, inverse } = style;
  const names = [
    style.bold && 'a-bold',
    style.dim && 'a-dim',
    style.italic && 'a-italic',
    style.underline && 'a-under',
    style.strike && 'a-strike',
    style.hidden && 'a-hidden',
    wide && 'a-wide',
  ]
    .filter(Boolean)
    .join(' ');
  // An object, so that the values are set through the CSSOM: `style-src 'self'` forbids style attributes.
  const css = inverse
    ? { color: bg || 'var(--pane-bg)', backgroundColor: fg || 'var(--pane-fg)' }
    : { color: fg || undefined, backgroundColor: bg || undefined };
  return html`<span class=${names || undefined} style=${fg || bg || inverse ? css : undefined}>${text}</span>`;
}
