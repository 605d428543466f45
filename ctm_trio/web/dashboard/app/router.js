/** The address bar as state: deep links for every view, and a back button that does what people expect. */
import { signal } from './html.js';

/** @typedef {{path: string, query: Record<string, string>}} Location */

/** @returns {Location} */
function read() {
  return { path: location.pathname, query: Object.fromEntries(new URLSearchParams(location.search)) };
}

export const here = signal(read());

/**
 * Goes to a path of the dashboard. `replace` keeps the history short (tabs, filters).
 * @param {string} to @param {{replace?: boolean}} [options]
 */
export function go(to, { replace = false } = {}) {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(history.state, '', to);
  else history.pushState({ opened: here.value.path }, '', to);
  here.value = read();
  if (!replace) scrollTo(0, 0);
}

/**
 * Closes what a `go` to a deeper address opened: back in history if that is where we came from, so that no
 * double entry is left behind; else to the address itself. @param {string} to
 */
export function leaveTo(to) {
  if (history.state?.opened === to.split('?')[0]) history.back();
  else go(to, { replace: true });
}

/** Follows the browser's back and forward, and lets plain clicks on links inside the page go through the router. */
export function start() {
  addEventListener('popstate', () => {
    here.value = read();
  });
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = /** @type {Element} */ (event.target).closest?.('a[href]');
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute('download')) return;
    if (link.origin !== location.origin) return;
    event.preventDefault();
    go(link.pathname + link.search, { replace: link.hasAttribute('data-replace') });
  });
}

/** The address that a pattern begins with: "/feed" of "/feed/:name?/:id?". @param {string} pattern */
export const addressOf = (pattern) => pattern.replace(/\/:.*/, '') || '/';

/**
 * Matches "/s/:name/:tab?" against a path. @param {string} pattern @param {string} path
 * @returns {Record<string, string>|null}
 */
export function match(pattern, path) {
  const want = pattern.split('/').filter(Boolean);
  const have = path.split('/').filter(Boolean);
  if (have.length > want.length) return null;
  /** @type {Record<string, string>} */
  const params = {};
  for (const [index, part] of want.entries()) {
    const value = have[index];
    if (part.startsWith(':')) {
      const optional = part.endsWith('?');
      if (value === undefined && !optional) return null;
      if (value !== undefined) params[part.slice(1, optional ? -1 : undefined)] = decode(value);
    } else if (value !== part) return null;
  }
  return params;
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a session's view. @param {string} name @param {string} [tab] @param {string} [rest] */
export function sessionPath(name, tab = '', rest = '') {
  return `/s/${encodeURIComponent(name)}${tab ? `/${tab}` : ''}${rest}`;
}
