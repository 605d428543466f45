/** The view library in one place: `html` templates, hooks and signals. Text is always inserted as text nodes. */
import { Fragment, h, render } from '../vendor/preact.js';
import htm from '../vendor/htm.js';

/**
 * A value that components follow by reading `.value`.
 * @template T
 * @typedef {{value: T, peek: () => T, subscribe: (then: (value: T) => void) => () => void}} Signal
 */

export const html = htm.bind(h);
export { Fragment, h, render };
export { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from '../vendor/preact-hooks.js';
export { batch, computed, effect, signal, useComputed, useSignal, useSignalEffect } from '../vendor/signals.js';
