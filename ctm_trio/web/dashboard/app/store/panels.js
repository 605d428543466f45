/** Which panel lies over the page: 'palette', 'create', or '' for none. */
import { signal } from '../html.js';

export const panel = signal('');

export const closePanel = () => {
  panel.value = '';
};
