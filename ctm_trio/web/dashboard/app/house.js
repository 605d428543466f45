/** What the page has, for those who show it or lead to it: `registry.js` lists it, and loads what is asked for. */

/** @import { Component } from './html.js' */

/**
 * @typedef {object} View
 * @property {string} id
 * @property {string} path a pattern of `router.match`: "/s/:name/:tab?"
 * @property {string} title key of the page title; `{name}` is filled from the path
 * @property {() => Promise<{default: Component}>} load its module, whose default export is a component that gets
 *   `params` (from the path) and `query` (a record)
 * @property {{icon: string, label: string, order: number, bar?: boolean}} [nav] an entry in the navigation; `bar`: in the
 *   phone's bar at the foot too (room for four), else behind "More"
 * @property {string} [keys] shortcut that goes there: "g s"
 *
 * @typedef {{id: string, place: 'overlay'|'side'|'top', load: () => Promise<{default: Component}>}} Fixture
 * @typedef {{id: string, label: string, icon: string, keys?: string, run: () => void}} Command
 * @typedef {{views: View[], notFound: View|null, fixtures: Fixture[], commands: Command[]}} House
 */

/** Filled once, before the first render. @type {House} */
export const house = { views: [], notFound: null, fixtures: [], commands: [] };

/** @param {Omit<House, 'notFound'> & {notFound: View}} given */
export function furnish({ views, notFound, fixtures, commands }) {
  Object.assign(house, { views, notFound, fixtures, commands });
}
