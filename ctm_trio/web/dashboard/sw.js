// Shows nothing and caches nothing by itself: phones let only a worker show a notification and take the tap on it.
const worker = /** @type {ServiceWorkerGlobalScope} */ (/** @type {unknown} */ (self));

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const path = event.notification.data?.path ?? '/';
  event.waitUntil((async () => {
    const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
    const page = pages[0];
    if (!page) return worker.clients.openWindow(path);
    page.postMessage({ go: path });
    return page.focus();
  })());
});
