/** Images for a prompt: pasted, dropped or picked, they become files beside the daemon, and their paths stand in the text. */
import { ApiError, talk } from '../../../client/index.js';
import { html, useEffect, useRef, useState } from '../../../html.js';
import { t } from '../../../i18n/index.js';
import { IconButton } from '../../../ui/bits.js';

/** @import { EventOf } from '../../../html.js' */

/** What the daemon takes. */
const TYPES = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
const MAX_BYTES = 10 * 1024 * 1024;

/**
 * @param {string} name the session @param {{current: HTMLTextAreaElement|null}} box
 * @param {() => string} words what is in the box now @param {(text: string) => void} put
 * @param {(error: ApiError|null) => void} onProblem
 */
export function useImages(name, box, words, put, onProblem) {
  /** How many have not arrived. */
  const [left, setLeft] = useState(0);
  const [over, setOver] = useState(false);
  const stop = useRef(new AbortController());
  /** The end of all uploads so far: one goes after the other, so that the paths are in their order. */
  const last = useRef(Promise.resolve());
  useEffect(() => () => stop.current.abort(), []);
  const upload = async (/** @type {File} */ image, /** @type {AbortSignal} */ signal) => {
    try {
      if (signal.aborted) return;
      const { path } = await talk.image(name, image, signal);
      insert(box.current, words(), path, put);
    } catch (error) {
      if (!signal.aborted) onProblem(/** @type {ApiError} */ (error));
    } finally {
      setLeft((n) => n - 1);
    }
  };
  const add = (/** @type {File[]} */ files) => {
    onProblem(null);
    for (const image of files) {
      const fault = faultOf(image);
      if (fault) {
        onProblem(fault);
        continue;
      }
      setLeft((n) => n + 1);
      const { signal } = stop.current;
      last.current = last.current.then(() => upload(image, signal));
    }
  };
  const cancel = () => {
    stop.current.abort();
    stop.current = new AbortController();
  };
  const onPaste = (/** @type {ClipboardEvent} */ event) => {
    const files = imagesOf(event.clipboardData);
    if (!files.length || isText(event.clipboardData)) return;
    event.preventDefault();
    add(files);
  };
  const drop = {
    onDragOver: (/** @type {DragEvent} */ event) => {
      if (!event.dataTransfer?.types.includes('Files')) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: () => setOver(false),
    onDrop: (/** @type {DragEvent} */ event) => {
      setOver(false);
      const files = [...(event.dataTransfer?.files ?? [])];
      if (!files.length) return;
      event.preventDefault(); // else the browser would leave this page for the file
      add(files);
    },
  };
  return { left, over, add, cancel, onPaste, drop };
}

/** @param {DataTransfer|null} data */
const imagesOf = (data) => [...(data?.files ?? [])].filter((file) => file.type.startsWith('image/'));

/** Text of a document or a table comes with a picture of itself: the text is meant. @param {DataTransfer|null} data */
const isText = (data) => !!data && data.types.includes('text/html') && data.getData('text/plain').trim() !== '';

/** Why it need not be sent at all. @param {File} image */
function faultOf({ type, size }) {
  if (!TYPES.includes(type)) return new ApiError(400, 'invalid_image', '');
  return size > MAX_BYTES ? new ApiError(413, 'too_large', '') : null;
}

/**
 * Puts a path on a line of its own where the caret is, and the caret behind it.
 * @param {HTMLTextAreaElement|null} element null if the box is gone: then it goes to the end
 * @param {string} text @param {string} path @param {(text: string) => void} put
 */
function insert(element, text, path, put) {
  const [from, to] = element ? [element.selectionStart, element.selectionEnd] : [text.length, text.length];
  const before = text.slice(0, from);
  const after = text.slice(to);
  const head = `${before}${before && !before.endsWith('\n') ? '\n' : ''}${path}\n`;
  put(head + after.replace(/^\n/, ''));
  if (!element) return;
  element.value = head + after.replace(/^\n/, ''); // now, so that the caret can be set, and a second path finds it
  element.setSelectionRange(head.length, head.length);
}

/** Picks images; on a phone it offers the camera and the photos. @param {{onFiles: (files: File[]) => void}} props */
export function ImageButton({ onFiles }) {
  const input = useRef(/** @type {HTMLInputElement|null} */ (null));
  const picked = (/** @type {EventOf} */ event) => {
    onFiles([...(event.target.files ?? [])]);
    event.target.value = ''; // the same one may be picked again
  };
  return html`<${IconButton} icon="image" class="composer-attach" label=${t('composer.attach')} onClick=${() => input.current?.click()} />
    <input ref=${input} type="file" accept=${TYPES.join(',')} multiple hidden aria-label=${t('composer.attach')} onChange=${picked} />`;
}

/** What is on its way. @param {{left: number, onCancel: () => void}} props */
export function Uploading({ left, onCancel }) {
  return left > 0 && html`<p class="composer-uploading"><span role="status">${t('composer.uploading', { n: left })}</span>
    <button class="button small" type="button" onClick=${onCancel}>${t('actions.cancel')}</button></p>`;
}
