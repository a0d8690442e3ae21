"use strict";

// Draws the structure of every element with data-structure; the form beside it says how. The number of atoms that are
// drawn is read from the viewer's own model, for whoever cannot see them.
const BOND_RADIUS_A = 0.12;
const MOST_JOINED = 3000;
const NEAREST = 1.15;
const LATTICE_LABELS = { alabel: "a", blabel: "b", clabel: "c" };

function variable(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function canDraw() {
  const canvas = document.createElement("canvas");
  return Boolean(window.$3Dmol) && Boolean(canvas.getContext("webgl2") ?? canvas.getContext("webgl"));
}

function say(place, text) {
  const told = document.createElement("p");
  told.className = "structure-told";
  told.textContent = text;
  place.replaceChildren(told);
}

function styleOf(kind, scale) {
  const colour = { colorscheme: "Jmol" };
  return {
    balls: { sphere: { scale, ...colour }, stick: { radius: BOND_RADIUS_A, ...colour } },
    spheres: { sphere: { scale: 2.2 * scale, ...colour } },
    bonds: { stick: { radius: 1.5 * BOND_RADIUS_A, ...colour } },
  }[kind];
}

// The viewer knows the bonds of molecules. In a crystal an atom is joined to its nearest neighbours of other elements.
function join(atoms) {
  const apart = (one, other) => Math.hypot(one.x - other.x, one.y - other.y, one.z - other.z);
  for (const one of atoms) {
    one.bonds = [];
    one.bondOrder = [];
  }
  if (atoms.length > MOST_JOINED) {
    return;
  }
  const others = atoms.map((one) => atoms.filter((other) => other.elem !== one.elem));
  const reach = atoms.map((one, n) => NEAREST * Math.min(...others[n].map((other) => apart(one, other))));
  atoms.forEach((one, n) => {
    for (const other of others[n]) {
      if (apart(one, other) <= reach[n] && !one.bonds.includes(other.index)) {
        one.bonds.push(other.index);
        one.bondOrder.push(1);
        other.bonds.push(one.index);
        other.bondOrder.push(1);
      }
    }
  });
}

// Anew for every change: a viewer cannot take copies of the cell back.
function show(viewer, text, wanted, place) {
  viewer.removeAllLabels();
  viewer.removeAllModels();
  viewer.removeAllShapes();
  viewer.setBackgroundColor(variable("--ground"));
  const model = viewer.addModel(text, "cif", { doAssembly: false });
  if (wanted.hasCell) {
    const axis = (colour) => ({ color: variable(colour), radius: 0.06, midpos: -1 });
    viewer.addUnitCell(model, {
      ...LATTICE_LABELS,
      box: { color: variable("--quiet") },
      astyle: axis("--series-1"),
      bstyle: axis("--series-4"),
      cstyle: axis("--series-2"),
    });
  }
  if (wanted.cells > 1) {
    viewer.replicateUnitCell(wanted.cells, wanted.cells, wanted.cells, model);
  }
  join(model.selectedAtoms({}));
  model.setStyle({}, styleOf(wanted.style, 0.28));
  if (wanted.element) {
    const highlighted = { sphere: { scale: 0.4, color: variable("--accent") } };
    model.setStyle({ elem: wanted.element }, { ...styleOf(wanted.style, 0.28), ...highlighted });
  }
  viewer.zoomTo();
  viewer.render();
  place.dataset.atoms = String(model.selectedAtoms({}).length);
  place.dataset.highlighted = wanted.element ? String(model.selectedAtoms({ elem: wanted.element }).length) : "0";
}

function wishes(form) {
  return {
    cells: Number(form.elements.cells.value),
    style: form.elements.style.value,
    element: form.elements.element.value,
    hasCell: form.elements.cell.checked,
  };
}

async function drawStructure(place) {
  if (!canDraw()) {
    say(place, "This browser cannot draw structures (it has no WebGL). Take the file away and open it elsewhere.");
    return;
  }
  const answer = await fetch(place.dataset.structure);
  if (!answer.ok) {
    say(place, "The sites cannot be read at the moment.");
    return;
  }
  const text = await answer.text();
  const form = place.parentElement.querySelector("[data-structure-controls]");
  const viewer = window.$3Dmol.createViewer(place, { antialias: true });
  const update = () => {
    show(viewer, text, wishes(form), place);
    form.querySelector("[data-structure-count]").textContent = `${place.dataset.atoms} atoms are drawn.`;
  };
  viewer.rotate(25, "y"); // seen along an axis, atoms hide each other
  viewer.rotate(12, "x");
  form.hidden = false;
  form.addEventListener("change", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("petalite:theme", update);
  new ResizeObserver(() => viewer.resize()).observe(place);
  update();
}

document.querySelectorAll("[data-structure]").forEach(drawStructure);
