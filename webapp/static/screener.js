// The filters stay open or shut as the person left them when a part of the page is fetched again.
(() => {
  "use strict";
  let open = null;
  const box = () => document.getElementById("filters-box");

  document.addEventListener("toggle", (event) => {
    if (event.target.id === "filters-box") open = event.target.open;
  }, true);

  htmx.onLoad((element) => {
    const filters = element.id === "screen" ? box() : null;
    // What is wrong must be seen.
    if (filters && open !== null && !filters.querySelector(".error")) filters.open = open;
  });

  // A box that is ticked and a word that is chosen take effect at once; what is typed does with Enter.
  document.addEventListener("change", ({ target }) => {
    if (target.closest("#filters") && target.matches("select, [type=checkbox]")) target.form.requestSubmit();
  });
})();
