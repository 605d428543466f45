/** Who is here: nobody yet (sign-up), somebody else (login), or you. */
import { auth, onTokenChange, readToken, setUnauthorizedHandler, writeToken } from '../client/index.js';
import { signal } from '../html.js';
import { clearAttempts } from './answering.js';
import { clearFeeds } from './feed.js';
import { startLive, stopLive } from './live.js';
import { clearPrompts } from './prompts.js';
import { clearRequests, refreshRequests } from './requests.js';
import { clearSessions, refresh } from './sessions.js';
import { clearUnwatched } from './unwatched.js';

/** @type {import('../html.js').Signal<'loading'|'offline'|'signup'|'login'|'in'>} */
export const phase = signal('loading');
/** True when the login ended under the user, so that the login page can say so. */
export const expired = signal(false);

/** Asks the daemon who we are; starts the live stream if we are logged in. */
export async function start() {
  setUnauthorizedHandler(() => leave(true));
  onTokenChange((token) => (token ? enter(token, false) : leave(false)));
  // With a token the page starts at once; if the daemon no longer knows it, the first answer says so.
  if (readToken()) enter(readToken(), false);
  else await check();
}

/** While the daemon does not answer at all, it is asked again this often. */
const OFFLINE_RETRY_MS = 2000;

async function check() {
  try {
    const status = await auth.status();
    if (!status.registered) phase.value = 'signup';
    else if (status.authenticated && readToken()) enter(readToken(), false);
    else phase.value = 'login';
  } catch {
    phase.value = 'offline';
    setTimeout(check, OFFLINE_RETRY_MS);
  }
}

/** @param {string} token @param {boolean} [store] */
function enter(token, store = true) {
  if (store) writeToken(token);
  expired.value = false;
  phase.value = 'in';
  startLive(() => leave(true));
  refresh();
  refreshRequests();
}

/** @param {boolean} byDaemon */
function leave(byDaemon) {
  if (phase.value !== 'in') return;
  stopLive();
  writeToken('');
  clearFeeds();
  clearSessions();
  clearRequests();
  clearAttempts();
  clearPrompts();
  clearUnwatched();
  expired.value = byDaemon;
  phase.value = 'login';
  if (byDaemon) check(); // user.json may be gone: then it is sign-up again
}

/** @param {string} username @param {string} password @param {string} [code] the one-time code, where one is asked for
 *  @throws {import('../client/http.js').ApiError} */
export async function signup(username, password, code) {
  enter((await auth.signup(username, password, code)).token);
}

/** @param {string} username @param {string} password @throws {import('../client/http.js').ApiError} */
export async function login(username, password) {
  enter((await auth.login(username, password)).token);
}

export async function logout() {
  try {
    await auth.logout();
  } catch {
    // the daemon is away: the token is forgotten here all the same
  }
  leave(false);
}
