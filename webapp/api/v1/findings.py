"""Running the place: prices that wait, ingestion runs and findings. For the admin scope."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Literal

from flask import Response
from pydantic import Field

from webapp import queue
from webapp.api import answers
from webapp.api.callers import caller, needs
from webapp.api.schemas import Amount, In, Key, Moment, Out, PageQuery
from webapp.api.stocks import find_stock
from webapp.api.surface import blueprint
from webapp.api.v1.operations import redis_needed
from webapp.audit import API
from webapp.errors import Conflict
from webapp.findings import queries
from webapp.history import queries as runs_queries
from webapp.models import Finding, IngestRun, QuoteFinding, RunState, Scope
from webapp.paging import cut
from webapp.records import Instrument
from webapp.rows import Row, as_moment, as_text

bp = blueprint("findings", "Admin")


class HoldOut(Out):
    """A price that waits to be confirmed."""

    key: Key
    price: Amount
    against: Amount = Field(description="The last price.")
    source: str
    as_of: Moment
    reason: str
    ratio: Amount | None = Field(description="The split that it looks like.")
    readings: int
    first_at: Moment
    last_at: Moment


class HoldsOut(Out):
    """Prices that wait, the newest first."""

    items: list[HoldOut]
    next: str | None


class Decision(In):
    """What becomes of a price that waits; `price` is the one that was seen: no other is taken or dropped."""

    do: Literal["take", "drop"]
    price: str = Field(max_length=40, pattern=r"^[0-9]+(\.[0-9]+)?$", examples=["150.00"])


class AskedOut(Out):
    """What a worker was asked to do."""

    key: Key
    do: Literal["take", "drop"]
    price: Amount


class RunOut(Out):
    """A try to get past prices, from a file or a provider."""

    id: int
    kind: str
    source: str
    subject: str
    key: Key | None
    state: str = Field(examples=["done"])
    started_at: Moment
    finished_at: Moment | None
    added: int
    changed: int
    unchanged: int
    refused: int
    findings: int
    reason: str | None = Field(description="Why it failed, or was not whole.")


class RunsOut(Out):
    """Runs, the newest first."""

    items: list[RunOut]
    next: str | None


class RunsQuery(PageQuery):
    """Which runs."""

    state: RunState | Literal[""] = ""
    kind: Literal["", "files", "providers"] = ""
    q: str = Field("", max_length=60, description="A stock, or a part of a file's name.")


class FindingOut(Out):
    """A price that was refused, held or found odd, and why."""

    id: int
    key: Key
    kind: str = Field(examples=["rejected"])
    source: str
    price: str
    as_of: Moment
    reason: str
    count: int
    first_at: Moment
    last_at: Moment
    ended_at: Moment | None
    outcome: str | None = Field(description="What became of it.")


class FindingsOut(Out):
    """Findings, the newest first."""

    items: list[FindingOut]
    next: str | None


class FindingsQuery(PageQuery):
    """Which findings."""

    kind: Finding | Literal[""] = ""
    stock: str = Field("", max_length=60, examples=["XNAS:AAPL"])


@bp.get("/admin/holds")
@needs(Scope.ADMIN)
@bp.input(PageQuery, location="query")
@bp.output(HoldsOut)
def holds(query_data: PageQuery) -> Response:
    """Get the prices that wait to be confirmed."""
    page, last = cut(queries.holds_after(place_of(query_data.after), query_data.limit + 1), query_data.limit)
    after = answers.cursor(last.row.first_at.isoformat(), last.row.instrument_id) if last else None
    return answers.answer_page([hold_row(each) for each in page], after)


@bp.post("/admin/holds/<stock>")
@needs(Scope.ADMIN)
@bp.input(Decision)
@bp.output(AskedOut, status_code=202)
def settle_hold(stock: str, json_data: Decision) -> Response:
    """Ask a worker to take or to drop the price that waits; it is done within seconds."""
    hold = queries.find_hold(find_stock(stock).id)
    if hold is None or hold.row.price != Decimal(json_data.price):
        raise Conflict("That price does not wait any more.", code="not-waiting")
    with redis_needed():
        queue.settle_hold(hold.instrument.id, json_data.do == "take", caller().user_id, hold.price, API)
    return answers.answer({"key": hold.instrument.key, "do": json_data.do, "price": hold.price}, 202)


@bp.get("/admin/runs")
@bp.get("/admin/runs.csv")
@needs(Scope.ADMIN)
@bp.input(RunsQuery, location="query")
@bp.output(RunsOut)
def runs(query_data: RunsQuery) -> Response:
    """Get what came of each try to get past prices."""
    asked = runs_queries.read_filter(query_data.state, query_data.kind, query_data.q)
    page = runs_queries.runs_page(asked, answers.read_number(query_data.after), query_data.limit)
    return answers.answer_page([run_row(*each) for each in page.runs],
                               answers.cursor(page.older) if page.older is not None else None,
                               columns=tuple(RunOut.model_fields))


@bp.get("/admin/findings")
@bp.get("/admin/findings.csv")
@needs(Scope.ADMIN)
@bp.input(FindingsQuery, location="query")
@bp.output(FindingsOut)
def findings(query_data: FindingsQuery) -> Response:
    """Get the prices that were refused, held or found odd."""
    asked = queries.read_filter(query_data.kind, query_data.stock)
    page, last = cut(queries.findings_after(asked, place_of(query_data.after), query_data.limit + 1), query_data.limit)
    after = answers.cursor(last[0].last_at.isoformat(), last[0].id) if last else None
    return answers.answer_page([finding_row(*each) for each in page], after, columns=tuple(FindingOut.model_fields))


def place_of(after: str) -> tuple[dt.datetime, int] | None:
    """Return the moment and number that a cursor holds; None for none."""
    if not after:
        return None
    text, number = answers.read_cursor(after, str, int)
    try:
        moment = dt.datetime.fromisoformat(str(text))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise answers.bad_cursor()
    return moment, int(str(number))


def hold_row(hold: queries.Hold) -> Row:
    """Return a price that waits as programs get it."""
    row = hold.row
    return {"key": hold.instrument.key, "price": hold.price, "against": as_text(row.against), "source": row.source,
            "as_of": as_moment(row.as_of), "reason": row.reason, "ratio": as_text(row.ratio),
            "readings": row.readings, "first_at": as_moment(row.first_at), "last_at": as_moment(row.last_at)}


def run_row(run: IngestRun, stock: Instrument | None) -> Row:
    """Return a run as programs get it."""
    return {"id": run.id, "kind": run.kind, "source": run.source, "subject": run.subject,
            "key": stock.key if stock else None, "state": run.state, "started_at": as_moment(run.started_at),
            "finished_at": as_moment(run.finished_at), "added": run.added, "changed": run.changed,
            "unchanged": run.unchanged, "refused": run.refused, "findings": run.findings, "reason": run.reason or None}


def finding_row(row: QuoteFinding, stock: Instrument) -> Row:
    """Return a finding as programs get it."""
    return {"id": row.id, "key": stock.key, "kind": row.kind, "source": row.source, "price": row.price,
            "as_of": as_moment(row.as_of), "reason": row.reason, "count": row.count,
            "first_at": as_moment(row.first_at), "last_at": as_moment(row.last_at),
            "ended_at": as_moment(row.ended_at), "outcome": row.outcome or None}
