// What the server's compact columns stand for: see docs/charts.md. Prices stay whole numbers, in units of the last
// decimal, until they are drawn or written, so that what is shown is what the server has.
(() => {
  "use strict";
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const STEPS = [[1e12, "T"], [1e9, "B"], [1e6, "M"], [1e3, "K"]];

  // Each number is the difference to the last one known before it.
  function added(steps) {
    let total = 0;
    return steps.map((step) => step === null ? null : total += step);
  }

  function bars(json) {
    const close = added(json.close);
    const spread = (column, index) => column[index] ?? null;
    return added(json.at).map((at, index) => {
      const before = index ? close[index - 1] : 0;
      const own = close[index];
      const open = spread(json.open, index) === null ? null : before + json.open[index];
      const high = spread(json.high, index) === null ? null : Math.max(open ?? own, own) + json.high[index];
      const low = spread(json.low, index) === null ? null : Math.min(open ?? own, own) - json.low[index];
      return { at, open, high, low, close: own, volume: json.volume[index] };
    });
  }

  function decode(json) {
    if (!json.at.length) return null;
    const lines = Object.fromEntries(Object.entries(json.lines).map(([name, { decimals, steps }]) => [name, { decimals, values: added(steps) }]));
    const weeks = json.weeks && { at: added(json.weeks.at), average: added(json.weeks.average), mansfield: added(json.weeks.mansfield) };
    const others = json.others.map((other) => ({ ...other, at: added(other.at), close: added(other.close) }));
    return { ...json, bars: bars(json), lines, weeks, others, minutes: json.interval === "1m", today: Date.parse(json.day) / 86_400_000 };
  }

  // Seconds as the drawing library wants them: the day's midnight, or the exchange's own minute, called UTC.
  const seconds = (data, at) => at * (data.minutes ? 60 : 86_400);

  // A whole number in units of `decimals` with `places`, halves away from zero, as the server rounds.
  function fixed(whole, decimals, places) {
    if (whole === null || whole === undefined) return "—";
    const size = Math.round(Math.abs(whole) / 10 ** Math.max(decimals - places, 0)) / 10 ** Math.min(places, decimals);
    const text = size.toLocaleString("en-US", { minimumFractionDigits: places, maximumFractionDigits: places });
    return whole < 0 && size ? `−${text}` : text;
  }

  function compact(count) {
    if (count === null || count === undefined) return "—";
    const [step, letter] = STEPS.find(([size]) => count >= size * 0.9995) ?? [1, ""];
    const scaled = count / step;
    return scaled.toFixed(!letter ? 0 : scaled < 9.995 ? 2 : scaled < 99.95 ? 1 : 0) + letter;
  }

  // A day from the server's text, or from a number that the drawing library takes for UTC
  function day(moment) {
    const date = new Date(moment);
    return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
  }

  function when(data, at) {
    const moment = new Date(seconds(data, at) * 1000);
    return data.minutes ? `${day(moment)}, ${moment.getUTCHours()}:${String(moment.getUTCMinutes()).padStart(2, "0")}` : day(moment);
  }

  globalThis.stagewatchChart = { decode, seconds, fixed, compact, when, day };
})();
