/** Text of a tool, with its colours if it has any. Only text nodes and style values come out of it. */
import { html } from '../html.js';
import { parseLine, PLAIN } from '../views/session/pane/ansi.js';
import { drawSegment } from '../views/session/pane/screen.js';

/** @param {{text: string}} props */
export function AnsiText({ text }) {
  if (!text.includes('\x1b')) return text;
  let state = { style: PLAIN, drawing: false };
  return text.split('\n').map((line, index, all) => {
    const parsed = parseLine(line, state);
    state = parsed.state;
    return html`${parsed.segments.map(drawSegment)}${index < all.length - 1 ? '\n' : ''}`;
  });
}
