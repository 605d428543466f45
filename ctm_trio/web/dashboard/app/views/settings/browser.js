/** What concerns this browser alone: notifications and the theme. Saved at once. */
import { html } from '../../html.js';
import { t } from '../../i18n/index.js';
import { notifyOn, notifySupport, turnOff, turnOn } from '../../store/notify.js';
import { Icon } from '../../ui/icons.js';
import { ThemeChoice } from '../shell/nav.js';

export function Browser() {
  const support = notifySupport();
  const on = notifyOn.value;
  return html`<section class="card" aria-labelledby="set-browser"><h2 id="set-browser">${t('settings.browser')}</h2>
    <div class="setting-row"><div><h3>${t('notify.title')}</h3>
        <p class="muted">${t(support === 'ready' ? 'notify.text' : `notify.${support}`)}</p></div>
      ${support === 'ready' && html`<button class="button" type="button" aria-pressed=${on} onClick=${on ? turnOff : turnOn}>
        <${Icon} name=${on ? 'check' : 'bell'} />${t(on ? 'notify.on' : 'notify.turnOnShort')}</button>`}</div>
    <div class="setting-row"><div><h3>${t('nav.theme')}</h3><p class="muted">${t('settings.themeText')}</p></div><${ThemeChoice} /></div>
  </section>`;
}
