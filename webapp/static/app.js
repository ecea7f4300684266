// Keys, the search box, rows that open on a phone, and the help.
(() => {
  "use strict";
  const opened = new Set(); // rows that stay open when the block is fetched again
  const help = document.getElementById("help");
  const search = document.getElementById("search");
  const results = document.getElementById("search-results");
  const rows = () => [...document.querySelectorAll(".quotes tbody tr")];
  const linkOf = (row) => row?.querySelector("th a");
  let lastRow = "";

  // Rows. The row that has the focus is the chosen one, so Enter opens it without our doing.
  const chosen = () => document.activeElement.closest(".quotes tbody tr") ?? document.getElementById(lastRow);

  function move(step) {
    const all = rows();
    const place = all.indexOf(chosen());
    const next = all[place < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(place + step, 0), all.length - 1)];
    linkOf(next)?.focus();
    next?.scrollIntoView({ block: "nearest" });
  }

  const note = () => chosen()?.querySelector("[data-key=n]")?.click();
  const freeze = () => document.dispatchEvent(new Event("stagewatch:freeze"));

  function open(row, yes) {
    row.classList.toggle("open", yes);
    row.querySelector(".more").setAttribute("aria-expanded", String(yes));
    if (yes) opened.add(row.id); else opened.delete(row.id);
  }

  document.addEventListener("focusin", ({ target }) => {
    const row = target.closest(".quotes tbody tr");
    if (row) lastRow = row.id;
  });

  // A tip that Esc has closed stays so until the pointer or the keyboard comes to another row.
  for (const name of ["focusin", "pointerover"]) document.addEventListener(name, ({ target }) => {
    const row = target.closest(".quotes tbody tr");
    if (row && !row.matches(".tipless")) rows().forEach((each) => each.classList.remove("tipless"));
  });

  htmx.onLoad((element) => {
    if (element.id === "live") opened.forEach((id) => { const row = document.getElementById(id); if (row) open(row, true); });
  });

  const keys = {
    "/": () => search.focus(),
    j: () => move(1),
    k: () => move(-1),
    n: note,
    f: freeze,
    "?": () => help.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typing = event.target.closest("input, textarea, select, [contenteditable], dialog[open]");
    if (event.key === "Escape") {
      closeMenus();
      rows().forEach((row) => row.classList.toggle("tipless", row.matches(":hover, :focus-within")));
      // Out of a text first, so that one key never throws away what was typed.
      if (typing?.matches("textarea")) typing.blur();
      else if (!typing) document.querySelector("main [data-key=Escape]")?.click();
      return;
    }
    if (typing || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });

  // Buttons that only scripts can serve
  const actions = { help: () => help.showModal(), freeze };
  document.addEventListener("click", ({ target }) => {
    const more = target.closest(".more");
    if (more) open(more.closest("tr"), more.getAttribute("aria-expanded") !== "true");
    actions[target.closest("[data-action]")?.dataset.action]?.();
    if (!target.closest(".menu")) closeMenus();
    if (!target.closest(".search")) listbox(false);
  });

  function closeMenus() {
    document.querySelectorAll(".menu[open]").forEach((menu) => {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      menu.open = false;
    });
  }

  // The search box: a combobox whose list the server draws
  const options = () => [...results.querySelectorAll("[role=option]")];
  const active = () => results.querySelector("[aria-selected=true]");

  function listbox(shown) {
    results.hidden = !shown;
    search.setAttribute("aria-expanded", String(shown));
    if (!shown) choose(null);
  }

  function choose(option) {
    active()?.setAttribute("aria-selected", "false");
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) search.setAttribute("aria-activedescendant", option.id);
    else search.removeAttribute("aria-activedescendant");
  }

  const go = (option) => location.assign(option.dataset.href ?? option.querySelector("a").href);

  results.addEventListener("htmx:afterSwap", () => {
    options().forEach((option, place) => { option.id = `option-${place}`; });
    choose(null);
    listbox(search.value.trim() !== "" && results.childElementCount > 0);
  });
  results.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option && !event.target.closest("a")) go(option);
  });
  search.addEventListener("input", () => { if (!search.value.trim()) listbox(false); });
  search.addEventListener("keydown", (event) => {
    const all = options();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") {
      if (results.hidden) search.blur();
      listbox(false);
    } else if (step && all.length) {
      event.preventDefault();
      listbox(true);
      const place = all.indexOf(active()) + step;
      choose(all[(place + all.length) % all.length]);
    } else if (event.key === "Enter" && active()) {
      event.preventDefault();
      go(active());
    }
  });

  // The picker: arrows walk from its search box down the boxes to tick and back, Enter on one of them adds all that are
  document.addEventListener("keydown", (event) => {
    const stops = [...document.querySelectorAll("#q, #results [type=checkbox]")];
    const place = stops.indexOf(event.target);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (place < 0) return;
    if (step) {
      event.preventDefault();
      stops[place + step]?.focus();
    } else if (event.key === "Enter" && place > 0) {
      event.preventDefault();
      event.target.form.requestSubmit(event.target.form.querySelector("[value=add]"));
    }
  });
})();
