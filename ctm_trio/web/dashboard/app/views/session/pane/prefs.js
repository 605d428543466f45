/** How this reader likes the pane. */
import { remembered } from '../../../store/prefs.js';

/** Lines of scrollback to ask for. */
export const historyLines = remembered('pane.history', 500);
/** 0: as large as fits. Else pixels. */
export const fontSize = remembered('pane.font', 0);
/** A screen made for a wide terminal is too small to read on a phone when all of a line shall fit. */
export const wrapLines = remembered('pane.wrap', matchMedia('(max-width: 640px)').matches);
