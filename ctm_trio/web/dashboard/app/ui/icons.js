/** Line icons on a 24-unit grid, drawn for this page. Always beside words, so hidden from screen readers. */
import { html } from '../html.js';

/** @type {Record<string, string>} path data */
const PATHS = {
  unplugged: 'M9 7V3m6 4V3M7 7h10v3a5 5 0 0 1-5 5m0 0a5 5 0 0 1-5-5m5 5v6M3 3l18 18',
  hand: 'M8 12V5.5a1.5 1.5 0 0 1 3 0V11m0-6.500a1.500 1.500 0 0 1 3 0V11m0-4.500a1.500 1.500 0 0 1 3 0V15a6 6 0 0 1-6 6c-3 0-4.500-1.500-6-4l-1.700-3a1.500 1.500 0 0 1 2.600-1.500L8 14',
  error: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm-3 6 6 6m0-6-6 6',
  burst: 'M12 2.500l2.300 5 5.200-1.800-1.800 5.200 4.300 2.100-4.800 2.300 1.500 5-5-1.800L12 22l-1.700-3.500-5 1.800 1.500-5L2 13l4.300-2.100L4.500 5.700l5.200 1.800Z',
  gauge: 'M4 18a9 9 0 1 1 16 0M12 14l4-5',
  shield: 'M12 3l8 3v6c0 4.500-3.200 7.700-8 9-4.800-1.300-8-4.500-8-9V6Zm0 5v5m0 3v.1',
  hourglass: 'M6 3h12M6 21h12M7 3c0 5 5 6 5 9s-5 4-5 9M17 3c0 5-5 6-5 9s5 4 5 9',
  speech: 'M4 5h16v11H11l-5 4v-4H4ZM8 10.500h.1m3.900 0h.1m3.900 0h.1',
  working: 'M5 12a7 7 0 0 1 12-5l2 2M19 4v5h-5M19 12a7 7 0 0 1-12 5l-2-2M5 20v-5h5',
  quiet: 'M19.500 14.500A8 8 0 1 1 9.500 4.500a6.500 6.500 0 0 0 10 10Z',
  ended: 'M6 6h12v12H6Z',
  alert: 'M12 4 2.500 20h19Zm0 6v4.500m0 2.500v.1',
  sessions: 'M4 5h16v5H4Zm0 9h16v5H4ZM7.500 7.500h.1m-.1 9h.1',
  feed: 'M4 6h2m3 0h11M4 12h2m3 0h11M4 18h2m3 0h11',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14Zm5 12 4.500 4.500',
  cost: 'M12 3v18m4.500-14.500C15.500 5.500 14 5 12 5c-2.500 0-4.500 1.200-4.500 3.400 0 4.800 9.500 2.200 9.500 7C17 17.700 14.800 19 12 19c-2.200 0-4-.7-5-2',
  doctor: 'M3 12h4l2.500-6 4.500 12 2.500-6H21',
  settings: 'M4 7h9m4 0h3M4 17h3m4 0h9M15 4.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5ZM9 14.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5Z',
  pane: 'M3 5h18v14H3Zm4 4 3 3-3 3m6 0h4',
  checkpoints: 'M6 4v16M6 8h6a4 4 0 0 1 4 4v0M6 2.500a1.500 1.500 0 1 1 0 3M16 12a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z',
  agents: 'M12 3.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5ZM5.500 15.500a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5Zm13 0a2.500 2.500 0 1 1 0 5 2.500 2.500 0 0 1 0-5ZM12 8.500V12m0 0H5.500v3.500M12 12h6.500v3.500',
  meta: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18Zm0 8v5.500m0-9v.1',
  back: 'M14.500 5l-7 7 7 7',
  forward: 'M9.500 5l7 7-7 7',
  down: 'M5 9l7 7 7-7',
  up: 'M5 15l7-7 7 7',
  close: 'M6 6l12 12M18 6 6 18',
  plus: 'M12 5v14M5 12h14',
  more: 'M5 12h.1m6.900 0h.1m6.900 0h.1',
  copy: 'M9 9h11v11H9ZM5 15H4V4h11v1',
  check: 'M5 12.500l4.500 4.500L19 7.500',
  logout: 'M14 4H5v16h9m-4-8h11m-4-4 4 4-4 4',
  sun: 'M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8Zm0-5.500V5m0 14v2.500M2.500 12H5m14 0h2.500M5.300 5.300 7 7m10 10 1.700 1.700m0-13.400L17 7M7 17l-1.700 1.700',
  moon: 'M19.500 14.500A8 8 0 1 1 9.500 4.500a6.500 6.500 0 0 0 10 10Z',
  system: 'M3 5h18v11H3Zm5 15h8m-4-4v4',
  keyboard: 'M3 6h18v12H3Zm4 4h.1m3.200 0h.1m3.200 0h.1m3.200 0h.1M8 14h8',
  pencil: 'M4 20l1-4L16.500 4.500l3 3L8 19Z',
  trash: 'M4 7h16M9 7V4h6v3m3 0-1 13H7L6 7m4 4v5m4-5v5',
  stop: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18ZM9 9h6v6H9Z',
  send: 'M4 12 20 4l-4 16-4-7Z',
  revert: 'M4 9h10a6 6 0 0 1 0 12H8M4 9l5-5M4 9l5 5',
  wrap: 'M4 6h16M4 12h13a3 3 0 0 1 0 6h-4m0 0 2.500-2.500M13 18l2.500 2.500M4 18h5',
  minus: 'M5 12h14',
  fit: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  filter: 'M4 5h16l-6 8v6l-4-2v-4Z',
  bell: 'M6 16V11a6 6 0 1 1 12 0v5l1.500 2h-15ZM10 20.500h4',
  offline: 'M3 3l18 18M5 12.500a10 10 0 0 1 4-2.400m6.500.4a10 10 0 0 1 3.500 2M8.500 16a5 5 0 0 1 7 0M12 19.500v.1M2 9a15 15 0 0 1 4-2.500m5-1.400A15 15 0 0 1 22 9',
  folder: 'M3 6h6l2 2h10v11H3Z',
};

/** @param {{name: string, class?: string}} props */
export function Icon({ name, class: extra = '' }) {
  return html`<svg class=${`icon ${extra}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${PATHS[name] ?? PATHS.alert} />
  </svg>`;
}
