// What stands behind the # never leaves the browser by itself; it is sent once, in the body.
const form = document.querySelector("form[data-to]");
const outcome = document.getElementById("outcome");

function tell(text) {
  outcome.textContent = text;
  outcome.hidden = false;
}

async function take() {
  const given = Object.fromEntries(new FormData(form));
  const answer = await fetch(form.dataset.to, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...given, [form.dataset.secret]: window.location.hash.slice(1) }),
  });
  if (answer.ok) {
    window.location.replace(form.dataset.next);
    return;
  }
  const told = await answer.json();
  tell(`${told.detail} ${told.remedy ?? ""}`);
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await take();
  } catch {
    tell("The service does not answer. Nothing was changed; try again in a moment.");
  }
});
