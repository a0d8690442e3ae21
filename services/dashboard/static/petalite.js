"use strict";

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

// Whatever was swapped in is finished like the page itself; an old problem goes when something succeeds.
document.addEventListener("htmx:load", (event) => showTimes(event.detail.elt));
document.addEventListener("htmx:beforeRequest", () => document.getElementById("messages").replaceChildren());
document.addEventListener("htmx:sendError", () => {
  const told = document.createElement("p");
  told.className = "problem";
  told.textContent = "The service does not answer. Nothing was changed; try again in a moment.";
  document.getElementById("messages").replaceChildren(told);
});

showTimes(document);
