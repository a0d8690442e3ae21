"use strict";

// Before anything is painted, so that a dark page never flashes white.
const chosenTheme = localStorage.getItem("petalite-theme");
if (chosenTheme) {
  document.documentElement.dataset.theme = chosenTheme;
}
