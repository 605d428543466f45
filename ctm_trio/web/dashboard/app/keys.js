/** Keyboard shortcuts: single keys and two-key chords ("g s"), never while the user types. `?` lists them. */

/** @typedef {{keys: string, label: string, group: string, run: (event: KeyboardEvent) => void}} Shortcut */

/** @type {Set<Shortcut>} */
const shortcuts = new Set();
const CHORD_MS = 1000;
let prefix = '';
let prefixAt = 0;

/** Adds shortcuts until the returned function is called. @param {Shortcut[]} added */
export function bindKeys(added) {
  for (const shortcut of added) shortcuts.add(shortcut);
  return () => added.forEach((shortcut) => shortcuts.delete(shortcut));
}

/** @returns {Shortcut[]} what is bound now, for the help sheet */
export const boundKeys = () => [...shortcuts];

/** @param {EventTarget|null} target */
function typing(target) {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}

/** "mod+k", "?", "g s", "Escape". @param {KeyboardEvent} event */
function nameOf(event) {
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return event.ctrlKey || event.metaKey ? `mod+${key}` : key;
}

/** Runs what is bound to the keys that are pressed. @param {KeyboardEvent} event */
function press(event) {
  if (event.defaultPrevented || event.altKey || event.isComposing) return;
  const name = nameOf(event);
  const isMod = name.startsWith('mod+');
  if (!isMod && (typing(event.target) || document.querySelector('dialog[open]'))) return;
  const chord = prefix && Date.now() - prefixAt < CHORD_MS ? `${prefix} ${name}` : '';
  const all = boundKeys().reverse(); // what was bound last (the view in front) wins
  const found =
    all.find((shortcut) => chord && shortcut.keys === chord) ?? all.find((shortcut) => shortcut.keys === name);
  prefix = '';
  if (found) {
    event.preventDefault();
    found.run(event);
  } else if (all.some((shortcut) => shortcut.keys.startsWith(`${name} `))) {
    prefix = name;
    prefixAt = Date.now();
  }
}

/** Listens to the keyboard from now on. */
export const start = () => addEventListener('keydown', press);
