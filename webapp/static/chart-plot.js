// Draws a decoded chart with lightweight-charts, says what is under the crosshair, and moves the last bar.
(() => {
  "use strict";
  const { seconds, fixed, compact, when, day, Bands } = globalThis.stagewatchChart;
  const LINES = { sma50: "50-day average", sma150: "150-day average", sma200: "200-day average", week30: "30-week average", rsi: "RSI", rs: "Mansfield RS" };
  const [SOLID, DOTTED, DASHED, LONG] = [0, 1, 2, 3];
  const STYLES = { week30: [SOLID, 2], sma50: [SOLID, 1], sma150: [DASHED, 1], sma200: [DOTTED, 2], rs: [SOLID, 2], rsi: [SOLID, 2] };
  const OTHERS = [SOLID, DASHED, LONG, DOTTED];
  const [NORMAL, LOGARITHMIC, PERCENT] = [0, 1, 2];
  const PERCENT_DECIMALS = 4;

  // Colours come from the page's own tokens; a probe resolves what light-dark() and color-mix() make of them.
  function colours(place) {
    const probe = place.appendChild(document.createElement("i"));
    const read = (name) => { probe.style.color = `var(--${name})`; return getComputedStyle(probe).color; };
    const names = ["up", "down", "flat", "text", "muted", "line", "edge", "surface", "accent", "warn", "line-week30",
      "line-sma50", "line-sma150", "line-sma200", "line-rs", "line-rsi", "line-other-1", "line-other-2", "line-other-3", "line-other-4"];
    const found = Object.fromEntries(names.map((name) => [name, read(name)]));
    probe.remove();
    return found;
  }

  const faint = (colour, part) => colour.replace(/^rgb\((.*)\)$/, `rgba($1, ${part})`);

  class Plot {
    constructor(place, data, { scale, still, tell }) {
      Object.assign(this, { place, data, tell, unit: 10 ** data.decimals });
      this.colours = colours(place);
      this.chart = LightweightCharts.createChart(place, this.options(still));
      this.times = data.bars.map((bar) => seconds(data, bar.at));
      this.places = new Map(this.times.map((time, index) => [time, index]));
      this.weekOf = new Map((data.weeks?.at ?? []).map((index, week) => [index, week]));
      this.stages = [];
      for (const [first, last, name] of data.bands) this.stages.fill(name, first, last + 1, this.stages.length = Math.max(this.stages.length, last + 1));
      this.drawPrices(scale);
      this.drawVolume();
      this.drawLines();
      this.drawOthers();
      this.drawPanes();
      this.drawMarks();
      this.chart.timeScale().fitContent();
      this.chart.subscribeCrosshairMove(({ time }) => this.at(this.places.get(time) ?? null));
      this.at(null);
    }

    options(still) {
      const { text, line, surface, muted, edge } = this.colours;
      return {
        autoSize: true,
        layout: { attributionLogo: false, background: { color: surface }, textColor: muted, fontSize: 11, fontFamily: "system-ui, sans-serif", panes: { separatorColor: line, enableResize: false } },
        grid: { vertLines: { visible: false }, horzLines: { color: line } },
        crosshair: { mode: 0, vertLine: { color: edge, labelBackgroundColor: text }, horzLine: { color: edge, labelBackgroundColor: text } },
        rightPriceScale: { borderColor: line, scaleMargins: { top: 0.1, bottom: 0.06 } },
        timeScale: { borderColor: line, timeVisible: this.data.minutes, secondsVisible: false, minBarSpacing: 0.02, fixLeftEdge: true, rightOffset: 2 },
        // The wheel scrolls the page, and a finger that moves up or down too.
        handleScroll: { mouseWheel: false, vertTouchDrag: false },
        handleScale: { mouseWheel: false },
        kineticScroll: { touch: !still, mouse: false },
        localization: { locale: "en-GB", dateFormat: "dd MMM yyyy" },
      };
    }

    money() {
      const { places } = this.data;
      return { type: "custom", minMove: 10 ** -places, formatter: (price) => fixed(Math.round(price * 10 ** places), places, places) };
    }

    price(whole) { return whole / this.unit; }

    candle(bar) {
      const open = bar.open ?? bar.close;
      const [high, low] = [bar.high ?? Math.max(open, bar.close), bar.low ?? Math.min(open, bar.close)];
      return { time: seconds(this.data, bar.at), open: this.price(open), high: this.price(high), low: this.price(low), close: this.price(bar.close) };
    }

    // What closed higher is hollow, what closed lower filled: direction is not told by colour alone.
    drawPrices(scale) {
      const { up, down, surface, muted, text } = this.colours;
      this.candles = this.chart.addSeries(LightweightCharts.CandlestickSeries, {
        upColor: surface, borderUpColor: up, wickUpColor: up, downColor: down, borderDownColor: down, wickDownColor: down, priceLineColor: muted, priceFormat: this.money(), autoscaleInfoProvider: (find) => this.withBase(find()),
      });
      this.candles.setData(this.data.bars.map((bar) => this.candle(bar)));
      const mode = this.data.others.length ? PERCENT : scale === "log" ? LOGARITHMIC : NORMAL;
      this.chart.priceScale("right").applyOptions({ mode });
      const bands = this.data.bands.map(([first, last, name]) => ({ from: this.times[first], to: this.times[last], name }));
      const tints = { 1: faint(muted, 0.12), 2: faint(up, 0.11), 3: faint(this.colours.warn, 0.14), 4: faint(down, 0.11), pre: faint(muted, 0.12), post: faint(muted, 0.12) };
      if (bands.length) this.candles.attachPrimitive(new Bands(bands, tints, text));
      if (this.data.base) {
        this.candles.createPriceLine({ price: this.data.base.close, color: muted, lineStyle: LONG, lineWidth: 1, axisLabelVisible: true, title: this.data.range === "1d" ? "Previous close" : `Close of ${day(this.data.base.day)}` });
      }
    }

    // The previous close is always in sight: without it a day tells nothing of its change.
    withBase(found) {
      const { base } = this.data;
      if (!found?.priceRange || !base) return found;
      const { minValue, maxValue } = found.priceRange;
      return { ...found, priceRange: { minValue: Math.min(minValue, base.close), maxValue: Math.max(maxValue, base.close) } };
    }

    drawVolume() {
      this.volume = this.chart.addSeries(LightweightCharts.HistogramSeries, { priceFormat: { type: "custom", formatter: compact, minMove: 1 }, lastValueVisible: false, priceLineVisible: false }, 1);
      // Every pane takes over the scale of the prices, percent or logarithmic, which is theirs alone.
      this.chart.priceScale("right", 1).applyOptions({ mode: NORMAL, scaleMargins: { top: 0.15, bottom: 0 } });
      this.volume.setData(this.data.bars.filter((bar) => bar.volume !== null).map((bar) => this.column(bar)));
    }

    column(bar) {
      const rose = bar.close >= (bar.open ?? bar.close);
      return { time: seconds(this.data, bar.at), value: bar.volume, color: faint(rose ? this.colours.up : this.colours.down, 0.45) };
    }

    line(name, points, pane = 0, more = {}) {
      const [lineStyle, lineWidth] = STYLES[name] ?? [SOLID, 2];
      const series = this.chart.addSeries(LightweightCharts.LineSeries, { color: this.colours[`line-${name}`], lineStyle, lineWidth, lastValueVisible: pane > 0, priceLineVisible: false, crosshairMarkerVisible: false, ...more }, pane);
      series.setData(points);
      return series;
    }

    points(values, unit) {
      return values.flatMap((value, index) => value === null ? [] : [{ time: this.times[index], value: value / unit }]);
    }

    weekly(values, unit) {
      return values.flatMap((value, week) => value === null ? [] : [{ time: this.times[this.data.weeks.at[week]], value: value / unit }]);
    }

    drawLines() {
      for (const [name, { decimals, values }] of Object.entries(this.data.lines)) {
        if (name !== "rsi") this.line(name, this.points(values, 10 ** decimals));
      }
      const average = this.data.weeks?.average ?? [];
      if (average.some((value) => value !== null)) this.line("week30", this.weekly(average, this.unit));
    }

    drawOthers() {
      this.data.others.forEach((other, number) => {
        const points = other.at.map((at, index) => ({ time: seconds(this.data, at), value: other.close[index] / 10 ** other.decimals }));
        this.line(`other-${number + 1}`, points, 0, { lineStyle: OTHERS[number], lastValueVisible: true, title: other.symbol });
      });
    }

    drawPanes() {
      // Its marked levels are the only heights that are named: there is no room for more.
      const format = { type: "custom", minMove: 0.1, formatter: (value) => fixed(Math.round(value * 10), 1, 1), tickmarksFormatter: (values) => values.map(() => "") };
      const unit = 10 ** PERCENT_DECIMALS;
      let pane = 1; // below prices and volume
      const add = (name, points, levels) => {
        const series = this.line(name, points, ++pane, { priceFormat: format, title: LINES[name] });
        series.priceScale().applyOptions({ mode: NORMAL });
        for (const price of levels) series.createPriceLine({ price, color: this.colours.edge, lineStyle: DASHED, lineWidth: 1, axisLabelVisible: true, axisLabelColor: this.colours.surface, axisLabelTextColor: this.colours.muted, title: "" });
      };
      const strength = this.data.weeks ? this.weekly(this.data.weeks.mansfield, unit) : [];
      if (strength.length) add("rs", strength, [0]);
      const { rsi } = this.data.lines;
      if (rsi) add("rsi", this.points(rsi.values, 10 ** rsi.decimals), [30, 70]);
      this.chart.panes().forEach((each, place) => each.setStretchFactor(place > 1 ? 0.3 : place ? 0.2 : 1));
    }

    drawMarks() {
      const { accent, text } = this.colours;
      const marks = this.data.events.map(([index, kind, words]) => kind === "split"
        ? { time: this.times[index], position: "aboveBar", shape: "square", color: text, text: words }
        : { time: this.times[index], position: "belowBar", shape: "circle", size: 0.5, color: accent, text: this.times.length < 400 ? "D" : "" });
      if (marks.length) LightweightCharts.createSeriesMarkers(this.candles, marks);
    }

    // The values of one bar, the last one where none is pointed at.
    at(index) {
      this.index = index;
      const { data } = this;
      const place = index ?? data.bars.length - 1;
      const bar = data.bars[place];
      const money = (whole) => fixed(whole, data.decimals, data.places);
      const before = data.bars[place - 1];
      const change = before ? (bar.close / before.close - 1) * 100 : null;
      const parts = [`${when(data, bar.at)}${bar.live ? ", so far" : ""}`, `Open ${money(bar.open)}`, `High ${money(bar.high)}`, `Low ${money(bar.low)}`, `Close ${money(bar.close)}`];
      if (change !== null) parts.push(`${change > 0 ? "▲ +" : change < 0 ? "▼ −" : ""}${Math.abs(change).toFixed(2)}%`);
      parts.push(`Volume ${compact(bar.volume)}`);
      const stage = this.stages[place];
      if (stage) parts.push(data.minutes ? { pre: "Before hours", post: "After hours" }[stage] : `Stage ${stage}`);
      for (const [name, { decimals, values }] of Object.entries(data.lines)) {
        parts.push(`${LINES[name]} ${fixed(values[place], decimals, name === "rsi" ? 1 : data.places)}`);
      }
      const week = this.weekOf.get(place);
      if (week !== undefined && data.weeks.average[week] !== null) parts.push(`${LINES.week30} ${money(data.weeks.average[week])}`);
      if (week !== undefined && data.weeks.mansfield[week] !== null) parts.push(`${LINES.rs} ${fixed(data.weeks.mansfield[week], PERCENT_DECIMALS, 2)}`);
      for (const other of data.others) {
        const found = other.at.indexOf(bar.at);
        if (found >= 0) parts.push(`${other.symbol} ${fixed(other.close[found], other.decimals, Math.min(other.decimals, 2))}`);
      }
      this.tell(parts.join(" · "));
    }

    // Move the crosshair by so many bars, or to the first or last one.
    move(step) {
      const last = this.data.bars.length - 1;
      const index = Math.min(last, Math.max(0, (this.index ?? last + (step < 0 ? 1 : 0)) + step));
      const scale = this.chart.timeScale();
      const seen = scale.getVisibleLogicalRange();
      const place = scale.timeToIndex(this.times[index], true);
      if (seen && place !== null && (place < seen.from || place > seen.to)) {
        const shift = place - (place < seen.from ? seen.from : seen.to);
        scale.setVisibleLogicalRange({ from: seen.from + shift, to: seen.to + shift });
      }
      this.chart.setCrosshairPosition(this.price(this.data.bars[index].close), this.times[index], this.candles);
      this.at(index);
    }

    leave() {
      this.chart.clearCrosshairPosition();
      this.at(null);
    }

    get last() { return this.data.bars[this.data.bars.length - 1]; }

    // Take a bar of now: the last one changes, or one more comes, which is told. What is older than the last is no news.
    update(bar) {
      const { data: { bars }, last } = this;
      if (bar.at < last.at || (bar.at === last.at && !last.live && !this.data.minutes)) return false;
      const more = bar.at > last.at;
      last.live = false;
      if (!more) Object.assign(last, this.data.minutes ? merged(last, bar) : bar);
      else {
        this.places.set(seconds(this.data, bar.at), bars.length);
        this.times.push(seconds(this.data, bar.at));
        bars.push(bar);
      }
      this.candles.update(this.candle(this.last));
      if (this.last.volume !== null) this.volume.update(this.column(this.last));
      if (this.index === null || this.index === bars.length - 1) this.at(this.index);
      return more;
    }

    range() { return this.chart.timeScale().getVisibleLogicalRange(); }

    remove() { this.chart.remove(); }

    // The chart with a line above that says what it is.
    picture(title) {
      const drawn = this.chart.takeScreenshot(true);
      const canvas = document.createElement("canvas");
      const ratio = drawn.width / this.place.clientWidth;
      Object.assign(canvas, { width: drawn.width, height: drawn.height + 28 * ratio });
      const context = canvas.getContext("2d");
      context.fillStyle = this.colours.surface;
      context.fillRect(0, 0, canvas.width, canvas.height);
      context.fillStyle = this.colours.text;
      context.font = `${12 * ratio}px system-ui, sans-serif`;
      context.fillText(title, 8 * ratio, 18 * ratio, canvas.width - 16 * ratio);
      context.drawImage(drawn, 0, 28 * ratio);
      return canvas;
    }
  }

  // A minute that goes on: its volume is the history's, which quotes do not tell by the minute.
  function merged(bar, now) {
    return { high: Math.max(bar.high ?? bar.close, now.close), low: Math.min(bar.low ?? bar.close, now.close), close: now.close, live: true };
  }

  globalThis.stagewatchChart.Plot = Plot;
})();
