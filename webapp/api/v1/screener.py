"""The screener: which stocks meet what is asked for, and what may be asked for."""

from __future__ import annotations

import re
from typing import Annotated, Any

from flask import Response, request
from pydantic import BeforeValidator, Field, ValidationInfo, create_model
from werkzeug.datastructures import MultiDict

from webapp.api import answers
from webapp.api.callers import public, weigh
from webapp.api.schemas import Amount, Day, Key, Moment, Out, PageQuery
from webapp.api.surface import PREFIX, blueprint
from webapp.api.v1.quotes import QuoteOut
from webapp.errors import Refused
from webapp.rows import as_day
from webapp.screener import criteria, queries
from webapp.screener.criteria import BACK, CHOICES, MEASURES, SORTS, Choice, Criteria, Measure
from webapp.screener.exports import ALL_FIELDS, export_rows
from webapp.screener.ready import READY

bp = blueprint("screener", "Screener")

COLUMNS = ("key", *ALL_FIELDS)
ENDS = [(measure, end) for measure in MEASURES for end in ("min", "max")] + [(measure, "max") for measure in BACK]


def all_given(_value: object, info: ValidationInfo) -> list[str]:
    """Return every value of a parameter that may come several times."""
    return request.args.getlist((info.field_name or "").rstrip("_"))


def end_field(measure: Measure, end: str) -> Any:
    """Return one end of a measure as a parameter."""
    kind = int if measure.whole else float
    words = f"{measure.title} ({measure.unit}), at {'least' if end == 'min' else 'most'}."
    return kind, Field(default_factory=kind, ge=measure.least, le=measure.most, allow_inf_nan=False, description=words)


def choice_field(choice: Choice) -> Any:
    """Return a choice as a parameter: one word, or several."""
    if choice.options:
        told = "; ".join(f"{word}: {title}" for word, title in choice.options.items())
        word: Any = Annotated[str, one_of(choice.options)]
    else:
        told = "a word that /screener/fields names"
        word = Annotated[str, Field(min_length=1, max_length=criteria.MOST_TEXT)]
    if choice.single:
        return word, Field(default_factory=str, alias=choice.key, description=f"{choice.title}: {told}.")
    several = Annotated[list[word], BeforeValidator(all_given)]
    return several, Field(default_factory=list, alias=choice.key, max_length=criteria.MOST_WORDS,
                          description=f"{choice.title}: {told}. It may come several times.")


def one_of(words: Any) -> Any:
    """Return the condition that a text is one of these words."""
    return Field(pattern=f"^({'|'.join(map(re.escape, words))})$", json_schema_extra={"enum": list(words)})


def word_field(words: Any, told: str) -> Any:
    """Return a parameter that is one of some words."""
    return Annotated[str, one_of(words)], Field(default_factory=str, description=told)


ScreenerQuery: Any = create_model(
    "ScreenerQuery", __base__=PageQuery,
    **{f"{choice.key}_": choice_field(choice) for choice in CHOICES},
    **{f"{measure.key}_{end}": end_field(measure, end) for measure, end in ENDS},
    sort=word_field(SORTS, "By what they are sorted; by rs without this."),
    dir=word_field(("asc", "desc"), "Its direction; without this, the one that is usual for it."))


class ScreenRowOut(QuoteOut):
    """A stock's quote and all that its analysis found; docs/screener.md says what each figure is."""

    kind: str = Field(examples=["stock"])
    sector: str | None
    week: Day | None = Field(description="The last completed week, by its Friday.")
    week_close: Amount | None
    close: Amount | None = Field(description="The last close that was analysed, of close_day.")
    close_day: Day | None
    previous_stage: int | None
    average: Amount | None
    slope: Amount | None
    from_average: Amount | None
    mansfield: Amount | None
    benchmark: Key | None
    strength: Amount | None
    high_52: Amount | None
    low_52: Amount | None
    from_high: Amount | None
    relative_volume: Amount | None
    week_volume: Amount | None
    template_met: int | None
    template: str | None = Field(description="The eight conditions in their order, 1 where it is met.",
                                 examples=["11110111"])
    breakout: Day | None
    base_high: Amount | None
    breakout_close: Amount | None
    breakout_volume: Amount | None
    breakout_above: str | None = Field(description="yes or no.")
    breakout_average: str | None
    breakout_doubled: str | None
    history_source: str | None
    inputs_at: Moment
    computed_at: Moment


class ScreenRowsOut(Out):
    """Stocks in the order asked for. `count` is how many there are on all pages."""

    count: int
    newest_week: Day | None
    items: list[ScreenRowOut]
    next: str | None


class MeasureOut(Out):
    """A figure that may be kept between two ends."""

    key: str = Field(examples=["rs"])
    title: str
    unit: str
    least: Amount
    most: Amount
    whole: bool
    parameters: list[str] = Field(examples=[["rs_min", "rs_max"]])


class WordOut(Out):
    """A word to choose."""

    word: str
    title: str


class ChoiceOut(Out):
    """Words to choose among."""

    key: str = Field(examples=["stage"])
    title: str
    several: bool
    words: list[WordOut]


class SortOut(Out):
    """What stocks may be sorted by, and the direction that is usual for it."""

    key: str = Field(examples=["rs"])
    title: str
    direction: str = Field(examples=["desc"])


class ReadyOut(Out):
    """A screen that everybody has."""

    name: str
    finds: str
    path: str = Field(examples=["/api/v1/screener?stage=2&rs_min=90&age_max=1"])


class FieldsOut(Out):
    """Everything that may be asked."""

    measures: list[MeasureOut]
    choices: list[ChoiceOut]
    sorts: list[SortOut]
    ready: list[ReadyOut]


@bp.get("/screener")
@bp.get("/screener.csv")
@public
@bp.input(ScreenerQuery, location="query")
@bp.output(ScreenRowsOut)
def screener(query_data: Any) -> Response:
    """Get the stocks that meet all that is asked for.

    Ends of measures include themselves; what is unknown of a stock meets nothing. Of several words of one choice, any
    will do, but for `ev`: all of them.
    """
    weigh(query_data.limit)
    asked, week = read(query_data), queries.overview().week
    page = queries.load_page(asked, week, place_of(query_data.after, asked.sort), query_data.limit)
    rows = [{"key": f"{row['mic']}:{row['symbol']}", **row} for row in export_rows(page.ids)]
    return answers.answer_page(rows, page.next or None, columns=COLUMNS, count=page.total,
                               newest_week=as_day(week))


@bp.get("/screener/fields")
@public
@bp.output(FieldsOut)
def fields() -> Response:
    """Get what the screener may be asked for."""
    found = queries.facets()
    return answers.answer({
        "measures": [measure_row(measure) for measure in MEASURES + BACK],
        "choices": [{"key": choice.key, "title": choice.title, "several": not choice.single,
                     "words": [{"word": word, "title": title} for word, title in
                               (choice.options or {each: each for each in found[choice.key]}).items()]}
                    for choice in CHOICES],
        "sorts": [{"key": key, "title": title, "direction": direction} for key, (title, direction) in SORTS.items()],
        "ready": [{"name": each.name, "finds": each.finds, "path": path_of(each.criteria.query)} for each in READY]})


def measure_row(measure: Measure) -> dict[str, object]:
    """Return a measure as programs get it."""
    return {"key": measure.key, "title": measure.title, "unit": measure.unit, "whole": measure.whole,
            "least": criteria.write_number(measure.least), "most": criteria.write_number(measure.most),
            "parameters": [f"{each.key}_{end}" for each, end in ENDS if each is measure]}


def path_of(query: str) -> str:
    """Return where the stocks of a screen are."""
    return f"{PREFIX}/screener?{query}" if query else f"{PREFIX}/screener"


def read(query_data: Any) -> Criteria:
    """Return what is asked for, read as the page reads its address; raise Refused where it makes no sense."""
    given: MultiDict[str, str] = MultiDict()
    for name in query_data.model_fields_set - {"limit", "after"}:
        value, key = getattr(query_data, name), name.rstrip("_")
        if isinstance(value, list):
            given.setlist(key, value)
        else:
            given[key] = value if isinstance(value, str) else criteria.write_number(value)
    asked = criteria.read(given)
    wrong = [{"field": f"query.{field}", "message": message} for key, message in asked.errors.items()
             for field in ((f"{key}_min", f"{key}_max") if f"{key}_max" in given else (key,))]
    if wrong:
        raise Refused("; ".join(f"{key}: {words}" for key, words in asked.errors.items()), errors=wrong)
    return asked.criteria


def place_of(after: str, sort: str) -> queries.Place | None:
    """Return where the page begins; raise BadCursor."""
    place = queries.read_place(after, sort, backwards=False) if after else None
    if after and place is None:
        raise answers.bad_cursor()
    return place
