// Buttons that copy what stands in another element, and say that they did.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) {
    return;
  }
  const source = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = "Copied";
  } catch {
    // Without https a browser keeps its clipboard to itself: then the text is at least chosen.
    window.getSelection().selectAllChildren(source);
    button.textContent = "Chosen: press Ctrl+C";
  }
});
