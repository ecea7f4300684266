"""The screens that a person keeps."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from flask import Response, url_for
from pydantic import Field
from werkzeug.datastructures import MultiDict

from webapp import lists
from webapp.api import answers
from webapp.api.callers import caller, needs
from webapp.api.preconditions import check_match, matched
from webapp.api.schemas import In, Moment, Out
from webapp.api.surface import blueprint
from webapp.api.v1.screener import path_of
from webapp.errors import Refused
from webapp.export import digest
from webapp.extensions import db
from webapp.models import SavedScreen, Scope
from webapp.rows import Row, as_moment
from webapp.screener import criteria, service
from webapp.screener.criteria import KNOWN, Criteria

bp = blueprint("screens", "Screener")

SCREEN = "/screens/<number:screen_id>"
MOST_PARTS = 500
Name = Annotated[str, Field(min_length=1, max_length=service.MAX_NAME, pattern=r"[^\s\x00-\x20\x7f-\x9f]",
                            examples=["Leaders"])]


class NewScreen(In):
    """A screen to keep: what is asked of /screener behind its question mark."""

    name: Name
    query: str = Field("", max_length=service.MAX_QUERY, examples=["stage=2&rs_min=90&sort=high&dir=desc"])


class ScreenChange(In):
    """What is to be another."""

    name: Name


class ScreenOut(Out):
    """A kept screen."""

    id: int
    name: str = Field(examples=["Leaders"])
    query: str = Field(examples=["stage=2&rs_min=90"])
    path: str = Field(description="Where its stocks are.", examples=["/api/v1/screener?stage=2&rs_min=90"])
    shared: str = Field(description="A page that anybody may open who is given this.")
    created_at: Moment


class ScreensOut(Out):
    """Kept screens, by name."""

    items: list[ScreenOut]
    next: str | None


@bp.get("/screens")
@bp.get("/screens.csv")
@needs(Scope.READ)
@bp.output(ScreensOut)
def screens() -> Response:
    """Get your screens."""
    rows = [screen_row(each) for each in service.list_screens(caller().user_id)]
    return answers.answer_page(rows, None, columns=tuple(ScreenOut.model_fields))


@bp.post("/screens")
@needs(Scope.WRITE)
@bp.input(NewScreen)
@bp.output(ScreenOut, status_code=201)
def save_screen(json_data: NewScreen) -> Response:
    """Keep a screen."""
    made = service.save_screen(caller().user_id, json_data.name, read_query(json_data.query))
    db.session.commit()
    response = answer_screen(made, 201)
    response.headers["Location"] = url_for(".screen", screen_id=made.id)
    return response


@bp.get(SCREEN)
@needs(Scope.READ)
@bp.output(ScreenOut)
def screen(screen_id: int) -> Response:
    """Get one of your screens."""
    return answer_screen(service.find_screen(caller().user_id, screen_id))


@bp.patch(SCREEN)
@needs(Scope.WRITE)
@matched
@bp.input(ScreenChange)
@bp.output(ScreenOut)
def rename_screen(screen_id: int, json_data: ScreenChange) -> Response:
    """Give a screen another name; what it asks for stays."""
    service.rename_screen(held_screen(screen_id), json_data.name)
    db.session.commit()
    return answer_screen(service.find_screen(caller().user_id, screen_id))


@bp.delete(SCREEN)
@needs(Scope.WRITE)
@matched
@bp.output({}, status_code=204)
def delete_screen(screen_id: int) -> Response:
    """Delete a screen; its shared page leads nowhere from then on."""
    service.delete_screen(held_screen(screen_id))
    db.session.commit()
    return answers.nothing()


def held_screen(screen_id: int) -> SavedScreen:
    """Return the caller's screen, which nobody else changes until the commit; raise NotFound or ChangedMeanwhile."""
    lists.lock_person(caller().user_id)
    found = service.find_screen(caller().user_id, screen_id)
    check_match(tag_of(screen_row(found)))
    return found


def read_query(text: str) -> Criteria:
    """Return the screen that a query asks for; raise Refused with everything that is wrong with it."""
    try:
        given = MultiDict(parse_qsl(text.removeprefix("?"), max_num_fields=MOST_PARTS))
    except ValueError:
        raise wrong_query([f"It has more than {MOST_PARTS} parts."]) from None
    asked = criteria.read(given)
    wrong = [f"There is no field {each[:criteria.MOST_TEXT]}." for each in given if each not in KNOWN]
    wrong += [f"{key}: {words}" for key, words in asked.errors.items()] + list(asked.remarks)
    if wrong:
        raise wrong_query(wrong)
    return asked.criteria


def wrong_query(messages: list[str]) -> Refused:
    """Return the error of a query that cannot be kept."""
    return Refused("; ".join(messages)[:500], errors=[{"field": "query", "message": each} for each in messages])


def screen_row(found: SavedScreen) -> Row:
    """Return a screen as programs get it."""
    return {"id": found.id, "name": found.name, "query": found.query, "path": path_of(found.query),
            "shared": url_for("screener.shared", token=found.token), "created_at": as_moment(found.created_at)}


def tag_of(row: Row) -> str:
    """Return the tag of a screen's state."""
    return digest(answers.as_json(row))


def answer_screen(found: SavedScreen, status: int = 200) -> Response:
    """Answer with a screen."""
    row = screen_row(found)
    return answers.answer(row, status, tag_of(row))
