"use strict";

// What stands behind the # never leaves the browser by itself; it is sent once, in the body.
const form = document.getElementById("join");
const outcome = document.getElementById("outcome");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const given = new FormData(form);
  const answer = await fetch("/api/v1/invitations/accept", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      invitation: window.location.hash.slice(1),
      name: given.get("name"),
      password: given.get("password"),
    }),
  });
  const told = await answer.json();
  if (!answer.ok) {
    outcome.textContent = `${told.detail} ${told.remedy ?? ""}`;
    return;
  }
  form.hidden = true;
  history.replaceState(null, "", window.location.pathname);
  outcome.textContent = `Welcome, ${told.name}. You are signed in as ${told.role}.`;
});
