// Buttons that copy what stands in a field; they say so beside them.
(() => {
  "use strict";

  // Only pages that came by HTTPS, or from this very machine, may use the clipboard's own interface.
  async function copy(field) {
    if (navigator.clipboard) return navigator.clipboard.writeText(field.value);
    field.select();
    if (!document.execCommand("copy")) throw new Error("refused");
  }

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.copy);
    const status = button.parentElement.querySelector("[role=status]");
    try {
      await copy(field);
      status.textContent = "Copied.";
    } catch {
      field.focus();
      field.select();
      status.textContent = "Not copied. It is selected now: copy it yourself.";
    }
  });
})();
