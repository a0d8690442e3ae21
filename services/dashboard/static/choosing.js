"use strict";

// One box ticks or clears all boxes of a name in its form, and shows when only some are ticked.
function boxesOf(all) {
  return [...all.form.querySelectorAll(`input[type="checkbox"][name="${all.dataset.chooseAll}"]`)];
}

function showState(all) {
  const boxes = boxesOf(all);
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

for (const all of document.querySelectorAll("[data-choose-all]")) {
  all.addEventListener("change", () => boxesOf(all).forEach((box) => (box.checked = all.checked)));
  all.form.addEventListener("change", () => showState(all));
  showState(all);
}
