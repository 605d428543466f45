/** The login token: kept in localStorage, so that a reload and a second tab stay logged in. */
const KEY = 'ctm.token';

/** @returns {string} "" when nobody is logged in here. */
export function readToken() {
  try {
    return localStorage.getItem(KEY) ?? '';
  } catch {
    return memory; // storage is switched off: the login lives as long as the page
  }
}

let memory = '';

/** @param {string} token "" forgets it. */
export function writeToken(token) {
  memory = token;
  try {
    if (token) localStorage.setItem(KEY, token);
    else localStorage.removeItem(KEY);
  } catch {
    // kept in memory above
  }
}

/** Calls `then` when another tab logs in or out. @param {(token: string) => void} then */
export function onTokenChange(then) {
  addEventListener('storage', (event) => {
    if (event.key === KEY) then(event.newValue ?? '');
  });
}
