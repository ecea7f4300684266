// The chart of a stock's page: choices change it in place, it replaces the server's picture, and it moves with the price.
(() => {
  "use strict";
  const { decode, Plot } = globalThis.stagewatchChart;
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const STEPS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
  let plot = null;
  let figures = ""; // the server's columns, as they came
  let busy = null; // the choice whose card is on its way
  let seen = null; // the price's element that was read last
  let wanted = false; // the keyboard was in the drawing when the card was drawn anew
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
      const text = await read(place.dataset.json);
      const data = decode(JSON.parse(text));
      if (place === area()) figures = text;
      if (data && place === area()) draw(place, data);
    } catch (error) {
      if (place === area()) tell("The figures could not be loaded; the picture is as of when the page was.");
      if (!(error instanceof TypeError) && !/^\d+$/.test(error.message)) throw error;
    }
  }

  async function read(address, more = {}) {
    const answer = await fetch(address, more);
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  }

  function draw(place, data) {
    place.classList.add("drawn");
    const canvas = place.querySelector(".canvas") ?? place.appendChild(frame(place));
    plot = new Plot(canvas, data, { scale: place.dataset.scale, still: still.matches, tell });
    if (wanted && document.activeElement === document.body) canvas.focus();
    wanted = false;
    due = Date.now() + EVERY;
    seen = null;
    follow();
    card().dataset.ready = "true";
  }

  function frame(place) {
    const canvas = document.createElement("div");
    canvas.className = "canvas";
    canvas.id = "chart-canvas";
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
  function redraw(data = plot?.data) {
    if (!plot) return;
    const { place, data: { bars } } = plot;
    const range = plot.range();
    plot.remove();
    plot = new Plot(place, data, { scale: area().dataset.scale, still: still.matches, tell });
    // Who looks at all of it goes on to do so.
    if (range && (range.from > 0 || range.to < bars.length - 1)) plot.chart.timeScale().setVisibleLogicalRange(range);
  }
  new MutationObserver(() => redraw()).observe(document.documentElement, { attributeFilter: ["data-theme", "data-palette"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());

  // The price of now, as the page's own stream brings it
  function follow() {
    const element = document.getElementById(`s${card()?.dataset.stock}`);
    if (!plot || !element || element === seen) return;
    seen = element;
    const { minutes, simulated, today } = plot.data;
    const bar = minutes ? minuteOf(element.dataset) : dayOf(element.dataset);
    if (!bar || (element.dataset.source === "simulator") !== simulated) return;
    const dayOfBar = (at) => minutes ? Math.floor(at / 1440) : at;
    const day = dayOfBar(bar.at);
    if (day > today && day !== renewed) renew(day);
    else if (minutes && day > dayOfBar(plot.last.at)) freshen(); // of a day that is not in the chart yet
    else if (plot.update(bar)) freshen();
  }

  // Another day has begun at the exchange: what is drawn may be in the shares of yesterday, and of another range.
  const EVERY = 60_000;
  let due = 0; // when the figures may be asked for again
  let renewed = 0; // the day for which the card was drawn anew

  async function renew(day) {
    if (Date.now() < due || busy || writing()) return;
    due = Date.now() + EVERY;
    if (await go(location.search, false)) renewed = day;
  }

  // A bar is over: the server may know it better than the prices that came by, and what was missed meanwhile.
  async function freshen() {
    const place = area();
    if (Date.now() < due || plot.index !== null || busy || writing()) return;
    due = Date.now() + EVERY;
    const text = await read(place.dataset.json).catch(() => figures);
    if (text === figures || place !== area() || busy || !plot) return;
    const data = plot.data.minutes ? decode(JSON.parse(text)) : null;
    if (!data) return go(location.search, false);
    figures = text;
    redraw(data);
    seen = null;
    follow();
  }

  // What somebody is writing is not taken away.
  const writing = () => document.activeElement?.id === "chart-compare";

  const number = (text) => text ? Number(text) : null;
  const whole = (text) => text ? Math.round(Number(text) * plot.unit) : null;

  function dayOf({ day, price, open, high, low, volume }) {
    if (!price) return null;
    const [now, first] = [whole(price), whole(open) ?? whole(price)];
    return { at: Date.parse(day) / 86_400_000, open: first, high: Math.max(now, first, whole(high) ?? now), low: Math.min(now, first, whole(low) ?? now), close: now, volume: number(volume), live: true };
  }

  function minuteOf({ price, at, extended, extendedAt }) {
    const [made, text] = Number(extendedAt) > Number(at) ? [extendedAt, extended] : [at, price];
    if (!made) return null;
    const now = whole(text);
    const minute = Math.floor(Number(made) / 60) + plot.data.shift;
    return { at: minute, open: now, high: now, low: now, close: now, volume: null, live: true };
  }

  new MutationObserver(follow).observe(document.getElementById("main"), { childList: true, subtree: true });

  // Choices: the address says them, the server draws the card anew
  // Whoever chooses again before the answer has come gets the last choice, and only that stands in the address.
  async function go(query, push) {
    const before = card();
    const { page } = before.dataset;
    for (const each of before.querySelectorAll("details")) each.open ? opened.add(each.id) : opened.delete(each.id);
    const focused = document.activeElement.id;
    busy?.abort();
    const mine = busy = new AbortController();
    const text = await read(`${page}/chart${query}`, { headers: { "HX-Request": "true" }, signal: mine.signal }).catch(() => null);
    if (mine !== busy) return false;
    busy = null;
    if (text === null) tell("The chart could not be loaded: choose again.");
    if (text === null || card() !== before) return false;
    htmx.swap(before, text, { swapStyle: "outerHTML", swapDelay: 0, settleDelay: 0 });
    if (push) history.pushState({ chart: true }, "", page + card().dataset.query); // without what is usual
    // What is folded when it comes cannot take the focus back by itself; the drawing is yet to come.
    wanted = focused === "chart-canvas";
    if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
    return true;
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
    else if (waiting()) waiting().textContent = "Prices by the minute were asked for, but have not come yet. Load the page again to look once more.";
  }
  const waiting = () => document.getElementById("chart-waiting");

  async function look() {
    const place = area();
    if (!place) return go(location.search, false);
    const text = await read(place.dataset.json).catch(() => figures);
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
