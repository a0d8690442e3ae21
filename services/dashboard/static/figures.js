// Draws every element with data-figure from the figure's data, again whenever the campaign or the theme has changed.
// Where fingers point, the tools would always be shown, over the legend.
const FIGURE_SETTINGS = {
  displaylogo: false,
  responsive: true,
  modeBarButtons: [["zoom2d", "resetScale2d", "toImage"]],
  displayModeBar: window.matchMedia("(hover: hover) and (min-width: 40rem)").matches ? "hover" : false,
};

// One fidelity has one colour and one mark in all figures, whatever else a figure shows: a trace says which rung it is.
const SERIES = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6"];
const MARKS = ["circle", "square", "diamond", "triangle-up", "cross", "star"];

const MOST_BETWEEN_POWERS = 100;
const MOST_POWERS = 8;
const WIDTH_OF_A_LETTER = 7;
const HEIGHT_BESIDE_THE_PLOT = 94; // the margins

function colourOf(name) {
  return resolvedColour(name);
}

// Between powers of ten only where those are few, and always as whole numbers: a lone "5" could be any.
// As 1e-4: raised exponents are styled inside the page, which its policy forbids.
function ticksOfPowers(data, name) {
  const [letter, number] = [name[0], name.slice("xaxis".length)];
  const own = data.filter((trace) => (trace[`${letter}axis`] ?? letter) === letter + number);
  const values = own.flatMap((trace) => trace[letter] ?? []).filter((value) => value > 0);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const isFew = !(high / low >= MOST_BETWEEN_POWERS);
  return { dtick: isFew ? "D2" : Math.ceil(Math.log10(high / low) / MOST_POWERS), tickformat: low < 1e-3 || high >= 1e5 ? "~e" : "~g" };
}

// A title that is longer than its axis would be cut at both ends.
function fitting(title, height) {
  const isLong = (title?.text ?? "").length * WIDTH_OF_A_LETTER > height - HEIGHT_BESIDE_THE_PLOT;
  return isLong ? { ...title, text: title.text.replace(" (", "<br>(") } : title;
}

function themed({ data, layout }, height) {
  const axis = { gridcolor: colourOf("--line"), zerolinecolor: colourOf("--line"), linecolor: colourOf("--line") };
  const shown = {
    ...layout,
    title: undefined, // stands above the figure as its caption
    autosize: true,
    margin: { l: 60, r: 20, t: 44, b: 50 }, // as much above every figure as two lines of a legend need
    font: { family: "system-ui, sans-serif", size: 13, color: colourOf("--text") },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    colorway: SERIES.map(colourOf),
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", font: { size: 12 }, ...layout.legend },
    hoverlabel: { bgcolor: colourOf("--card"), bordercolor: colourOf("--line"), font: { color: colourOf("--text") } },
  };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
    const powers = layout[name].type === "log" ? ticksOfPowers(data, name) : {};
    const title = name.startsWith("y") ? fitting(layout[name].title, height) : layout[name].title;
    shown[name] = { automargin: true, ...axis, ...powers, ...layout[name], title };
  }
  const mark = { color: colourOf("--quiet"), width: 1 };
  shown.shapes = (layout.shapes ?? []).map((shape) => ({ ...shape, line: { ...mark, ...shape.line } }));
  return shown;
}

// An instant as the library takes it: it shows whatever it is told, without any zone.
function local(instant) {
  const at = new Date(instant);
  const two = (number) => String(number).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  return `${day} ${time}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

// Times in the reader's own zone. Answers that come within a moment are not told apart by milliseconds.
function inOwnZone(figure) {
  if (figure.layout.xaxis?.type !== "date") {
    return figure;
  }
  const data = figure.data.map((trace) => ({ ...trace, x: (trace.x ?? []).map(local) }));
  const instants = figure.data.flatMap((trace) => trace.x ?? []).map((text) => new Date(text).getTime());
  const [first, last] = [Math.min(...instants), Math.max(...instants)];
  const isMoment = instants.length > 0 && last - first < 60000;
  const room = isMoment ? { range: [local(first - 30000), local(first + 60000)] } : {};
  const xaxis = { ...figure.layout.xaxis, ...room, title: { text: "time" } };
  return { ...figure, data, layout: { ...figure.layout, xaxis } };
}

// Heat maps go from the ground to the accent, so that they read in light and dark.
function colouredMap(trace) {
  if (trace.meta?.faint) {
    const faint = colourOf("--ground");
    return { ...trace, colorscale: [[0, faint], [1, faint]], textfont: { color: colourOf("--quiet") } };
  }
  return { ...trace, colorscale: [[0, colourOf("--accent-soft")], [1, colourOf("--accent")]] };
}

function coloured(trace) {
  if (trace.type === "heatmap") {
    return colouredMap(trace);
  }
  const rung = trace.meta?.rung;
  const place = rung ?? trace.meta?.series; // the traces of one series, such as a line and its error, share a colour
  if (place === undefined && !trace.meta?.is_quiet) {
    return trace;
  }
  const colour = colourOf(trace.meta?.is_quiet ? "--quiet" : SERIES[place % SERIES.length]);
  const marker = { color: colour, symbol: rung === undefined ? "circle" : MARKS[rung % MARKS.length] };
  return trace.type === "bar"
    ? { ...trace, marker: { color: colour } }
    : { ...trace, marker: { ...marker, ...trace.marker }, line: { color: colour, ...trace.line } };
}

// What each element shows, so that it is drawn anew only where its data, or the colours, have changed.
const shown = new WeakMap();
// The library draws links and bold letters for texts that hold tags; names and units that people wrote are only text.
function harmless(part) {
  if (typeof part === "string") {
    return part.replace(/<(?!br>|extra>|\/extra>)/g, "&lt;");
  }
  if (Array.isArray(part)) {
    return part.map(harmless);
  }
  if (part === null || typeof part !== "object") {
    return part;
  }
  return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, harmless(inner)]));
}

// One question at a time for each figure: an older answer must not come after a newer one. Whoever wants it meanwhile
// has it asked for once more.
const asking = new Map();

async function draw(canvas) {
  if (asking.has(canvas)) {
    asking.set(canvas, true);
    return;
  }
  do {
    asking.set(canvas, false);
    try {
      await ask(canvas);
    } catch (error) {
      asking.delete(canvas);
      throw error;
    }
  } while (asking.get(canvas));
  asking.delete(canvas);
}

async function ask(canvas) {
  let answer;
  try {
    answer = await fetch(canvas.dataset.figure); // the browser says itself what it has already
  } catch {
    return; // the next change tries again
  }
  if (!answer.ok) {
    shown.delete(canvas);
    canvas.textContent = "This figure cannot be drawn at the moment.";
    return;
  }
  const tag = answer.headers.get("ETag");
  if (tag !== null && shown.get(canvas)?.tag === tag) {
    return;
  }
  const told = await answer.json();
  const figure = inOwnZone(harmless(told));
  shown.set(canvas, { tag, figure });
  describe(canvas, told.description ?? "");
  await paint(canvas, figure);
}

// One sentence for those who do not see the figure, and would hear nothing but the numbers along its axes.
function describe(canvas, sentence) {
  let told = canvas.parentElement.querySelector("[data-figure-description]");
  if (told === null) {
    told = document.createElement("p");
    told.className = "visually-hidden";
    told.dataset.figureDescription = "";
    told.id = `description-${canvas.dataset.figure.replace(/\W+/g, "-")}`;
    canvas.after(told);
    canvas.setAttribute("aria-describedby", told.id);
  }
  told.textContent = sentence;
}

async function paint(canvas, figure) {
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
  await window.Plotly.react(canvas, figure.data.map(coloured), themed(figure, canvas.clientHeight), FIGURE_SETTINGS);
  offerTable(canvas);
  canvas.dataset.points = String(figure.data.reduce((sum, trace) => sum + (trace.x ?? []).length, 0));
}

// The rule of `services/spreadsheets.py`: what a spreadsheet would take for a formula begins with an apostrophe.
const FORMULA_START = /^[=+\-@\t\r\n]/;
const PLAIN_NUMBER = /^[+-](?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:\(\d{1,4}\))?(?:[eE][+-]?\d{1,3})?$/;

function harmlessCell(cell) {
  const text = String(cell ?? "");
  return FORMULA_START.test(text) && !PLAIN_NUMBER.test(text) ? `'${text}` : text;
}

// What is drawn as a table, for spreadsheets: a line for each point, or for each cell of a map.
function tableOf(figure) {
  const title = (axis) => figure.layout[axis]?.title?.text ?? axis[0];
  const rows = [["series", title("xaxis"), title("yaxis"), "says"]];
  for (const trace of figure.data) {
    if (trace.z) {
      trace.z.forEach((line, row) => line.forEach((cell, column) => {
        if (cell !== null && !trace.meta?.faint && !trace.meta?.is_scale) {
          rows.push([(trace.hovertext ?? trace.text)?.[row]?.[column] ?? trace.name ?? "", trace.x[column], trace.y[row], cell]);
        }
      }));
    } else {
      (trace.x ?? []).forEach((x, place) => rows.push([trace.name ?? "", x, trace.y[place], trace.text?.[place] ?? ""]));
    }
  }
  return rows.map((row) => row.map((cell) => `"${harmlessCell(cell).replaceAll('"', '""')}"`).join(",")).join("\r\n");
}

function offerTable(canvas) {
  const tables = canvas.parentElement.querySelector("figcaption .nowrap");
  if (tables === null || tables.querySelector("[data-figure-table]")) {
    return;
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain figure-table";
  button.dataset.figureTable = "";
  button.textContent = "CSV";
  button.setAttribute("aria-label", `${canvas.getAttribute("aria-label")} as CSV`);
  button.addEventListener("click", () => takeTable(canvas));
  tables.append(" ", button);
}

async function takeTable(canvas) {
  const answer = await fetch(canvas.dataset.figure);
  if (!answer.ok) {
    return;
  }
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", tableOf(await answer.json())], { type: "text/csv" }));
  link.download = `${canvas.dataset.figure.replace("/api/v1/", "").replaceAll("/", "-")}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function drawAll(root) {
  if (window.Plotly) {
    root.querySelectorAll("[data-figure]").forEach(draw);
  }
}

document.addEventListener("petalite:theme", () => {
  document.querySelectorAll("[data-figure]").forEach((canvas) => {
    const known = shown.get(canvas);
    if (known !== undefined) {
      paint(canvas, known.figure);
    }
  });
});
// Figures are made of the whole campaign: while much happens they follow now and then.
const FIGURE_PAUSE_MS = 10000;
let redrawing = null;
let drawnAt = 0;
document.body.addEventListener("petalite:changed", () => {
  redrawing ??= window.setTimeout(() => {
    redrawing = null;
    if (document.hidden) {
      return; // whoever comes back is told of a change at once
    }
    drawnAt = Date.now();
    drawAll(document);
  }, Math.max(0, drawnAt + FIGURE_PAUSE_MS - Date.now()));
});
document.addEventListener("htmx:afterSettle", (event) => drawAll(event.detail.elt));
drawAll(document);
