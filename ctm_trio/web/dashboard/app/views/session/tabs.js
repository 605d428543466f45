/** The tabs of a session: their modules load when they are first opened. `input`: the line to talk is under it. */

/** @type {{id: string, icon: string, input: boolean, load: () => Promise<{default: import('../../html.js').Component}>}[]} */
export const TABS = [
  { id: 'conversation', icon: 'speech', input: true, load: () => import('./conversation/index.js') },
  { id: 'pane', icon: 'pane', input: true, load: () => import('./pane/index.js') },
  { id: 'feed', icon: 'feed', input: true, load: () => import('./feed/index.js') },
  { id: 'checkpoints', icon: 'checkpoints', input: false, load: () => import('./checkpoints/index.js') },
  { id: 'agents', icon: 'agents', input: false, load: () => import('./agents/index.js') },
  { id: 'meta', icon: 'meta', input: false, load: () => import('./meta/index.js') },
];
