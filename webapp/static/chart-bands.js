// Stages and parts of the day behind the prices: a primitive of the drawing library. Each has its name, not only a colour.
(() => {
  "use strict";
  const NAMES = { pre: "Before hours", post: "After hours" };
  const ROOM = 16; // pixels for a number

  class Bands {
    // bands: {from, to, name} in seconds; colours by name
    constructor(bands, colours, ink) {
      Object.assign(this, { bands, colours, ink });
      const renderer = { draw: (target) => target.useBitmapCoordinateSpace((space) => this.draw(space)) };
      this.views = [{ zOrder: () => "bottom", renderer: () => renderer }];
    }

    attached({ chart }) { this.chart = chart; }

    detached() { this.chart = null; }

    updateAllViews() {}

    paneViews() { return this.views; }

    draw({ context, bitmapSize, horizontalPixelRatio: across, verticalPixelRatio: down }) {
      const scale = this.chart?.timeScale();
      if (!scale) return;
      const half = scale.options().barSpacing / 2;
      context.font = `${11 * down}px system-ui, sans-serif`;
      context.textAlign = "center";
      for (const { from, to, name } of this.bands) {
        const [first, last] = [scale.timeToCoordinate(from), scale.timeToCoordinate(to)];
        if (first === null || last === null) continue;
        const left = Math.max(0, (first - half) * across);
        const right = Math.min(bitmapSize.width, (last + half) * across);
        if (right <= left) continue;
        context.fillStyle = this.colours[name];
        context.fillRect(left, 0, right - left, bitmapSize.height);
        const text = NAMES[name] ?? name;
        if (right - left < ROOM * across + context.measureText(text).width / 2) continue;
        context.fillStyle = this.ink;
        context.fillText(text, (left + right) / 2, 14 * down);
      }
    }
  }

  globalThis.stagewatchChart.Bands = Bands;
})();
