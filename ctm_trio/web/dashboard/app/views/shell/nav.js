/** Navigation: a side bar on wide screens, a bar at the foot of narrow ones. */
import { house } from '../../house.js';
import { html, useEffect, useRef, useState } from '../../html.js';
import { t } from '../../i18n/index.js';
import { addressOf } from '../../router.js';
import { logout } from '../../store/auth.js';
import { theme } from '../../store/prefs.js';
import { openCount } from '../../store/requests.js';
import { needingCount } from '../../store/sessions.js';
import { Icon } from '../../ui/icons.js';
import { helpOpen } from '../help.js';

const entries = () => house.views.filter((view) => view.nav).sort((a, b) => (a.nav?.order ?? 0) - (b.nav?.order ?? 0));

/** @param {{view: import('../../house.js').View, current: string}} props */
function Entry({ view, current }) {
  const active = view.id === current || (view.id === 'sessions' && current === 'session');
  const count = view.id === 'sessions' ? needingCount.value : view.id === 'next' ? openCount.value : 0;
  return html`<a class="nav-link" href=${addressOf(view.path)} aria-current=${active ? 'page' : undefined}>
    <${Icon} name=${view.nav?.icon ?? ''} /><span>${t(view.nav?.label ?? '')}</span>
    ${count > 0 && html`<b class=${`count ${view.id === 'next' ? 'asks' : ''}`} aria-hidden="true">${count}</b>`}
  </a>`;
}

/** @param {{current: string, children?: import('../../html.js').Children}} props */
export function SideBar({ current, children }) {
  return html`<aside class="side">
    <a class="brand" href="/"><img src="/icons/icon.svg" alt="" width="28" height="28" />${t('app.name')}</a>
    <nav class="side-nav" aria-label=${t('nav.main')}>
      ${entries().map((view) => html`<${Entry} key=${view.id} view=${view} current=${current} />`)}
    </nav>
    <div class="side-foot">
      ${children}
      <div class="side-tools"><${ThemeChoice} />
        <button class="icon-button" aria-label=${t('nav.keys')} title=${`${t('nav.keys')} (?)`}
          onClick=${() => (helpOpen.value = true)}><${Icon} name="keyboard" /></button>
        <button class="icon-button" aria-label=${t('nav.logout')} title=${t('nav.logout')} onClick=${logout}>
          <${Icon} name="logout" /></button>
      </div>
    </div>
  </aside>`;
}

const THEMES = [
  ['system', 'system'],
  ['light', 'sun'],
  ['dark', 'moon'],
];

export function ThemeChoice() {
  return html`<div class="segments" role="group" aria-label=${t('nav.theme')}>
    ${THEMES.map(
      ([
        name,
        icon,
      ]) => html`<button type="button" aria-pressed=${theme.value === name} aria-label=${t(`nav.themes.${name}`)}
      title=${t(`nav.themes.${name}`)} onClick=${() => (theme.value = name)}><${Icon} name=${icon} /></button>`,
    )}
  </div>`;
}

/** Entries that fit in the bar beside "More". */
const BAR_ROOM = 4;

/** @param {{current: string}} props */
export function BottomBar({ current }) {
  const [open, setOpen] = useState(false);
  const ref = useRef(/** @type {HTMLElement|null} */ (null));
  useEffect(() => setOpen(false), [current]);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (/** @type {Event} */ event) => {
      if (
        event instanceof KeyboardEvent
          ? event.key === 'Escape'
          : !ref.current?.contains(/** @type {Node} */ (event.target))
      )
        setOpen(false);
    };
    addEventListener('pointerdown', outside);
    addEventListener('keydown', outside);
    return () => {
      removeEventListener('pointerdown', outside);
      removeEventListener('keydown', outside);
    };
  }, [open]);
  const inBar = entries()
    .filter((view) => view.nav?.bar)
    .slice(0, BAR_ROOM);
  const rest = entries().filter((view) => !inBar.includes(view));
  return html`<nav class="bar" aria-label=${t('nav.main')} ref=${ref}>
    ${inBar.map((view) => html`<${Entry} key=${view.id} view=${view} current=${current} />`)}
    <button class="nav-link" aria-expanded=${open} onClick=${() => setOpen(!open)}>
      <${Icon} name="more" /><span>${t('nav.more')}</span></button>
    ${
      open &&
      html`<div class="bar-more">
      ${rest.map((view) => html`<${Entry} key=${view.id} view=${view} current=${current} />`)}
      <div class="bar-theme"><span>${t('nav.theme')}</span><${ThemeChoice} /></div>
      <button class="nav-link" onClick=${logout}><${Icon} name="logout" /><span>${t('nav.logout')}</span></button>
    </div>`
    }
  </nav>`;
}
