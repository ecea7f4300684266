// The life of the page's stream: one EventSource, closed while the tab is hidden or frozen, made anew when it is lost.
// htmx's extension opens it and swap.js puts in what it brings; when to open, close and try again is decided here.
(() => {
  "use strict";
  const SILENT = 40_000; // the server says something every 15 s, so after this the connection is dead
  const HIDDEN = 3_000; // a glance at another tab shall not cost a reconnect
  const LONG = 10_000; // after a gap of this length the whole block is fetched, for what is not in the stream
  const SLOWEST = 3_000;
  const POLL = 10_000;
  // Over HTTP/1.1 a browser has six connections to a server, for all its tabs: two stay free for pages.
  const SEATS = 4;
  const limited = navigator.locks && performance.getEntriesByType("navigation")[0]?.nextHopProtocol.startsWith("http/1");

  let source = null;
  let heardAt = Date.now(); // when the stream last said anything
  let rightAt = Date.now(); // until when the numbers were surely right
  let state = "connecting";
  let frozen = null; // the time of day at which the person froze the numbers
  let asleep = document.hidden;
  let seat = null; // gives the seat back
  let choosing = false;
  let eager = true; // whoever has just come to this tab takes a seat from another one
  let failures = 0;
  let retry = 0;
  let sleep = 0;

  const live = () => document.getElementById("live");
  const streaming = () => live()?.hasAttribute("sse-connect");
  const resting = () => frozen || asleep;
  const inert = () => Object.assign(new EventTarget(), { close() {} });

  // Called by the extension, to open a stream.
  htmx.createEventSource = (url) => {
    source?.close();
    if (resting() || (limited && !seat)) {
      show(frozen ? "frozen" : state);
      if (!resting()) sit(eager);
      return source = inert();
    }
    const opened = source = new EventSource(url);
    // The extension's own retries slow down to a minute and outlive their element: it must not hear of errors.
    Object.defineProperty(opened, "onerror", { set() {} });
    show(state === "live" ? "live" : "connecting");
    heardAt = Date.now();
    const on = (name, act) => opened.addEventListener(name, (event) => {
      if (opened !== source) return;
      heardAt = Date.now();
      act(event);
      if (state === "live") rightAt = heardAt;
    });
    on("open", connected);
    on("beat", () => {});
    on("quotes", () => {});
    on("status", (event) => show(event.data === "Live" ? "live" : "reconnecting"));
    on("signed-out", () => { opened.close(); location.assign("/login"); });
    opened.addEventListener("error", () => { if (opened === source) lost(); });
    return opened;
  };

  // Seats: locks that all tabs of this browser share.
  async function sit(push) {
    eager = false;
    if (choosing) return;
    choosing = true;
    for (let number = 0; number < SEATS && !seat; number++) await claim(number, { ifAvailable: true });
    if (!seat && push) await claim(Math.floor(Math.random() * SEATS), { steal: true });
    choosing = false;
    if (resting()) stand();
    else if (seat) reopen();
    else show("waiting");
  }

  function claim(number, options) {
    return new Promise((settled) => {
      const sitting = (lock) => lock && new Promise((leave) => { seat = leave; settled(); });
      navigator.locks.request(`stagewatch-stream-${number}`, options, sitting).then(settled, () => {
        // Another tab took it.
        settled();
        seat = null;
        source?.close();
        if (!resting()) show("waiting");
      });
    });
  }

  function stand() {
    source?.close();
    clearTimeout(retry);
    seat?.();
    seat = null;
  }

  function connected() {
    failures = 0;
    show("live");
    if (Date.now() - rightAt > LONG) refetch();
  }

  function lost() {
    show("reconnecting");
    // While it is CONNECTING the browser tries again by itself.
    if (source.readyState === EventSource.CLOSED) retryLater();
  }

  function retryLater() {
    clearTimeout(retry);
    const pause = Math.min(SLOWEST, 500 * 2 ** failures++);
    retry = setTimeout(reopen, pause * (0.5 + Math.random()));
  }

  function reopen() {
    if (resting() || !streaming()) return;
    if (Date.now() - rightAt > LONG) { refetch(); return; }
    // What the extension listens to when htmx has drawn an element: it opens the stream and binds the sinks.
    const sinks = live().querySelectorAll("[sse-swap], [hx-trigger^='sse:']");
    for (const element of [live(), ...sinks]) htmx.trigger(element, "htmx:afterProcessNode");
  }

  // Fetch the block from the page itself; the new block brings a new stream.
  async function refetch() {
    const before = live();
    if (!before) return;
    clearTimeout(retry);
    heardAt = Date.now();
    const address = location.pathname + location.search;
    try {
      await htmx.ajax("GET", address, { target: "#live", select: "#live", swap: "outerHTML", source: "#live" });
    } catch { /* the network is away: the block is still the old one */ }
    if (live() !== before) rightAt = Date.now();
    else if (!resting()) { source?.close(); show("reconnecting"); retryLater(); }
  }

  function show(now) {
    state = now;
    const status = document.getElementById("stream-status");
    if (!status) return;
    const words = {
      live: "Live", connecting: "Connecting…", reconnecting: "Reconnecting…", frozen: `Frozen at ${frozen}`,
      waiting: "Updated every 10 s",
    };
    if (status.textContent !== words[now]) status.textContent = words[now];
    status.dataset.is = now;
    document.querySelector("[data-action=freeze]")?.setAttribute("aria-pressed", String(now === "frozen"));
    showAge();
  }

  function showAge() {
    const age = document.getElementById("stream-age");
    if (!age) return;
    const seconds = Math.round((Date.now() - rightAt) / 1000);
    const old = seconds < 120 ? `${seconds} s` : seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
    const text = state === "reconnecting" ? `prices are ${old} old` : "";
    if (age.textContent !== text) age.textContent = text;
  }

  document.addEventListener("stagewatch:freeze", () => {
    if (!streaming()) return;
    if (frozen) {
      frozen = null;
      eager = true;
      show("connecting");
      refetch();
    } else {
      frozen = new Date().toLocaleTimeString("en-GB");
      stand();
      show("frozen");
    }
  });
  document.addEventListener("stagewatch:refresh", () => { if (!resting()) refetch(); });

  function hide() {
    asleep = true;
    stand();
  }

  function wake() {
    clearTimeout(sleep);
    if (!asleep) return;
    asleep = false;
    eager = true;
    if (!frozen) refetch();
  }

  document.addEventListener("visibilitychange", () => {
    clearTimeout(sleep);
    if (document.hidden) sleep = setTimeout(hide, HIDDEN);
    else wake();
  });
  // A page taken from the browser's memory has lost its stream.
  addEventListener("pagehide", hide);
  addEventListener("pageshow", (event) => { if (event.persisted && !document.hidden) wake(); });
  addEventListener("online", () => { if (state === "reconnecting") reopen(); });
  addEventListener("focus", () => { if (state === "waiting") sit(true); });

  // Also the first thing to run after a machine slept.
  setInterval(() => {
    showAge();
    if (resting() || !streaming() || Date.now() - heardAt < (state === "waiting" ? POLL : SILENT)) return;
    if (state !== "waiting") show("reconnecting");
    refetch();
  }, 1_000);
})();
