// Draws the structure of every element with data-structure; the form beside it says how. The number of atoms that are
// drawn is read from the viewer's own model, for whoever cannot see them.
const BOND_RADIUS_A = 0.1;
const MOST_JOINED = 3000;
const NEAREST = 1.15;
const ON_THE_BORDER = 1e-3;
const CANNOT_DRAW = "This browser cannot draw structures (it has no WebGL). Take the file away and open it elsewhere.";
const LATTICE_LABELS = { alabel: "a", blabel: "b", clabel: "c" };

function variable(name) {
  return resolvedColour(name);
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
  const bond = { color: variable("--quiet") };
  return {
    balls: { sphere: { scale, ...colour }, stick: { radius: BOND_RADIUS_A, ...bond } },
    spheres: { sphere: { scale: 2.2 * scale, ...colour } },
    bonds: { stick: { radius: 1.5 * BOND_RADIUS_A, ...colour } },
  }[kind];
}

// Vectors of the cell, one a row, as the viewer places atoms: a along x, b in the plane of x and y.
function vectorsOf(cell) {
  const [alpha, beta, gamma] = [cell.alpha, cell.beta, cell.gamma].map((angle) => (angle * Math.PI) / 180);
  const x = Math.cos(beta);
  const y = (Math.cos(alpha) - Math.cos(beta) * Math.cos(gamma)) / Math.sin(gamma);
  return [
    [cell.a, 0, 0],
    [cell.b * Math.cos(gamma), cell.b * Math.sin(gamma), 0],
    [cell.c * x, cell.c * y, cell.c * Math.sqrt(1 - x * x - y * y)],
  ];
}

// In units of the vectors, which form a lower triangle; each coordinate within the cell.
function fractionsOf(atom, [a, b, c]) {
  const w = atom.z / c[2];
  const v = (atom.y - w * c[1]) / b[1];
  const u = (atom.x - v * b[0] - w * c[0]) / a[0];
  return [u, v, w].map((value) => {
    const inside = value - Math.floor(value);
    return 1 - inside < ON_THE_BORDER ? 0 : inside;
  });
}

function placed([u, v, w], [a, b, c]) {
  const [x, y, z] = [0, 1, 2].map((axis) => u * a[axis] + v * b[axis] + w * c[axis]);
  return { x, y, z };
}

const apart = (one, other) => Math.hypot(one.x - other.x, one.y - other.y, one.z - other.z);

// How far the nearest atom of another element is from each site, whichever cell it is in.
function reaches(sites, vectors) {
  const shifts = [-1, 0, 1].flatMap((i) => [-1, 0, 1].flatMap((j) => [-1, 0, 1].map((k) => [i, j, k])));
  return sites.map((site) => {
    const here = placed(site.at, vectors);
    const others = sites.filter((other) => other.elem !== site.elem);
    const found = others.flatMap((other) => shifts.map((shift) =>
      apart(here, placed(other.at.map((value, axis) => value + shift[axis]), vectors))));
    return NEAREST * Math.min(...found);
  });
}

// The atoms of so many cells along each axis. A whole cell has its faces, edges and corners on every side: they are
// images of atoms that are there already, and are counted apart.
function filled(sites, wanted) {
  const atoms = [];
  sites.forEach(({ elem, at }, site) => {
    const along = at.map((value) => {
      const copies = Array.from({ length: wanted.cells }, (_, n) => value + n);
      return wanted.isWhole && value < ON_THE_BORDER ? [...copies, value + wanted.cells] : copies;
    });
    for (const u of along[0]) {
      for (const v of along[1]) {
        for (const w of along[2]) {
          const isImage = [u, v, w].some((value) => value >= wanted.cells - ON_THE_BORDER);
          atoms.push({ elem, site, isImage, at: [u, v, w] });
        }
      }
    }
  });
  return atoms;
}

// The viewer knows the bonds of molecules. In a crystal an atom is joined to its nearest neighbours of other elements.
function join(atoms, drawn, reach) {
  for (const one of atoms) {
    one.bonds = [];
    one.bondOrder = [];
  }
  if (atoms.length > MOST_JOINED) {
    return;
  }
  atoms.forEach((one, n) => {
    for (let m = n + 1; m < atoms.length; m += 1) {
      const other = atoms[m];
      const longest = Math.max(reach[drawn[n].site], reach[drawn[m].site]);
      if (one.elem !== other.elem && apart(one, other) <= longest) {
        one.bonds.push(m);
        one.bondOrder.push(1);
        other.bonds.push(n);
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
  const vectors = vectorsOf(model.getCrystData());
  const sites = model.selectedAtoms({}).map((atom) => ({ elem: atom.elem, at: fractionsOf(atom, vectors) }));
  model.hide(); // it holds the cell; what is drawn is the second one
  const drawn = filled(sites, wanted);
  const shown = viewer.addModel();
  shown.addAtoms(drawn.map(({ elem, at }, index) => ({ elem, atom: elem, index, serial: index, bonds: [], bondOrder: [], ...placed(at, vectors) })));
  const atoms = shown.selectedAtoms({});
  join(atoms, drawn, reaches(sites, vectors));
  shown.setStyle({}, styleOf(wanted.style, 0.28));
  if (wanted.element) {
    const highlighted = { sphere: { scale: 0.4, color: variable("--accent") } };
    shown.setStyle({ elem: wanted.element }, { ...styleOf(wanted.style, 0.28), ...highlighted });
  }
  viewer.zoomTo();
  viewer.render();
  const own = atoms.filter((_, n) => !drawn[n].isImage);
  place.dataset.atoms = String(own.length);
  place.dataset.images = String(atoms.length - own.length);
  place.dataset.highlighted = wanted.element ? String(own.filter((atom) => atom.elem === wanted.element).length) : "0";
}

function toldOf({ atoms, images }) {
  return images === "0" ? `${atoms} atoms are drawn.` : `${atoms} atoms are drawn, and ${images} images of them on the border.`;
}

function wishes(form) {
  return {
    cells: Number(form.elements.cells.value),
    style: form.elements.style.value,
    element: form.elements.element.value,
    hasCell: form.elements.cell.checked,
    isWhole: form.elements.whole.checked,
  };
}

// Without a graphics card drawing takes its time, in which the page does not answer: everything else is shown first.
async function pageIsShown() {
  if (document.readyState !== "complete") {
    await new Promise((resolve) => window.addEventListener("load", resolve, { once: true }));
  }
  await new Promise((resolve) => requestAnimationFrame(() => window.setTimeout(resolve)));
}

async function textOf(address) {
  const answer = await fetch(address).catch(() => null);
  return answer?.ok ? answer.text() : null;
}

// The library throws where a browser refuses it, or gives nothing back.
function viewerIn(place) {
  place.replaceChildren();
  try {
    return window.$3Dmol.createViewer(place, { antialias: true });
  } catch {
    return null;
  }
}

async function drawStructure(place) {
  say(place, "The structure is being drawn.");
  const [text] = await Promise.all([textOf(place.dataset.structure), pageIsShown()]);
  if (text === null) {
    say(place, "The sites cannot be read at the moment.");
    return;
  }
  const viewer = canDraw() ? viewerIn(place) : null;
  if (!viewer) {
    say(place, CANNOT_DRAW);
    return;
  }
  const form = place.parentElement.querySelector("[data-structure-controls]");
  place.querySelector("canvas")?.addEventListener("webglcontextlost", () => {
    form.hidden = true;
    say(place, CANNOT_DRAW);
  });
  const update = () => {
    show(viewer, text, wishes(form), place);
    form.querySelector("[data-structure-count]").textContent = toldOf(place.dataset);
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
