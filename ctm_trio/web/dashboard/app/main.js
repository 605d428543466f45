/** Boot: what runs for as long as the page does, language, first render, who is here. */
import { furnish } from './house.js';
import { h, html, render } from './html.js';
import { loadLanguage } from './i18n/index.js';
import * as keys from './keys.js';
import * as registry from './registry.js';
import * as router from './router.js';
import * as auth from './store/auth.js';
import * as clock from './store/clock.js';
import * as live from './store/live.js';
import * as prefs from './store/prefs.js';
import * as presence from './store/presence.js';
import * as quotaHistory from './store/quota-history.js';
import * as requests from './store/requests.js';
import * as sessions from './store/sessions.js';
import * as media from './ui/media.js';
import { Toasts } from './ui/toasts.js';
import { AuthPage } from './views/auth/index.js';
import { loadFirstView, Shell } from './views/shell/index.js';

function App() {
  const phase = auth.phase.value;
  if (phase === 'loading') return null;
  return html`<${phase === 'in' ? Shell : AuthPage} /><${Toasts} />`;
}

furnish(registry);
// No module does anything by being imported; these run from here on.
for (const part of [router, keys, media, prefs, clock, sessions, requests, live, presence, quotaHistory]) part.start();
await Promise.all([loadLanguage(), loadFirstView()]);
const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.textContent = ''; // the words shown before the script ran
render(h(App, null), root);
auth.start();
