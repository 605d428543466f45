/** Images of an entry. They want the token, so they are fetched; a data URL is what the page's policy lets an image be. */
import { conversations } from '../../client/index.js';
import { html, useEffect, useState } from '../../html.js';
import { bytes } from '../../i18n/format.js';
import { t } from '../../i18n/index.js';
import { Icon } from '../../ui/icons.js';

/** @import { EntryImage } from '../../client/types.js' */

const PLACE = '/api/conversation/media/';
const SHOWN = /^image\/(png|jpeg|gif|webp)$/;

/** @param {{images?: EntryImage[]}} props */
export function Images({ images }) {
  if (!images?.length) return null;
  return html`<div class="entry-images">${images.map((one) => html`<${Picture} key=${one.src} image=${one} />`)}</div>`;
}

/** @param {{image: EntryImage}} props */
function Picture({ image }) {
  const [url, setUrl] = useState('');
  const [failed, setFailed] = useState(false);
  const [large, setLarge] = useState(false);
  const known = image.src.startsWith(PLACE) && SHOWN.test(image.media_type);
  useEffect(() => {
    if (!known) return undefined;
    const stop = new AbortController();
    conversations.media(image.src, { signal: stop.signal }).then(dataUrl).then(
      (found) => stop.signal.aborted || setUrl(found),
      () => stop.signal.aborted || setFailed(true),
    );
    return () => stop.abort();
  }, [image.src]);
  const what = t('reader.image', { size: bytes(image.bytes) });
  if (!known || failed) return html`<span class="image-note muted"><${Icon} name="image" />${failed ? t('reader.imageFailed') : what}</span>`;
  if (!url) return html`<span class="image-note muted" role="status"><${Icon} name="image" />${t('misc.loading')}</span>`;
  return html`<button class="image-button" type="button" aria-expanded=${large} aria-label=${what} title=${what} onClick=${() => setLarge(!large)}>
    <img src=${url} alt="" data-large=${large ? '' : undefined} /></button>`;
}

/** @param {Blob} blob @returns {Promise<string>} */
const dataUrl = (blob) =>
  new Promise((resolve, reject) => {
    if (!SHOWN.test(blob.type)) return reject(new TypeError('This is no image that is shown.'));
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result));
    reader.onerror = () => reject(reader.error);
    return reader.readAsDataURL(blob);
  });
