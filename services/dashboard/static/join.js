"use strict";

// What stands behind the # never leaves the browser by itself; it is sent once, in the body.
const form = document.getElementById("join");
const outcome = document.getElementById("outcome");

async function accept() {
  const given = new FormData(form);
  const invitation = window.location.hash.slice(1);
  const answer = await fetch("/api/v1/invitations/accept", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ invitation, name: given.get("name"), password: given.get("password") }),
  });
  if (answer.ok) {
    window.location.replace("/");
    return;
  }
  const told = await answer.json();
  outcome.textContent = `${told.detail} ${told.remedy ?? ""}`;
  outcome.hidden = false;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  try {
    await accept();
  } catch {
    outcome.textContent = "The service does not answer. Nothing was changed; try again in a moment.";
    outcome.hidden = false;
  }
});
