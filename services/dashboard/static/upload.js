// A file may be dropped onto the form; how much of it has been sent is shown; one that is too large is not sent at all.
const MIB = 2 ** 20;

for (const form of document.querySelectorAll("form[data-upload]")) {
  const drop = form.querySelector("[data-drop]");
  const inputs = [...form.querySelectorAll("input[type='file']")];
  const problem = form.querySelector("[data-upload-problem]");
  const progress = form.querySelector("[data-upload-progress]");
  const told = form.querySelector("[data-upload-told]");
  const largest = Number(form.dataset.largestMib) * MIB;

  const tell = (text) => {
    problem.textContent = text;
    problem.hidden = text === "";
  };

  const judge = () => {
    const files = inputs.flatMap((input) => [...input.files]);
    const size = files.reduce((sum, file) => sum + file.size, 0);
    const isTooLarge = size > largest;
    tell(isTooLarge ? `This is ${(size / MIB).toFixed(0)} MiB; at most ${form.dataset.largestMib} MiB are taken.` : "");
    return !isTooLarge;
  };

  for (const input of inputs) {
    input.addEventListener("change", () => {
      inputs.filter((other) => other !== input).forEach((other) => (other.value = ""));
      judge();
    });
  }
  for (const kind of ["dragenter", "dragover"]) {
    drop.addEventListener(kind, (event) => {
      event.preventDefault();
      drop.classList.add("drop-over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    drop.addEventListener(kind, () => drop.classList.remove("drop-over"));
  }
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    inputs[0].files = event.dataTransfer.files;
    inputs[0].dispatchEvent(new Event("change"));
  });

  form.addEventListener("htmx:beforeRequest", (event) => {
    if (!judge()) {
      event.preventDefault();
    }
  });
  form.addEventListener("htmx:xhr:progress", (event) => {
    progress.hidden = false;
    if (event.detail.lengthComputable && event.detail.total > 0) {
      progress.value = event.detail.loaded / event.detail.total;
      told.textContent = progress.value < 1 ? "" : "Received. It is being read; spectra are fitted, which may take some seconds.";
    }
  });
  form.addEventListener("htmx:afterRequest", () => {
    progress.hidden = true;
    told.textContent = "";
    progress.value = 0;
  });
}
