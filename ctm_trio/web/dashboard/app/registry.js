/**
 * The rooms of the house. A new view is one entry here, a folder in `views/`, a section in `i18n/en.js` and a style
 * sheet in `styles/` (linked from `index.html`); nothing else has to know it. Views see this list in `house.js`.
 */
import { panel } from './store/panels.js';

/** @import { Command, Fixture, View } from './house.js' */

/** @type {View[]} in the order in which paths are tried */
export const views = [
  {
    id: 'sessions', path: '/', title: 'nav.sessions', load: () => import('./views/sessions/index.js'),
    nav: { icon: 'sessions', label: 'nav.sessions', order: 1, bar: true }, keys: 'g s',
  },
  {
    id: 'next', path: '/next', title: 'next.title', load: () => import('./views/next/index.js'),
    nav: { icon: 'next', label: 'next.nav', order: 2, bar: true }, keys: 'g n',
  },
  {
    id: 'feed', path: '/feed/:name?/:id?', title: 'everything.title', load: () => import('./views/everything/index.js'),
    nav: { icon: 'feed', label: 'everything.nav', order: 3, bar: true }, keys: 'g f',
  },
  {
    id: 'search', path: '/search', title: 'search.title', load: () => import('./views/search/index.js'),
    nav: { icon: 'search', label: 'search.nav', order: 4, bar: true }, keys: 'g /',
  },
  {
    id: 'conversations', path: '/conversations/:uuid?', title: 'conversations.title', load: () => import('./views/conversations/index.js'),
    nav: { icon: 'speech', label: 'conversations.title', order: 5 }, keys: 'g v',
  },
  {
    id: 'cost', path: '/cost', title: 'cost.title', load: () => import('./views/cost/index.js'),
    nav: { icon: 'cost', label: 'cost.title', order: 6 }, keys: 'g c',
  },
  {
    id: 'doctor', path: '/doctor', title: 'doctor.title', load: () => import('./views/doctor/index.js'),
    nav: { icon: 'doctor', label: 'doctor.title', order: 7 }, keys: 'g d',
  },
  {
    id: 'settings', path: '/settings', title: 'settings.title', load: () => import('./views/settings/index.js'),
    nav: { icon: 'settings', label: 'settings.title', order: 8 }, keys: 'g ,',
  },
  { id: 'session', path: '/s/:name/:tab?/:rest?', title: 'session.title', load: () => import('./views/session/index.js') },
];

/** For addresses that have no view. @type {View} */
export const notFound = { id: 'lost', path: '', title: 'lost.title', load: () => import('./views/lost.js') };

/**
 * Components that are always there, loaded once the first view stands (command palette, notifications).
 * `place`: "overlay" above the page, "side" at the foot of the side bar (quota strip), "top" above the view.
 * @type {Fixture[]}
 */
export const fixtures = [
  { id: 'help', place: 'overlay', load: () => import('./views/help.js') },
  { id: 'palette', place: 'overlay', load: () => import('./views/palette/index.js') },
  { id: 'create', place: 'overlay', load: () => import('./views/create/index.js') },
  { id: 'notify', place: 'overlay', load: () => import('./views/notify/index.js') },
  { id: 'quota', place: 'side', load: () => import('./views/quota/index.js') },
  { id: 'slim-quota', place: 'top', load: () => import('./views/quota/slim.js') },
];

/**
 * Commands for the palette and for buttons that several views have ("new session"). `run` may import what it needs.
 * @type {Command[]}
 */
export const commands = [
  { id: 'new-session', label: 'create.command', icon: 'plus', keys: 'n', run: () => (panel.value = 'create') },
  { id: 'palette', label: 'palette.command', icon: 'search', keys: 'mod+k', run: () => (panel.value = 'palette') },
];
