"""The API as a whole: its blueprints, made alike, and what is registered for all of them at once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, get_origin

from apiflask import APIBlueprint, APIFlask
from apiflask.exceptions import HTTPError
from flask import Response, abort, current_app, request
from flask.json.provider import DefaultJSONProvider
from flask_cors import CORS
from werkzeug.routing import IntegerConverter

from webapp.api import callers, kept
from webapp.errors import TITLES, Refused
from webapp.extensions import csrf
from webapp.problems import problem

PREFIX = "/api/v1"
# No call takes so many names; to say of each of 70,000 that it is wrong would take a second.
MOST_NAMES = 100
# So much is told of a name that somebody made up.
MOST_TOLD = 200
SENT_BACK = ("ETag", "Link", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "Retry-After")
TAKEN = ("Authorization", "Content-Type", "If-None-Match", "If-Match", "Accept", "Last-Event-ID")


class StrictJson(DefaultJSONProvider):
    """JSON as RFC 8259 has it: a name twice, or a number that is none, cannot be read."""

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return what a text says; raise ValueError where readers would not agree on that."""
        return super().loads(s, **{"object_pairs_hook": _each_once, "parse_constant": _no_number} | kwargs)


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no number")


class Number(IntegerConverter):
    """A row's number in a path. A larger one is no address at all, not one that takes other methods."""

    regex = r"[0-9]{1,9}"


def blueprint(name: str, tag: str) -> APIBlueprint:
    """Return a blueprint under /api/v1; its calls stand under `tag` in the document."""
    made = APIBlueprint(f"api_{name}", __name__, tag=tag, url_prefix=PREFIX)
    made.before_request(callers.admit)
    made.before_request(read_body)
    made.before_request(read_query)
    made.before_request(kept.give_again)
    made.after_request(kept.keep)
    csrf.exempt(made)  # without cookies there is nothing to forge
    return made


def register(app: APIFlask) -> None:
    """Register every call, the errors of their inputs, CORS and the document."""
    from webapp.api import docs, spec, udf  # noqa: PLC0415 - as the views below: extensions are bound by now
    from webapp.api.v1 import BLUEPRINTS  # noqa: PLC0415

    app.json = StrictJson(app)
    app.extensions[kept.NAME] = kept.Answers()
    app.error_processor(bad_input)
    app.url_map.converters["number"] = Number
    for made in BLUEPRINTS:
        app.register_blueprint(made)
    spec.register(app)
    app.register_blueprint(docs.bp)
    app.register_blueprint(udf.bp)
    for each in app.blueprints.values():
        if not isinstance(each, APIBlueprint):
            each.enable_openapi = False  # type: ignore[attr-defined]  # apiflask asks every one
    origins = app.config["SETTINGS"].API_CORS_ORIGINS
    if origins:
        # For programs only, and never with cookies: the pages of this site are nobody else's.
        CORS(app, resources={r"/(api|udf)/.*": {"origins": list(origins)}}, supports_credentials=False,
             allow_headers=list(TAKEN), expose_headers=list(SENT_BACK), max_age=600, vary_header=True)


def read_body() -> None:
    """Read what was sent before anybody else does: JSON, and not deeper than can be read."""
    sent = request.content_length or request.is_json or "Transfer-Encoding" in request.headers
    if request.method not in {"POST", "PUT", "PATCH"} or not sent:
        return
    if not request.is_json:
        abort(HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    # One that does not say how long it is is cut off at the limit.
    if request.content_length is None and len(request.get_data()) >= (request.max_content_length or 0):
        abort(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    try:
        body = request.get_json()
    except RecursionError:
        abort(HTTPStatus.BAD_REQUEST)
    if body is None:  # null would pass for an object without fields
        raise unfit("Send an object.")
    if isinstance(body, dict) and len(body) > MOST_NAMES:
        raise unfit(f"An object has at most {MOST_NAMES} names.")


def unfit(message: str) -> Refused:
    """Return the error of a body that is wrong as a whole."""
    return Refused(message, errors=[{"field": "_schema", "message": message}])


def read_query() -> None:
    """Refuse a parameter that is there twice and can be one thing only: nobody shall guess which one counts."""
    twice = {name for name, values in request.args.lists() if len(values) > 1}
    if not twice:
        return
    view: Any = current_app.view_functions[request.endpoint or ""]
    models = [model for model, place in view._spec.get("args", ()) if place == "query"]
    several = {field.alias or name for model in models for name, field in model.model_fields.items()
               if get_origin(field.annotation) is list}
    if wrong := sorted(twice - several):
        raise Refused(f"{', '.join(wrong)}: send it once.", errors=[
            {"field": f"query.{name}", "message": "Send it once."} for name in wrong])


def bad_input(error: HTTPError) -> Response:
    """Answer with every field that is wrong."""
    found = [{"field": (field if place == "json" else f"{place}.{field}")[:MOST_TOLD],
              "message": message.removeprefix("Value error, ")}
             for place, fields in dict(error.detail).items() for field, messages in fields.items()
             for message in messages]
    words = "; ".join(f"{each['field']}: {each['message']}" for each in found)[:500]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, TITLES[422], words or "It cannot be read.", more={"errors": found})
