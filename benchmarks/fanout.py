"""Measures the fan-out of live prices, against what it is compared with, in one run; see docs/performance.md.

PYTHONPATH=. .venv/bin/python benchmarks/fanout.py [--only PART,PART] [--quick] [--soak MINUTES] [--check]
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.streams import parts
from benchmarks.streams.machine import CORES, LOAD_CORE, BenchmarkError, raise_limits
from benchmarks.streams.report import Bar, bars_of, print_bars, print_part

PARTS: dict[str, Callable[[parts.Sizes], dict[str, Any]]] = {
    "shared": parts.measure_shared, "lists": parts.measure_lists, "pages": parts.measure_pages,
    "fairness": parts.measure_fairness, "soak": parts.measure_soak}


def read_words() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", default="", help=f"some of {','.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small numbers: whether it works, not how well")
    parser.add_argument("--soak", type=float, default=0, metavar="MINUTES", help="let viewers come and go for so long")
    parser.add_argument("--check", action="store_true", help="exit with 1 where a bar does not hold")
    return parser.parse_args()


def chosen_parts(words: argparse.Namespace) -> list[str]:
    """Return the parts to run: those named, else all; the soak only where its length is given."""
    named = [name for name in words.only.split(",") if name] or [name for name in PARTS if name != "soak"]
    unknown = set(named) - set(PARTS)
    if unknown:
        raise BenchmarkError(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    if words.soak and "soak" not in named:
        named.append("soak")
    if "soak" in named and not words.soak:
        raise BenchmarkError("say how long with --soak MINUTES")
    return named


def describe_machine() -> dict[str, Any]:
    """Say what the figures are of."""
    load = os.getloadavg()[0]
    if len(CORES) < 2:
        print("There is one core only: viewers and server share it, so the times mean little.")
    if load > 0.7:
        print(f"Other programs are at work (load {load:.1f}): repeat this on a quiet machine.")
    return {"cores": len(CORES), "machine": platform.machine(), "system": platform.release(), "load": round(load, 2),
            "python": platform.python_version(), "began": time.strftime("%Y-%m-%d %H:%M:%S")}


def run(names: Iterable[str], sizes: parts.Sizes) -> tuple[dict[str, Any], list[Bar]]:
    """Run the parts and print each; a part that cannot be measured says so and is left out."""
    found: dict[str, Any] = {"machine": describe_machine()}
    for name in names:
        print(f"\n{name}: measuring ...", flush=True)
        try:
            found[name] = PARTS[name](sizes)
        except BenchmarkError as error:
            print(f"{name} is left out: {error}", flush=True)
            continue
        print_part(name, found[name])
    return found, bars_of(found)


def leave(_number: int, _frame: object) -> None:
    """Stop all that was started; another signal must not break that off."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(1)


def main() -> int:
    """Measure, print, and judge if asked to."""
    words = read_words()
    try:
        names = chosen_parts(words)
    except BenchmarkError as error:
        print(error, file=sys.stderr)
        return 2
    raise_limits()
    signal.signal(signal.SIGTERM, leave)
    os.sched_setaffinity(0, {LOAD_CORE})
    sizes = dataclasses.replace(parts.QUICK if words.quick else parts.Sizes(), soak_minutes=words.soak)
    found, bars = run(names, sizes)
    print_bars(bars)
    print(json.dumps(found | {"bars": [dataclasses.asdict(bar) for bar in bars]}))
    return int(words.check and not (bars and all(bar.holds for bar in bars)))


if __name__ == "__main__":
    sys.exit(main())
