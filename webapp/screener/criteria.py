"""What an address asks of the screener: filters and an order, read from its parameters and written back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from werkzeug.datastructures import MultiDict

MOST_WORDS = 40
MOST_TEXT = 60
NUMBER = re.compile(r"[-+\u2212]?\d{1,9}(?:\.\d{1,6})?", re.ASCII)
SHOWN = "“{}”"


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure that may be kept between two ends: `key` with _min and _max in the address.

    `least` and `most` are the ends that make sense; a whole one counts something.
    """

    key: str
    title: str
    unit: str
    least: float
    most: float
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Words to choose among, some or one; without `options` they are what the stocks here have."""

    key: str
    title: str
    options: Mapping[str, str] = field(default_factory=dict)
    single: bool = False


FAR = 999_999_999.0
MEASURES = (
    Measure("weeks", "Weeks in stage", "weeks", 1, 9999, whole=True),
    Measure("rs", "RS rating or rank", "1 to 99", 1, 99, whole=True),
    Measure("mrs", "Mansfield RS", "above or below 0", -FAR, FAR),
    Measure("high", "From 52-week high", "%, 0 or less", -100, FAR),
    Measure("avg", "From 30-week average", "%", -100, FAR),
    Measure("vol", "Relative volume", "times usual", 0, FAR),
    Measure("price", "Price", "in its currency", 0, FAR),
    Measure("tt", "Trend template", "of 8 met", 0, 8, whole=True),
)
# How many weeks back something may lie: only the far end makes sense.
BACK = (Measure("brk", "Breakout within", "so many weeks", 1, 9999, whole=True),
        Measure("age", "Behind the newest week", "weeks at most", 0, 9999, whole=True))
STAGES = {"1": "1 basing", "2": "2 advancing", "3": "3 topping", "4": "4 declining"}
EVIDENCE = {"c": "close above the base", "a": "average flat or rising", "v": "volume doubled"}
CHOICES = (
    Choice("stage", "Stage", STAGES | {"0": "none yet"}),
    Choice("from", "Stage before", STAGES, single=True),
    Choice("ev", "Breakout with", EVIDENCE),
    Choice("mic", "Exchange"),
    Choice("sector", "Sector"),
    Choice("cur", "Currency", single=True),
    Choice("kind", "Kind", single=True),
)
# The column that an address may name -> what it shows, and the direction that a first click gives.
SORTS = {
    "symbol": ("Symbol", "asc"), "price": ("Price", "desc"), "day": ("%", "desc"), "stage": ("Stage", "asc"),
    "rs": ("RS", "desc"), "weeks": ("Since", "asc"), "mrs": ("Mansfield", "desc"), "high": ("52w high", "desc"),
    "avg": ("30w average", "desc"), "vol": ("Rel. volume", "desc"), "tt": ("Template", "desc"),
    "brk": ("Breakout", "desc"), "sector": ("Sector", "asc"), "mic": ("Exchange", "asc"),
    "cur": ("Currency", "asc"), "kind": ("Kind", "asc"), "week": ("Week", "desc"),
}
DEFAULT_SORT = "rs"
PLACES = ("after", "before")


@dataclass(frozen=True, slots=True)
class Criteria:
    """A screen: words that are wanted by their choice's key, ends of measures by parameter, and the order."""

    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ends: Mapping[str, float] = field(default_factory=dict)
    sort: str = DEFAULT_SORT
    direction: str = "desc"

    @property
    def filters(self) -> int:
        """Return how many filters are set."""
        return len(self.words) + len({key.rpartition("_")[0] for key in self.ends})

    @property
    def params(self) -> list[tuple[str, str]]:
        """Return the parameters, always in the same order; what is usual is left out."""
        pairs = [(choice.key, word) for choice in CHOICES for word in self.words.get(choice.key, ())]
        pairs += [(key, write_number(self.ends[key])) for key in END_KEYS if key in self.ends]
        if (self.sort, self.direction) != (DEFAULT_SORT, SORTS[DEFAULT_SORT][1]):
            pairs += [("sort", self.sort), ("dir", self.direction)]
        return pairs

    @property
    def query(self) -> str:
        """Return the address's part behind the question mark."""
        return urlencode(self.params)

    def sorted_by(self, sort: str) -> Criteria:
        """Return the screen as a click on the title of a column orders it."""
        direction = SORTS[sort][1]
        if sort == self.sort:
            direction = "asc" if self.direction == "desc" else "desc"
        return replace(self, sort=sort, direction=direction)


END_KEYS = tuple(f"{measure.key}_{end}" for measure in MEASURES for end in ("min", "max")) + tuple(
    f"{measure.key}_max" for measure in BACK)
KNOWN = {*END_KEYS, *(choice.key for choice in CHOICES), "sort", "dir", *PLACES}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address came to: the screen, each field as it was typed, what is wrong with it, and other remarks.

    `errors` has a sentence by the key of the choice or measure; with any of them the screen is not to be trusted.
    """

    criteria: Criteria
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    remarks: tuple[str, ...] = ()


def read(args: MultiDict[str, str]) -> Asked:
    """Read an address; nothing in it raises, what cannot be understood is said."""
    errors: dict[str, str] = {}
    words = {choice.key: found for choice in CHOICES if (found := _read_choice(choice, args, errors))}
    typed = {key: args.get(key, "").strip()[:MOST_TEXT] for key in END_KEYS}
    ends: dict[str, float] = {}
    for measure in MEASURES + BACK:
        ends |= _read_ends(measure, typed, errors)
    remarks: list[str] = []
    sort, direction = _read_order(args, remarks)
    return Asked(Criteria(words, ends, sort, direction), {key: text for key, text in typed.items() if text}, errors,
                 tuple(remarks))


def untidy(args: MultiDict[str, str]) -> bool:
    """Tell whether an address carries what means nothing, as a form does with its empty fields."""
    return any(key not in KNOWN or not value.strip() for key, value in args.items(multi=True))


def write_number(value: float) -> str:
    """Write a number of an address: without an exponent, and without a fraction of nothing."""
    return f"{value:.6f}".rstrip("0").rstrip(".")


def _read_choice(choice: Choice, args: MultiDict[str, str], errors: dict[str, str]) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(word for text in args.getlist(choice.key) if (word := text.strip())))
    strange = [word for word in wanted if _is_strange(choice, word)]
    if strange:
        listed = ", ".join(choice.options) or f"a word of at most {MOST_TEXT} characters"
        errors[choice.key] = f"{SHOWN.format(strange[0][:MOST_TEXT])} is none of these: {listed}."
    elif len(wanted) > MOST_WORDS or (choice.single and len(wanted) > 1):
        errors[choice.key] = f"Choose {'only one' if choice.single else f'at most {MOST_WORDS}'}."
    else:
        return tuple(word for word in choice.options if word in wanted) or wanted
    return ()


def _is_strange(choice: Choice, word: str) -> bool:
    if choice.options:
        return word not in choice.options
    return len(word) > MOST_TEXT or not word.isprintable()


def _read_ends(measure: Measure, typed: Mapping[str, str], errors: dict[str, str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key in (f"{measure.key}_min", f"{measure.key}_max"):
        if text := typed.get(key, ""):
            number = _read_number(text, measure)
            if isinstance(number, str):
                errors[measure.key] = number
            else:
                found[key] = number
    if len(found) == 2 and found[f"{measure.key}_min"] > found[f"{measure.key}_max"]:
        errors[measure.key] = "The lower end is above the upper one."
    return {} if measure.key in errors else found


def _read_number(text: str, measure: Measure) -> float | str:
    """Return the number, or a sentence that says why it is none."""
    text = text.removesuffix("%").rstrip()
    example = "12" if measure.whole else "12.5" if measure.least >= 0 else "-12.5"
    if not NUMBER.fullmatch(text):
        return f"{SHOWN.format(text)} is not a number. Type one like {example}."
    number = float(text.replace("\N{MINUS SIGN}", "-"))
    if measure.whole and not number.is_integer():
        return f"{SHOWN.format(text)} is not a whole number. Type one like {example}."
    if not measure.least <= number <= measure.most:
        if measure.most == FAR:
            return f"{SHOWN.format(text)} is below {write_number(measure.least)}, the least there can be."
        return f"Type a number from {write_number(measure.least)} to {write_number(measure.most)}."
    return number + 0.0  # no negative zero


def _read_order(args: MultiDict[str, str], remarks: list[str]) -> tuple[str, str]:
    sort, direction = args.get("sort", "").strip(), args.get("dir", "").strip()
    if sort and sort not in SORTS:
        remarks.append(f"There is no column {SHOWN.format(sort[:MOST_TEXT])} to sort by; the usual order is by RS.")
        sort = direction = ""
    sort = sort or DEFAULT_SORT
    if direction and direction not in {"asc", "desc"}:
        remarks.append(f"{SHOWN.format(direction[:MOST_TEXT])} is no direction to sort in: it is asc or desc.")
        direction = ""
    return sort, direction or SORTS[sort][1]


def screen(sort: str = DEFAULT_SORT, words: Mapping[str, Iterable[str]] | None = None, **ends: float) -> Criteria:
    """Return a screen of our own making, in the direction that is usual for the column."""
    return Criteria({key: tuple(found) for key, found in (words or {}).items()}, ends, sort, SORTS[sort][1])
