// What the stream brings is put into the page here, and what htmx fetched is looked at before it goes in.
(() => {
  "use strict";
  let missed = false;
  const live = () => document.getElementById("live");

  // Each element of a frame takes the place of the one with its id. htmx's own out-of-band swap does that too, but
  // tells every element of every other: it needs seconds for a thousand cells, this needs milliseconds.
  htmx.defineExtension("parts", {
    handleSwap(style, _target, fragment) {
      if (style !== "parts") return false;
      for (const part of [...fragment.children]) document.getElementById(part.id)?.replaceWith(part);
      return [];
    },
  });

  // Text that somebody is selecting to copy stays under the pointer.
  const selecting = () => {
    const selection = getSelection();
    return !selection.isCollapsed && live()?.contains(selection.anchorNode);
  };
  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    if (!event.target.matches("[sse-swap=quotes]") || !selecting()) return;
    missed = true;
    event.preventDefault();
  });
  document.addEventListener("selectionchange", () => {
    if (!missed || selecting()) return;
    missed = false;
    document.dispatchEvent(new Event("stagewatch:refresh"));
  });

  document.addEventListener("htmx:beforeSwap", ({ detail }) => {
    if (detail.requestConfig?.elt.id === "live" && detail.xhr.status >= 400) {
      detail.shouldSwap = false; // nobody asked for it: stream.js tries again and says so
    } else if (detail.shouldSwap && detail.target.id === "live" && !/id="?live"?[\s>]/.test(detail.serverResponse)) {
      // Another page has come, as to somebody who is no longer logged in: let the browser go there.
      detail.shouldSwap = false;
      location.reload();
    }
  });
})();
