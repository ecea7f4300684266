// The tape: one copy of the list moves left; an item that has left goes to the end.
(() => {
  "use strict";
  const SPEED = 45; // pixels a second
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let paused = false;
  let shift = 0;
  let before = 0;

  // A list that fits has nowhere to go.
  const fits = (list, frame) => list.scrollWidth <= frame.clientWidth + list.firstElementChild.offsetWidth;

  function move(list, frame, passed) {
    // Whoever scrolled it while it stood goes on from there.
    shift += frame.scrollLeft + passed * SPEED / 1000;
    frame.scrollLeft = 0;
    for (let first = list.firstElementChild; shift >= first.offsetWidth; first = list.firstElementChild) {
      shift -= first.offsetWidth;
      list.append(first);
    }
    list.style.transform = `translateX(${-shift.toFixed(2)}px)`;
  }

  function stop(list, frame) {
    list.style.transform = "";
    frame.scrollLeft = shift;
    shift = 0;
  }

  function step(time) {
    const passed = Math.min(time - before, 100); // after a hidden tab it does not leap
    before = time;
    const list = document.getElementById("tape");
    if (list) {
      const frame = list.parentElement;
      const moves = !paused && !still.matches && !fits(list, frame);
      frame.parentElement.classList.toggle("moving", moves);
      if (moves && !frame.matches(":hover, :focus-within")) move(list, frame, passed);
      else if (!moves && shift) stop(list, frame);
    }
    requestAnimationFrame(step); // the browser runs none in a hidden tab
  }
  requestAnimationFrame(step);

  const button = () => document.querySelector("[data-action=tape]");
  const press = () => button()?.setAttribute("aria-pressed", String(paused));
  document.addEventListener("click", ({ target }) => {
    if (!button()?.contains(target)) return;
    paused = !paused;
    press();
  });
  htmx.onLoad(press); // a fetched block brings a new button
})();
