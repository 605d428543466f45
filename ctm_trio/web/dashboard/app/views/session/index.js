/** One session. */
import { html } from '../../html.js';

/** @param {{params: Record<string, string>}} props */
export default function Session({ params }) {
  return html`<div class="page"><h1>${params.name}</h1></div>`;
}
