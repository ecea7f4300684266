// The life of the page's stream: one EventSource, closed while the tab is hidden or frozen, made anew when it is lost.
// htmx's extension opens it and swaps what it brings; when to open, close and try again is decided here.
(() => {
  "use strict";
  const SILENT = 40_000; // the server says something every 15 s, so after this the connection is dead
  const HIDDEN = 3_000; // a glance at another tab shall not cost a reconnect
  const LONG = 10_000; // after a gap of this length the whole block is fetched, for what is not in the stream
  const SLOWEST = 3_000;

  let source = null;
  let heardAt = Date.now(); // when the stream last said anything
  let rightAt = Date.now(); // until when the numbers were surely right
  let state = "connecting";
  let frozen = null; // the time of day at which the person froze the numbers
  let asleep = document.hidden;
  let missed = false;
  let failures = 0;
  let retry = 0;
  let sleep = 0;

  // Each element of a frame takes the place of the one with its id. htmx's own out-of-band swap does that too, but
  // tells every element of every other: it needs seconds for a thousand cells, this needs milliseconds.
  htmx.defineExtension("parts", {
    handleSwap(style, _target, fragment) {
      if (style !== "parts") return false;
      for (const part of [...fragment.children]) document.getElementById(part.id)?.replaceWith(part);
      return [];
    },
  });

  const live = () => document.getElementById("live");
  const streaming = () => live()?.hasAttribute("sse-connect");

  // Called by the extension. Its own retries slow down to a minute and outlive their element: it must not hear of errors.
  htmx.createEventSource = (url) => {
    source?.close();
    const opened = source = new EventSource(url);
    Object.defineProperty(opened, "onerror", { set() {} });
    if (frozen || asleep) {
      opened.close();
      show(frozen ? "frozen" : "connecting");
      return opened;
    }
    show(state === "live" ? "live" : "connecting");
    heardAt = Date.now();
    const on = (name, act) => opened.addEventListener(name, (event) => {
      if (opened !== source) return opened.close();
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

  function connected() {
    const gap = Date.now() - rightAt;
    failures = 0;
    show("live");
    if (gap > LONG) refetch();
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
    if (frozen || asleep || !streaming()) return;
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
    else if (!frozen && !asleep) { source?.close(); show("reconnecting"); retryLater(); }
  }

  function show(now) {
    state = now;
    const status = document.getElementById("stream-status");
    if (!status || !streaming()) return;
    const words = { live: "Live", connecting: "Connecting…", reconnecting: "Reconnecting…", frozen: `Frozen at ${frozen}` };
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
      show("connecting");
      refetch();
    } else {
      frozen = new Date().toLocaleTimeString("en-GB");
      clearTimeout(retry);
      source?.close();
      show("frozen");
    }
  });

  function hide() {
    asleep = true;
    clearTimeout(retry);
    source?.close();
  }

  function wake() {
    clearTimeout(sleep);
    if (!asleep) return;
    asleep = false;
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

  // Also the first thing to run after a machine slept.
  setInterval(() => {
    showAge();
    if (frozen || asleep || !streaming() || Date.now() - heardAt < SILENT) return;
    show("reconnecting");
    refetch();
  }, 1_000);

  // Text that somebody is selecting to copy stays under the pointer.
  const selecting = () => {
    const selection = getSelection();
    return !selection.isCollapsed && live()?.contains(selection.anchorNode);
  };
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    if (event.target.matches("[sse-swap=quotes]") && selecting()) {
      missed = true;
      event.preventDefault();
    }
  });
  document.addEventListener("selectionchange", () => {
    if (!missed || selecting()) return;
    missed = false;
    if (!frozen && !asleep) refetch();
  });

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.requestConfig?.elt.id === "live" && detail.xhr.status >= 400) {
      detail.shouldSwap = false;
    } else if (detail.shouldSwap && detail.target.id === "live" && !/id="?live"?[\s>]/.test(detail.serverResponse)) {
      // Another page has come, of somebody who is no longer logged in: let the browser go there.
      detail.shouldSwap = false;
      location.reload();
    }
  });
})();
