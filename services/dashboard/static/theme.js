"use strict";

// Before anything is painted, so that a dark page never flashes white.
const chosenTheme = localStorage.getItem("petalite-theme");
if (chosenTheme) {
  document.documentElement.dataset.theme = chosenTheme;
}

// The colour of a variable as it is at the moment, light or dark, as #rrggbb: what figures and structures are drawn in.
function resolvedColour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const parts = getComputedStyle(probe).color.match(/\d+/g).slice(0, 3);
  probe.remove();
  return `#${parts.map((part) => Number(part).toString(16).padStart(2, "0")).join("")}`;
}
