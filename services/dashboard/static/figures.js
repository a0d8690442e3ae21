"use strict";

// Draws every element with data-figure from the figure's data, again whenever the campaign or the theme has changed.
const FIGURE_SETTINGS = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["lasso2d", "select2d"] };

function themed(layout) {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), linecolor: colour("--line") };
  const shown = {
    ...layout,
    title: undefined, // stands above the figure as its caption
    autosize: true,
    margin: { l: 60, r: 20, t: 10, b: 50 },
    font: { family: "system-ui, sans-serif", size: 13, color: colour("--text") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    colorway: ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"].map(colour),
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", ...layout.legend },
  };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    shown[name] = { automargin: true, ...axis, ...layout[name] };
  }
  return shown;
}

// Heat maps go from the ground to the accent, so that they read in light and dark.
function coloured(trace) {
  if (trace.type !== "heatmap") {
    return trace;
  }
  const style = getComputedStyle(document.documentElement);
  const [low, high] = ["--accent-soft", "--accent"].map((name) => style.getPropertyValue(name).trim());
  return { ...trace, colorscale: [[0, low], [1, high]] };
}

// One question at a time for each figure: an older answer must not come after a newer one.
const asking = new WeakSet();

async function draw(canvas) {
  if (asking.has(canvas)) {
    return;
  }
  asking.add(canvas);
  try {
    await drawOnce(canvas);
  } finally {
    asking.delete(canvas);
  }
}

async function drawOnce(canvas) {
  let answer;
  try {
    answer = await fetch(canvas.dataset.figure);
  } catch {
    return; // the next change tries again
  }
  if (!answer.ok) {
    canvas.textContent = "This figure cannot be drawn at the moment.";
    return;
  }
  const figure = await answer.json();
  const isEmpty = !figure.data.some((trace) => (trace.x ?? trace.z ?? trace.labels ?? []).length > 0);
  canvas.classList.toggle("figure-empty", isEmpty);
  if (isEmpty) {
    window.Plotly.purge(canvas);
    canvas.textContent = canvas.dataset.empty ?? "Nothing to draw yet.";
    return;
  }
  if (!canvas.querySelector(".plot-container")) {
    canvas.replaceChildren();
  }
  await window.Plotly.react(canvas, figure.data.map(coloured), themed(figure.layout), FIGURE_SETTINGS);
  canvas.dataset.points = String(figure.data.reduce((sum, trace) => sum + (trace.x ?? []).length, 0));
}

function drawAll(root) {
  if (window.Plotly) {
    root.querySelectorAll("[data-figure]").forEach(draw);
  }
}

document.addEventListener("petalite:theme", () => drawAll(document));
// Figures are made of the whole campaign: while much happens they follow now and then.
const FIGURE_PAUSE_MS = 10000;
let redrawing = null;
let drawnAt = 0;
document.body.addEventListener("petalite:changed", () => {
  redrawing ??= window.setTimeout(() => {
    redrawing = null;
    drawnAt = Date.now();
    drawAll(document);
  }, Math.max(0, drawnAt + FIGURE_PAUSE_MS - Date.now()));
});
document.addEventListener("htmx:afterSettle", (event) => drawAll(event.detail.elt));
drawAll(document);
