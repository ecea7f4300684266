"""Where everything begins: what there is here, and what each error means."""

from __future__ import annotations

from typing import cast

from apiflask import APIFlask
from flask import Response, current_app, url_for
from pydantic import Field

from webapp.api import answers
from webapp.api.callers import public
from webapp.api.problem_types import MEANINGS
from webapp.api.schemas import Out
from webapp.api.surface import blueprint
from webapp.errors import TITLES, NotFound
from webapp.rows import Row

bp = blueprint("about", "About")


class IndexOut(Out):
    """Where to go on."""

    name: str = Field(examples=["Stagewatch"])
    version: str = Field(examples=["1.0.0"])
    document: str = Field(description="The OpenAPI document.")
    docs: str = Field(description="The same for people.")
    problems: str = Field(description="What each error means.")


class ProblemTypeOut(Out):
    """A kind of error."""

    code: str = Field(examples=["unknown-symbol"])
    status: int = Field(examples=[404])
    title: str
    meaning: str


class ProblemTypesOut(Out):
    """Every kind of error there is."""

    items: list[ProblemTypeOut]
    next: str | None


@bp.get("", strict_slashes=False)
@public
@bp.output(IndexOut)
def index() -> Response:
    """Get the addresses of the document and of what explains it."""
    app = cast(APIFlask, current_app)
    return answers.answer({
        "name": app.title, "version": app.version, "document": url_for("api_document.openapi"),
        "docs": url_for("api_document.docs"), "problems": url_for("api_about.problems")})


@bp.get("/problems")
@public
@bp.output(ProblemTypesOut)
def problems() -> Response:
    """Get every kind of error, with what helps against it."""
    return answers.answer_page([problem_row(code) for code in MEANINGS], None)


@bp.get("/problems/<code>")
@public
@bp.output(ProblemTypeOut)
def problem_type(code: str) -> Response:
    """Get what one error means; `type` in an error is this address."""
    if code not in MEANINGS:
        raise NotFound("There is no such error.")
    return answers.answer(problem_row(code))


def problem_row(code: str) -> Row:
    """Return one kind of error."""
    status, meaning = MEANINGS[code]
    return {"code": code, "status": status, "title": TITLES.get(status, "That did not work"), "meaning": meaning}
