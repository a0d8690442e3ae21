// Times that people type are in their own zone: the form sends along how far that is from UTC at the time they typed.
const twoDigits = (number) => String(Math.floor(number)).padStart(2, "0");

function zoneAt(instant) {
  const minutes = -instant.getTimezoneOffset();
  const sign = minutes < 0 ? "-" : "+";
  return `${sign}${twoDigits(Math.abs(minutes) / 60)}:${twoDigits(Math.abs(minutes) % 60)}`;
}

// A time of UTC as a field for local times takes it.
function inOwnZone(utc) {
  const instant = new Date(`${utc}Z`);
  return new Date(instant.getTime() - instant.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

for (const form of document.querySelectorAll("form[data-zone]")) {
  const typed = form.querySelector("input[type='datetime-local']");
  if (typed.value && typed.dataset.inUtc !== undefined) {
    typed.value = inOwnZone(typed.value);
  }
  if (typed.dataset.was) {
    typed.dataset.was = inOwnZone(typed.dataset.was);
  }
  const told = form.querySelector("[data-zone-name]");
  told.textContent = told.dataset.zoneName || "In your own time; now where left empty.";
  form.addEventListener("submit", () => {
    form.elements.zone.value = zoneAt(typed.value ? new Date(typed.value) : new Date());
  });
}
