/** Everything the palette offers: sessions (who needs you first), views, commands, and the tools of the shell. */
import { house } from '../../house.js';
import { t } from '../../i18n/index.js';
import { addressOf, go, sessionPath } from '../../router.js';
import { logout } from '../../store/auth.js';
import { notifyOn, notifySupport, turnOff, turnOn } from '../../store/notify.js';
import { theme } from '../../store/prefs.js';
import { ranked, refresh } from '../../store/sessions.js';
import { helpOpen } from '../help.js';

/**
 * @typedef {object} Entry
 * @property {string} id
 * @property {string} label
 * @property {string} note a word on what it is
 * @property {string} icon
 * @property {() => void} run
 * @property {string} [words] found by these too
 * @property {string} [tone]
 * @property {string} [keys]
 * @property {(text: string) => Entry} [always] an entry made of what was typed, offered last
 */

/** @returns {Entry[]} */
export function entries() {
  return [
    ...ranked.value.map(({ session, standing }) => ({
      id: `session:${session.name}`, label: session.name, note: standing.word, icon: standing.icon, words: session.workdir,
      tone: standing.group === 'needs' ? standing.tone : 'calm', run: () => go(sessionPath(session.name)),
    })),
    ...house.commands.filter((one) => one.id !== 'palette').map((one) => ({
      id: `command:${one.id}`, label: t(one.label), note: t('palette.action'), icon: one.icon, keys: one.keys, run: one.run,
    })),
    ...house.views.filter((view) => view.nav).map((view) => ({
      id: `view:${view.id}`, label: t(view.title), note: t('palette.view'), icon: view.nav?.icon ?? '', keys: view.keys, run: () => go(addressOf(view.path)),
    })),
    ...tools(),
    { id: 'search', label: '', note: '', icon: 'search', run: () => {}, always: searchFor },
  ];
}

/** @returns {Entry[]} */
function tools() {
  const note = t('palette.action');
  const themes = [['light', 'sun'], ['dark', 'moon'], ['system', 'system']].filter(([name]) => name !== theme.value);
  return [
    ...(notifySupport() === 'ready' ? [{
      id: 'notify', label: t(notifyOn.value ? 'notify.turnOff' : 'notify.turnOn'), note, icon: 'bell', run: notifyOn.value ? turnOff : turnOn,
    }] : []),
    ...themes.map(([name, icon]) => ({
      id: `theme:${name}`, label: t('palette.theme', { name: t(`nav.themes.${name}`).toLowerCase() }), note, icon, run: () => (theme.value = name),
    })),
    { id: 'refresh', label: t('palette.refresh'), note, icon: 'working', run: refresh },
    { id: 'keys', label: t('nav.keys'), note, icon: 'keyboard', keys: '?', run: () => (helpOpen.value = true) },
    { id: 'logout', label: t('nav.logout'), note, icon: 'logout', run: logout },
  ];
}

/** @param {string} text @returns {Entry} */
function searchFor(text) {
  return {
    id: 'search-for', label: t('palette.searchFor', { q: text }), note: t('palette.view'), icon: 'search',
    run: () => go(`/search?q=${encodeURIComponent(text)}`),
  };
}
