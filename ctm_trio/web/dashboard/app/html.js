/** The view library in one place: `html` templates, hooks and signals. Text is always inserted as text nodes. */
import { Fragment, h, render } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

/**
 * A value that components follow by reading `.value`.
 * @template T
 * @typedef {import('../vendor/signals.js').Signal<T>} Signal
 */
/** What a component may draw. @typedef {import('../vendor/preact.js').ComponentChildren} Children */
/** A component whatever it is given: templates do not check that. @typedef {(props: never) => Children} Component */
/**
 * An event of an element, most often of an input.
 * @template {Element} [E=HTMLInputElement]
 * @typedef {Event & {currentTarget: E, target: E}} EventOf
 */

export const html = htm.bind(h);
export { Fragment, h, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../vendor/preact-hooks.js';
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from '../vendor/signals.js';
