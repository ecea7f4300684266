"""The tables, and the bars that the figures are held against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

Figures = dict[str, Any]
WINDOW_MS = 200  # STREAM_WINDOW_MS, as it is where nobody changes it
COLUMNS = {"viewers": "viewers", "events_per_s": "events/s", "rows_per_s": "rows/s", "mb_per_s": "MB/s",
           "server_cpu": "CPU", "us_per_event": "µs/event", "us_per_row": "µs/row", "p50_ms": "p50 ms",
           "p99_ms": "p99 ms", "kb_per_viewer": "KB/viewer"}
TIMES = {"p50_ms": "p50 ms", "p99_ms": "p99 ms", "max_ms": "max ms"}
GAPS = TIMES | {"gap_p50_ms": "usual gap ms", "gap_max_ms": "longest gap ms"}


@dataclass(frozen=True)
class Bar:
    """One promise: what is measured, what it may be at most (or must be at least), and what it was."""

    name: str
    limit: float
    value: float
    at_least: bool = False

    @property
    def holds(self) -> bool:
        """Tell whether the promise is kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit


def print_table(columns: dict[str, str], rows: dict[str, Figures]) -> None:
    """Print figures, one line each."""
    texts = [["", *columns.values()]]
    texts += [[name, *(_text(figures.get(key)) for key in columns)] for name, figures in rows.items()]
    widths = [max(len(line[place]) for line in texts) for place in range(len(texts[0]))]
    for line in texts:
        print("  ".join([line[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(
            line[1:], widths[1:], strict=True))]).rstrip(), flush=True)


def _text(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}" if isinstance(value, float) else str(value)


def print_part(name: str, found: Figures) -> None:
    """Print what a part found."""
    if name in {"shared", "lists"}:
        print_table(COLUMNS, found)
    elif name == "pages":
        rows = {f"{page}, {when}": found[when][page] for when in ("alone", "while serving") for page in found[when]}
        print_table(TIMES, rows)
    elif name == "fairness":
        print_table(GAPS, found)
    else:
        print_table(COLUMNS, {"Stagewatch": found})
        print(f"memory at the end against the second quarter: {found['growth']:.3f}; descriptors before "
              f"{found['descriptors_before']}, after {found['descriptors_after']}")


def bars_of(found: Figures) -> list[Bar]:
    """Return the promises that can be judged by what was measured."""
    bars: list[Bar] = []
    judges: tuple[tuple[str, Callable[[Figures], list[Bar]]], ...] = (
        ("shared", _shared_bars), ("lists", _lists_bars), ("pages", _pages_bars), ("fairness", _fairness_bars),
        ("soak", _soak_bars))
    for name, judge in judges:
        if name in found:
            bars += judge(found[name])
    return bars


def _shared_bars(found: Figures) -> list[Bar]:
    ours, bars = found["Stagewatch"], []
    if "Nchan" in found:
        theirs = found["Nchan"]
        bars = [Bar("shared: CPU per event against Nchan's", 0.9, _ratio(ours, theirs, "us_per_event")),
                Bar("shared: p99 against Nchan's", 1.0, _ratio(ours, theirs, "p99_ms"))]
    return [*bars, Bar("shared: CPU per event against the floor's", 1.15, _ratio(ours, found["floor"], "us_per_event")),
            Bar("shared: KB of memory per viewer", 6.0, ours["kb_per_viewer"])]


def _lists_bars(found: Figures) -> list[Bar]:
    ours = found["Stagewatch"]
    bars = [Bar("lists: KB of memory per viewer", 6.0, ours["kb_per_viewer"])]
    for name, times in (("Nchan", 8.0), ("seed", 30.0)):
        if name in found:
            bars.append(Bar(f"lists: times cheaper per row than {name}", times,
                            _ratio(found[name], ours, "us_per_row"), at_least=True))
    return bars


def _pages_bars(found: Figures) -> list[Bar]:
    return [Bar(f"pages: p99 of the {page} while serving, in ms", 100, times["p99_ms"])
            for page, times in found["while serving"].items()]


def _fairness_bars(found: Figures) -> list[Bar]:
    bars = [Bar("fairness: rows of the burst that arrived", found["10,000 symbols"]["expected"],
                found["10,000 symbols"]["burst_rows"], at_least=True)]
    for name in ("10,000 symbols", "crowd connects"):
        held = found[name]["gap_max_ms"] - found["quiet"]["gap_max_ms"]
        bars.append(Bar(f"fairness: ms that others' frames were held: {name}", WINDOW_MS, round(held, 1)))
    return bars


def _soak_bars(found: Figures) -> list[Bar]:
    return [Bar("soak: memory at the end against the second quarter", 1.02, found["growth"]),
            Bar("soak: descriptors left over", 5, found["descriptors_after"] - found["descriptors_before"])]


def _ratio(one: Figures, other: Figures, key: str) -> float:
    return round(float(one[key]) / float(other[key]), 3)


def print_bars(bars: Sequence[Bar]) -> None:
    """Print each promise and whether it is kept."""
    if bars:
        print("\nbars")
    for bar in bars:
        word = "at least" if bar.at_least else "at most"
        print(f"  {'holds' if bar.holds else 'FAILS'}  {bar.name}: {bar.value:g} ({word} {bar.limit:g})")
