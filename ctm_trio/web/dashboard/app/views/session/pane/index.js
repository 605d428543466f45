/** The live screen of a session: coloured, selectable text; it follows the end until the reader scrolls up. */
import { streams } from '../../../client/index.js';
import { html, useEffect, useLayoutEffect, useRef, useState } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { Loading } from '../../../ui/bits.js';
import { Icon } from '../../../ui/icons.js';
import { copy } from '../../../ui/copy.js';
import { fontSize, historyLines, wrapLines } from './prefs.js';
import { nextScreen } from './screen.js';
import { PaneTools } from './tools.js';

const FONT_MIN = 6.5;
const FONT_MAX = 14;
/** Longer lines are tmux lines joined again; they do not count for the fit. */
const FIT_COLUMNS = 240;
/** The view is at the end if it is less than this many pixels away. */
const END_PX = 24;

/** @param {{session: import('../../../client/types.js').SessionView}} props */
export default function Pane({ session }) {
  const { lines, ended, status } = usePane(session.name, session.tmux_alive);
  const box = useRef(/** @type {HTMLElement|null} */ (null));
  const [atEnd, setAtEnd] = useState(true);
  const follow = useRef(true);
  const width = useWidth(box, (element) => {
    if (follow.current) element.scrollTop = element.scrollHeight; // what stands below it has grown
  });
  const elsewhere = session.managed === false && session.can_type === false;
  useLayoutEffect(() => {
    if (follow.current && box.current) box.current.scrollTop = box.current.scrollHeight;
  });
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    follow.current = element.scrollHeight - element.scrollTop - element.clientHeight < END_PX;
    if (follow.current !== atEnd) setAtEnd(follow.current);
  };
  const toEnd = () => {
    follow.current = true;
    setAtEnd(true);
    box.current?.scrollTo({ top: box.current.scrollHeight });
  };
  const columns = Math.max(40, ...lines.slice(-200).map((line) => (line.cols <= FIT_COLUMNS ? line.cols : 0)));
  const fit = Math.max(FONT_MIN, Math.min(FONT_MAX, (width - 28) / (columns * 0.605)));
  const size = fontSize.value || (wrapLines.value ? 13 : fit);
  const text = () => lines.map((line) => line.node && plain(line.raw)).join('\n');
  return html`<section class="pane" aria-label=${t('pane.label', { name: session.name })}>
    <${PaneTools} size=${size} onCopy=${() => copy(text(), t('pane.screen'))} />
    <div ref=${box} class=${`pane-box ${wrapLines.value ? 'wrap' : ''} ${ended ? 'ended' : ''}`} tabindex="0" role="region"
        aria-label=${t('pane.text')} onScroll=${onScroll} style=${{ fontSize: `${size}px` }} dir="ltr">
      ${lines.length ? lines.map((line) => line.node) : !ended && html`<${Loading} rows=${3} />`}
    </div>
    ${!atEnd && html`<button class="button small pill" onClick=${toEnd}><${Icon} name="down" />${t('pane.toEnd')}</button>`}
    ${(ended || status === 'lost') && html`<p class="pane-note" role="status">${t(ended ? (elsewhere && session.tmux_alive ? 'pane.elsewhere' : 'pane.ended') : 'pane.lost')}</p>`}
  </section>`;
}

/** Without escape sequences. @param {string} raw */
// eslint-disable-next-line no-control-regex
const plain = (raw) => raw.replace(/\x1b\[[0-9;:]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[()*+].|[\x0e\x0f]/g, '');

/** The pane stream while the page is seen. @param {string} name @param {boolean} alive */
function usePane(name, alive) {
  const [lines, setLines] = useState(/** @type {import('./screen.js').Line[]} */ ([]));
  const [ended, setEnded] = useState(!alive);
  const [status, setStatus] = useState('connecting');
  const [seen, setSeen] = useState(!document.hidden);
  useEffect(() => {
    const onVisibility = () => setSeen(!document.hidden);
    document.addEventListener('visibilitychange', onVisibility);
    return () => document.removeEventListener('visibilitychange', onVisibility);
  }, []);
  useEffect(() => {
    if (!seen) return undefined;
    setEnded(!alive);
    if (!alive) return undefined;
    const stream = streams.pane(name, historyLines.value, {
      onFrames: (frames) => {
        const last = frames.findLast((frame) => frame.type === 'pane');
        if (last) setLines((old) => nextScreen(old, JSON.parse(last.data)));
        if (frames.some((frame) => frame.type === 'pane_end')) setEnded(true);
      },
      onStatus: (value) => setStatus(value.state),
      onEnd: () => setEnded(true),
    });
    return stream.close;
  }, [name, seen, alive, historyLines.value]);
  return { lines, ended, status };
}

/**
 * The width of an element, following it.
 * @param {{current: HTMLElement|null}} ref @param {(element: HTMLElement) => void} resized called when its size has changed
 */
function useWidth(ref, resized) {
  const [width, setWidth] = useState(800);
  useLayoutEffect(() => {
    const element = ref.current;
    if (!element) return undefined;
    const observer = new ResizeObserver(() => {
      setWidth(element.clientWidth);
      resized(element);
    });
    observer.observe(element);
    setWidth(element.clientWidth);
    return () => observer.disconnect();
  }, []);
  return width;
}
