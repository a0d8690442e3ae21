// Times in the reader's own zone; the server wrote them in UTC.
const shortTime = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const instant = new Date(time.dateTime);
    time.textContent = shortTime.format(instant);
    time.title = instant.toISOString();
  }
}

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function switchTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("petalite-theme", theme);
  document.dispatchEvent(new CustomEvent("petalite:theme"));
}

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-theme-switch]")) {
    switchTheme();
  }
  if (event.target.closest("[data-print]")) {
    window.print();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

document.addEventListener("submit", (event) => {
  const question = event.target.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});

// A part that fetches itself anew must not take the focus from whoever stands in it. What has an id is found again by
// htmx itself, a link or a button by where it leads and what it says. A table stays scrolled sideways as it was.
let focusedBefore = null;
let scrolledBefore = [];

function isLike(one, other) {
  const leadsTo = (element) => element.getAttribute("href") ?? element.form?.getAttribute("action");
  return leadsTo(one) === leadsTo(other) && one.textContent === other.textContent;
}

document.addEventListener("htmx:beforeSwap", () => {
  focusedBefore = document.activeElement.matches("a[href], button, summary") ? document.activeElement : null;
  scrolledBefore = [...document.querySelectorAll(".table[id]")].map(({ id, scrollLeft }) => ({ id, scrollLeft }));
});
document.addEventListener("htmx:afterSwap", () => {
  if (focusedBefore !== null && !focusedBefore.isConnected) {
    const again = [...document.querySelectorAll(focusedBefore.tagName)].find((each) => isLike(each, focusedBefore));
    again?.focus({ preventScroll: true });
    focusedBefore = null;
  }
  for (const { id, scrollLeft } of scrolledBefore) {
    document.getElementById(id)?.scrollTo({ left: scrollLeft, behavior: "instant" });
  }
});

// While the service is away, a form that is sent would be lost on the browser's own page of errors.
const connection = document.getElementById("connection");

function isAway() {
  return connection.textContent !== "";
}

document.body.addEventListener("petalite:away", () => {
  connection.textContent =
    "The service does not answer. This page goes on by itself as soon as it does; what you have typed stays.";
});
document.body.addEventListener("petalite:back", () => {
  if (!isAway()) {
    return;
  }
  connection.textContent = "";
  document.getElementById("messages").replaceChildren();
});
document.addEventListener("submit", (event) => {
  if (!isAway() || event.defaultPrevented) {
    return;
  }
  event.preventDefault();
  const told = document.createElement("p");
  told.className = "problem";
  told.textContent = "It was not sent, because the service does not answer. Send it again when it does.";
  document.getElementById("messages").replaceChildren(told);
});

// Whatever was swapped in is finished like the page itself; an old problem goes when something succeeds.
document.addEventListener("htmx:load", (event) => showTimes(event.detail.elt));
document.addEventListener("htmx:beforeRequest", () => document.getElementById("messages").replaceChildren());
document.addEventListener("htmx:sendError", () => {
  if (isAway()) {
    return; // is said already
  }
  const told = document.createElement("p");
  told.className = "problem";
  told.textContent = "The service does not answer. Nothing was changed; try again in a moment.";
  document.getElementById("messages").replaceChildren(told);
});

showTimes(document);
