// Says, before a correction is sent, what of it is other than what is kept: each field knows that as data-was.
function shown(field, value) {
  const option = [...(field.options ?? [])].find((each) => each.value === value);
  return option?.textContent || value.replace("T", " ") || "nothing";
}

for (const form of document.querySelectorAll("form[data-tells-changes]")) {
  const told = form.querySelector("[data-changes]");
  const fields = [...form.querySelectorAll("[data-was]")];

  const tell = () => {
    const changed = fields.filter((field) => field.value !== field.dataset.was);
    told.replaceChildren(
      ...changed.map((field) => {
        const line = document.createElement("li");
        const name = field.closest("label").querySelector("span").firstChild.textContent.trim();
        line.textContent = `${name}: ${shown(field, field.dataset.was)} → ${shown(field, field.value)}`;
        return line;
      }),
    );
    told.closest("[data-changes-box]").hidden = changed.length === 0;
  };

  form.addEventListener("input", tell);
  tell();
}
