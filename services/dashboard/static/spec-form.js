// The parts of the campaign's form that want a hand: the periodic table and the space groups write into the text fields
// beside them, which are what is sent; problems are shown beside the fields that they speak of.
const ELEMENT_STATES = ["out", "allowed", "required"];
const PRESSED = { out: "false", allowed: "mixed", required: "true" };
const formField = (name) => document.getElementById(`field-${name}`);
const wordsOf = (text) => text.split(/[,;\s]+/).filter((word) => word !== "");

function write(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// Elements

function stateOf(symbol) {
  if (wordsOf(formField("space.required_elements").value).includes(symbol)) {
    return "required";
  }
  return wordsOf(formField("space.elements").value).includes(symbol) ? "allowed" : "out";
}

function showElements() {
  const common = [];
  for (const button of document.querySelectorAll("[data-element]")) {
    const state = stateOf(button.dataset.element);
    if (state !== "out") {
      common.push(`${button.dataset.element} ${button.dataset.states.trim()}`);
    }
    button.setAttribute("aria-pressed", PRESSED[state]);
    button.querySelector("[data-state]").textContent = ` ${state}`;
  }
  const told = document.querySelector("[data-common-states]");
  told.textContent = common.length > 0 ? `The common ones: ${common.join("; ")}.` : "";
}

function cycleElement(symbol) {
  const next = ELEMENT_STATES[(ELEMENT_STATES.indexOf(stateOf(symbol)) + 1) % ELEMENT_STATES.length];
  const allowed = wordsOf(formField("space.elements").value).filter((word) => word !== symbol || next !== "out");
  const required = wordsOf(formField("space.required_elements").value).filter((word) => word !== symbol);
  if (next !== "out" && !allowed.includes(symbol)) {
    allowed.push(symbol);
  }
  if (next === "required") {
    required.push(symbol);
  }
  formField("space.required_elements").value = required.join(", ");
  write(formField("space.elements"), allowed.join(", "));
}

// Space groups

function chosenGroups() {
  const chosen = new Set();
  for (const word of wordsOf(formField("space.space_groups").value.replace(/\s*[-–]\s*/g, "-"))) {
    const [first, last] = word.split("-").map(Number);
    for (let number = first; number <= Math.min(last ?? first, 230); number += 1) {
      chosen.add(number);
    }
  }
  return chosen;
}

function showGroups() {
  const chosen = chosenGroups();
  for (const system of document.querySelectorAll("[data-system]")) {
    let count = 0;
    for (const button of system.querySelectorAll("[data-group]")) {
      const isChosen = chosen.has(Number(button.dataset.group));
      button.setAttribute("aria-pressed", String(isChosen));
      count += Number(isChosen);
    }
    system.querySelector("[data-chosen]").textContent = String(count);
  }
}

function writeGroups(chosen) {
  const runs = [];
  for (const number of [...chosen].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run && run.at(-1) === number - 1) {
      run.push(number);
    } else {
      runs.push([number]);
    }
  }
  const texts = runs.map((run) => (run.length > 2 ? `${run[0]}-${run.at(-1)}` : run.join(", ")));
  write(formField("space.space_groups"), texts.join(", "));
}

function setSystem(system, isWanted) {
  const chosen = chosenGroups();
  for (const button of system.querySelectorAll("[data-group]")) {
    if (isWanted) {
      chosen.add(Number(button.dataset.group));
    } else {
      chosen.delete(Number(button.dataset.group));
    }
  }
  writeGroups(chosen);
}

function toggleGroup(number) {
  const chosen = chosenGroups();
  if (!chosen.delete(number)) {
    chosen.add(number);
  }
  writeGroups(chosen);
}

function findGroups(text) {
  const wanted = text.trim().toLowerCase();
  for (const system of document.querySelectorAll("[data-system]")) {
    let hits = 0;
    for (const button of system.querySelectorAll("[data-group]")) {
      const fits = button.dataset.group.startsWith(wanted) || button.dataset.symbol.toLowerCase().includes(wanted);
      button.hidden = wanted !== "" && !fits;
      hits += Number(fits);
    }
    system.hidden = wanted !== "" && hits === 0;
    if (wanted !== "") {
      system.open = hits > 0;
    }
  }
}

// Keyboard: one stop of the tab key for each set of buttons, arrows within.

function prepareRoving() {
  for (const set of document.querySelectorAll("[data-roving]")) {
    if (!set.querySelector('button[tabindex="0"]')) {
      set.querySelectorAll("button").forEach((button, place) => {
        button.tabIndex = place === 0 ? 0 : -1;
      });
    }
  }
}

function rove(set, button) {
  set.querySelector('button[tabindex="0"]')?.setAttribute("tabindex", "-1");
  button.tabIndex = 0;
  button.focus();
}

function neighbour(set, button, key) {
  const buttons = [...set.querySelectorAll("button")].filter((each) => !each.hidden);
  const place = buttons.indexOf(button);
  if (key === "ArrowRight" || key === "ArrowLeft") {
    return buttons[place + (key === "ArrowRight" ? 1 : -1)];
  }
  // Of the rows above or below, the nearest one that has a button there: as the eye sees it.
  const here = button.getBoundingClientRect();
  const isWanted = (box) => (key === "ArrowDown" ? box.top > here.top + 2 : box.top < here.top - 2);
  const distance = (box) => Math.abs(box.top - here.top) * 10 + Math.abs(box.left - here.left);
  return buttons
    .map((each) => [each, each.getBoundingClientRect()])
    .filter(([, box]) => isWanted(box) && Math.abs(box.left - here.left) < here.width)
    .sort(([, first], [, second]) => distance(first) - distance(second))[0]?.[0];
}

// Problems, beside their fields

function placeFor(name) {
  for (let place = name; place !== ""; place = place.replace(/(^|\.|\[)[^.[]*$/, "")) {
    const found = document.querySelector(`#form-part [data-field="${CSS.escape(place)}"]`);
    if (found) {
      return found;
    }
  }
  return null;
}

function showProblems() {
  document.querySelectorAll(".field-problem").forEach((told) => told.remove());
  document.querySelectorAll("#form-part [aria-invalid]").forEach((field) => {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  });
  document.querySelectorAll("[data-problem-for]").forEach((problem, number) => {
    const place = placeFor(problem.dataset.problemFor);
    if (place === null) {
      return;
    }
    const told = document.createElement("small");
    told.className = "field-problem";
    told.id = `field-problem-${number}`;
    told.textContent = problem.dataset.problemMessage;
    if (place.matches("label, .range")) {
      for (const input of place.querySelectorAll("input, select, textarea")) {
        const others = input.getAttribute("aria-describedby");
        input.setAttribute("aria-invalid", "true");
        input.setAttribute("aria-describedby", others === null ? told.id : `${others} ${told.id}`);
      }
      place.append(told);
      const hidden = place.closest("details");
      if (hidden) {
        hidden.open = true;
      }
    } else {
      (place.querySelector(":scope > legend") ?? place).after(told);
    }
  });
}

function showLine(number) {
  const yaml = document.getElementById("yaml");
  const lines = yaml.value.split("\n");
  const start = lines.slice(0, number - 1).reduce((sum, line) => sum + line.length + 1, 0);
  yaml.focus();
  yaml.setSelectionRange(start, start + (lines[number - 1] ?? "").length);
  yaml.scrollTop = (yaml.scrollHeight / lines.length) * Math.max(0, number - 5);
}

function showAll() {
  document.querySelectorAll(".needs-script").forEach((part) => {
    part.hidden = false;
  });
  prepareRoving();
  showElements();
  showGroups();
  showProblems();
}

// Whoever adds a way of looking goes on with its name.

const rungNames = () => [...document.querySelectorAll('[id^="field-ladder["][id$="].name"]')];
let rungsBefore = Infinity;

function goToNewRung() {
  const names = rungNames();
  if (names.length > rungsBefore) {
    rungsBefore = Infinity;
    names.at(-1).focus();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button === null) {
    return;
  }
  if (button.id === "step-add") {
    rungsBefore = rungNames().length;
  }
  if (button.dataset.element) {
    cycleElement(button.dataset.element);
  } else if (button.dataset.group) {
    toggleGroup(Number(button.dataset.group));
  } else if (button.dataset.line) {
    showLine(Number(button.dataset.line));
  } else if ("systemAll" in button.dataset || "systemNone" in button.dataset) {
    setSystem(button.closest("[data-system]"), "systemAll" in button.dataset);
  }
  const set = button.closest("[data-roving]");
  if (set !== null) {
    rove(set, button);
  }
});

document.addEventListener("keydown", (event) => {
  const set = event.target.closest?.("[data-roving]");
  if (set && event.key.startsWith("Arrow")) {
    const next = neighbour(set, event.target, event.key);
    event.preventDefault();
    if (next) {
      rove(set, next);
    }
  }
});

document.addEventListener("input", (event) => {
  if ("groupFilter" in event.target.dataset) {
    event.stopPropagation();
    findGroups(event.target.value);
  } else if (event.target.id === "field-space.elements" || event.target.id === "field-space.required_elements") {
    showElements();
  } else if (event.target.id === "field-space.space_groups") {
    showGroups();
  }
});

// What somebody has written is not lost by filling the form anew without a question.
function askBeforeReplacing() {
  for (const form of document.querySelectorAll("form[data-replaces]")) {
    form.dataset.confirm = "Replace what stands in the form and in the YAML?";
  }
}

const specForm = document.getElementById("spec-form");
specForm.addEventListener("input", askBeforeReplacing);
specForm.addEventListener("click", (event) => {
  if (event.target.closest("button[name=step]")) {
    askBeforeReplacing();
  }
});
if ("isTyped" in specForm.dataset) {
  askBeforeReplacing();
}

// Parts that were swapped in are shown as those that came with the page.
document.addEventListener("htmx:oobAfterSwap", showAll);
document.addEventListener("htmx:afterSettle", showAll);
document.addEventListener("htmx:afterSettle", goToNewRung); // after htmx has put the focus back
showAll();
