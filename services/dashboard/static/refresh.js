// Tells a page without a stream of its own, every ten seconds while somebody looks at it, that something may have
// changed: parts of the page with hx-trigger="petalite:changed from:body" fetch themselves anew.
const REFRESH_MS = 10000;

window.setInterval(() => {
  if (!document.hidden) {
    document.body.dispatchEvent(new CustomEvent("petalite:changed"));
  }
}, REFRESH_MS);
