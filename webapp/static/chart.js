// The chart of a stock's page: choices change it in place, it replaces the server's picture, and it moves with the price.
(() => {
  "use strict";
  const { decode, Plot } = globalThis.stagewatchChart;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
  let plot = null;
  let figures = ""; // the server's columns, as they came
  let seen = null; // the price's element that was read last
  const opened = new Set(); // what the person unfolded stays so

  const card = () => document.getElementById("chart");
  const area = () => document.getElementById("chart-plot");
  const readout = () => document.getElementById("chart-readout");
  const tell = (text) => { if (readout() && readout().textContent !== text) readout().textContent = text; };

  // From the server's columns to a drawing
  async function mount() {
    plot?.remove();
    plot = null;
    const place = area();
    if (!place) return;
    try {
      const answer = await fetch(place.dataset.json, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      const data = decode(JSON.parse(text));
      if (place === area()) figures = text;
      if (data && place === area()) draw(place, data);
    } catch (error) {
      if (place === area()) tell("The figures could not be loaded; the picture is as of when the page was.");
      if (!(error instanceof TypeError) && !/^\d+$/.test(error.message)) throw error;
    }
  }

  function draw(place, data) {
    place.classList.add("drawn");
    const canvas = place.querySelector(".canvas") ?? place.appendChild(frame(place));
    plot = new Plot(canvas, data, { scale: place.dataset.scale, still: still.matches, tell });
    seen = null;
    follow();
    card().dataset.ready = "true";
  }

  function frame(place) {
    const canvas = document.createElement("div");
    canvas.className = "canvas";
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "application");
    canvas.setAttribute("aria-roledescription", "chart");
    canvas.setAttribute("aria-label", place.dataset.name);
    canvas.setAttribute("aria-describedby", "chart-readout");
    canvas.addEventListener("keydown", (event) => {
      const step = STEPS[event.key];
      if (!step || event.ctrlKey || event.metaKey || event.altKey || !plot) return;
      event.preventDefault();
      readout().setAttribute("aria-live", "polite"); // only what the keys ask for is read out
      plot.move(step);
    });
    canvas.addEventListener("blur", () => { readout()?.removeAttribute("aria-live"); plot?.leave(); });
    return canvas;
  }

  // Colours may change at any time: the drawing is made anew, at the same place in time.
  function redraw() {
    if (!plot) return;
    const { data, place } = plot;
    const range = plot.range();
    plot.remove();
    plot = new Plot(place, data, { scale: area().dataset.scale, still: still.matches, tell });
    if (range) plot.chart.timeScale().setVisibleLogicalRange(range);
  }
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme", "data-palette"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  // The price of now, as the page's own stream brings it
  function follow() {
    const element = document.getElementById(`s${card()?.dataset.stock}`);
    if (!plot || !element || element === seen) return;
    seen = element;
    const bar = plot.data.minutes ? minuteOf(element.dataset) : dayOf(element.dataset);
    const made = (element.dataset.source === "simulator") === plot.data.simulated;
    if (bar && made) plot.update(bar);
  }

  const number = (text) => text ? Number(text) : null;
  const whole = (text) => text ? Math.round(Number(text) * plot.unit) : null;

  function dayOf({ day, price, open, high, low, volume }) {
    if (!price) return null;
    const [now, first] = [whole(price), whole(open) ?? whole(price)];
    return { at: Date.parse(day) / 86_400_000, open: first, high: Math.max(now, first, whole(high) ?? now), low: Math.min(now, first, whole(low) ?? now), close: now, volume: number(volume), live: true };
  }

  function minuteOf({ price, at, extended, extendedAt }) {
    const [made, text] = extendedAt ? [extendedAt, extended] : [at, price];
    if (!made) return null;
    const now = whole(text);
    const minute = Math.floor(Number(made) / 60) + plot.data.shift;
    return { at: minute, open: now, high: now, low: now, close: now, volume: null, live: true };
  }

  new MutationObserver(follow).observe(document.getElementById("main"), { childList: true, subtree: true });

  // Choices: the address says them, the server draws the card anew
  async function go(query, push) {
    const page = card().dataset.page;
    for (const each of card().querySelectorAll("details")) each.open ? opened.add(each.id) : opened.delete(each.id);
    const focused = document.activeElement.id;
    await htmx.ajax("GET", `${page}/chart${query}`, { target: "#chart", swap: "outerHTML" });
    if (push) history.pushState({ chart: true }, "", page + card().dataset.query); // without what is usual
    // What is folded when it comes cannot take the focus back by itself.
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("#chart a[href*='#chart']");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(new URL(link.href).search, true);
  });

  function query(form) {
    const given = new FormData(form);
    const chosen = new URLSearchParams({ range: given.get("range"), scale: given.get("scale"), adjusted: given.get("adjusted"), with: given.getAll("with").filter(Boolean).join(",") });
    if (given.get("compare").trim()) chosen.set("compare", given.get("compare"));
    return `?${decodeURIComponent(chosen)}`.replaceAll(" ", "+");
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-chart-form]")) return;
    event.preventDefault();
    go(query(event.target), true);
  });
  document.addEventListener("change", ({ target }) => {
    if (target.form?.matches("[data-chart-form]")) go(query(target.form), true);
  });
  addEventListener("popstate", () => {
    if (card()?.dataset.page === location.pathname) go(location.search, false);
  });

  document.addEventListener("click", ({ target }) => {
    if (!target.closest("[data-action=chart-png]") || !plot) return;
    plot.picture(document.getElementById("chart-summary").textContent).toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${document.querySelector("#chart a[href*='chart.csv']").pathname.split("/")[3]}.png`;
      link.click();
      URL.revokeObjectURL(link.href);
    });
  });

  // Minutes that the server has asked for come some seconds after the page: they are looked for twice, at most.
  const WAITS = [2500, 8000];
  let awaited = { address: "", tries: 0, timer: 0 };

  function expect(shown) {
    clearTimeout(awaited.timer);
    if (!("pending" in shown.dataset)) return;
    const address = shown.dataset.page + shown.querySelector("[aria-current]")?.id;
    if (awaited.address !== address) awaited = { address, tries: 0 };
    if (awaited.tries < WAITS.length) awaited.timer = setTimeout(look, WAITS[awaited.tries++]);
  }

  async function look() {
    const place = area();
    if (!place) return go(location.search, false);
    const answer = await fetch(place.dataset.json, { headers: { Accept: "application/json" } }).catch(() => null);
    const text = answer?.ok ? await answer.text() : figures;
    if (place !== area()) return;
    if (text === figures) expect(card());
    else go(location.search, false);
  }

  htmx.onLoad((element) => {
    const found = element.id === "chart" ? element : element.querySelector?.("#chart");
    if (!found) return;
    for (const id of opened) document.getElementById(id)?.setAttribute("open", "");
    mount();
    expect(found);
  });
})();
