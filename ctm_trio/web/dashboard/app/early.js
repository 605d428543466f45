// Before the first paint: the chosen theme, so that a dark page never flashes white. No module, so it does not wait.
try {
  const theme = JSON.parse(localStorage.getItem('ctm.theme') || '"system"');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // no storage: the system's theme
}
