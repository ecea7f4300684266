"""The screens that everybody finds there: each is nothing but an address of the screener."""

from __future__ import annotations

from dataclasses import dataclass

from webapp.screener.criteria import Criteria, screen


@dataclass(frozen=True, slots=True)
class Ready:
    """A screen with its name, and what it finds in a sentence."""

    name: str
    finds: str
    criteria: Criteria


# Where an exchange's week is over and another's is not, the newest week of some stocks is the one before: age_max=1.
READY = (
    Ready("New stage 2 this week", "Stage 2 was confirmed by the last completed week.",
          screen(words={"stage": "2"}, weeks_max=1, age_max=1)),
    Ready("Breakouts with volume", "Stage 1 or 3 turned into 2 within 4 weeks, with all three signs: a close above the "
          "base, an average that does not fall, twice the volume.",
          screen("brk", words={"ev": ("c", "a", "v")}, brk_max=4, age_max=1)),
    Ready("RS leaders in stage 2", "Stage 2, stronger than nine in ten.",
          screen(words={"stage": "2"}, rs_min=90, age_max=1)),
    Ready("Trend template", "All eight conditions are met.", screen(tt_min=8, age_max=1)),
    Ready("Stage 2 near its high", "Stage 2, within 5 % of the 52-week high.",
          screen("high", words={"stage": "2"}, high_min=-5, age_max=1)),
    Ready("Stage 2 to 3", "An advance that began to top within 4 weeks.",
          screen("weeks", words={"stage": "3", "from": "2"}, weeks_max=4, age_max=1)),
    Ready("Stage 3 to 4", "A top that broke within 4 weeks.",
          screen("weeks", words={"stage": "4", "from": "3"}, weeks_max=4, age_max=1)),
    Ready("Stage 4 to 1", "A decline that began to base within 4 weeks.",
          screen("weeks", words={"stage": "1", "from": "4"}, weeks_max=4, age_max=1)),
    Ready("Volume in a base", "Stage 1 with at least twice the usual volume in the last session.",
          screen("vol", words={"stage": "1"}, vol_min=2, age_max=1)),
)
