// One box ticks or clears all boxes of a name in its form, and shows when only some are ticked.
function boxesOf(all) {
  return [...all.form.querySelectorAll(`input[type="checkbox"][name="${all.dataset.chooseAll}"]`)];
}

// What is ticked costs, said beside the button that judges all of it; campaigns may count in several units.
function showSum(all) {
  const told = all.form.querySelector(`[data-chosen="${all.dataset.chooseAll}"]`);
  const ticked = boxesOf(all).filter((box) => box.checked);
  const sums = new Map();
  for (const box of ticked) {
    sums.set(box.dataset.unit, (sums.get(box.dataset.unit) ?? 0) + Number(box.dataset.amount));
  }
  const amounts = [...sums].map(([unit, sum]) => `${sum.toLocaleString(undefined, { maximumFractionDigits: 2 })} ${unit}`);
  told.textContent = ticked.length ? `${ticked.length} chosen: ${amounts.join(" and ")}` : "Tick looks to judge them together.";
}

function showState(all) {
  const boxes = boxesOf(all);
  const ticked = boxes.filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxes.length;
  all.indeterminate = ticked > 0 && ticked < boxes.length;
}

for (const all of document.querySelectorAll("[data-choose-all]")) {
  const show = () => {
    showState(all);
    showSum(all);
  };
  all.addEventListener("change", () => boxesOf(all).forEach((box) => (box.checked = all.checked)));
  all.form.addEventListener("change", show);
  show();
}
