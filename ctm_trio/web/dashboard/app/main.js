/** Boot: language, links, who is here, first render. */
import { h, html, render } from './html.js';
import { loadLanguage } from './i18n/index.js';
import { interceptLinks } from './router.js';
import { phase, start } from './store/auth.js';
import './store/prefs.js';
import './store/quota-history.js';
import { AuthPage } from './views/auth/index.js';
import { loadFirstView, Shell } from './views/shell/index.js';
import { Toasts } from './ui/toasts.js';

function App() {
  if (phase.value === 'loading') return null;
  return html`<${phase.value === 'in' ? Shell : AuthPage} /><${Toasts} />`;
}

await Promise.all([loadLanguage(), loadFirstView()]);
interceptLinks();
const root = /** @type {HTMLElement} */ (document.getElementById('app'));
root.textContent = ''; // the words shown before the script ran
render(h(App, null), root);
start();
