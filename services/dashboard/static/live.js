// Listens to a campaign's events and tells the page, at most once a second, that something has changed: parts of the
// page with hx-trigger="petalite:changed from:body" fetch themselves anew, figures draw themselves anew.
const LIVE_PAUSE_MS = 1000;
const LIVE_POLL_MS = 10000;

let stream = null;
let waiting = null;
let poll = null;
let again = null;
let nErrors = 0;
let lastEvent = null;

function tell() {
  waiting = null;
  document.body.dispatchEvent(new CustomEvent("petalite:changed"));
}

function tellSoon(event) {
  lastEvent = event.lastEventId || lastEvent;
  waiting ??= window.setTimeout(tell, LIVE_PAUSE_MS);
}

// Whether the service answers is not told by the stream: there are proxies through which no stream comes.
async function probe() {
  const answer = await fetch("/api/v1/health/live", { cache: "no-store" }).catch(() => null);
  const what = answer === null || answer.status >= 502 ? "away" : "back";
  document.body.dispatchEvent(new CustomEvent(`petalite:${what}`));
}

function ask() {
  probe();
  tell();
}

function listen() {
  window.clearTimeout(again);
  const place = document.body.dataset.live;
  const after = lastEvent ?? document.body.dataset.liveAfter;
  stream = new EventSource(`${place}?after=${after}`);
  for (const kind of document.body.dataset.liveKinds.split(" ")) {
    stream.addEventListener(kind, tellSoon);
  }
  stream.addEventListener("open", () => {
    window.clearInterval(poll);
    poll = null;
    if (nErrors > 0) {
      ask();
    }
    nErrors = 0;
  });
  stream.addEventListener("error", () => {
    nErrors += 1;
    if (stream.readyState === EventSource.CLOSED) {
      // Refused, for which browsers give up. Asking at once leads whoever was signed out to the page to sign in.
      hush();
      again = window.setTimeout(listen, LIVE_POLL_MS);
      tell();
      return;
    }
    // Where streams do not get through, such as some proxies, the page asks now and then instead.
    poll ??= window.setInterval(ask, LIVE_POLL_MS);
    // Every stream ends now and then and begins anew at once. One that does not has nobody at the other end.
    if (nErrors > 1) {
      probe();
    }
  });
}

function hush() {
  nErrors = 0;
  stream?.close();
  stream = null;
  window.clearTimeout(again);
  window.clearInterval(poll);
  poll = null;
}

// Browsers allow few connections to one host: pages that nobody looks at give theirs back.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    hush();
  } else if (stream === null) {
    listen();
    tell();
  }
});

listen();
