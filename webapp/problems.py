"""Errors for programs, as RFC 9457 has them: application/problem+json with a code that does not change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

from flask import Response

# What the code of an answer is where its error names none.
CODES = {
    400: "bad-request", 401: "no-token", 403: "forbidden", 404: "not-found", 405: "method-not-allowed",
    406: "not-acceptable", 409: "conflict", 412: "changed-meanwhile",
    413: "too-large", 414: "too-long", 415: "unsupported-media-type",
    422: "invalid", 429: "too-many-requests", 500: "internal-error", 501: "not-implemented", 503: "busy",
}
MIMETYPE = "application/problem+json"
API, FEED = "/api/", "/udf/"


def is_api(path: str) -> bool:
    """Tell whether a path is for programs."""
    return path.startswith((API, FEED))


def problem(status: int, title: str, detail: str, code: str = "", more: Mapping[str, object] | None = None) -> Response:
    """Return an error; `more` may hold `errors`: each wrong "field", and the "message" that says what is wrong."""
    code = code or CODES.get(status, "error")
    body = {"type": f"/api/v1/problems/{code}", "title": title, "status": status, "detail": detail, "code": code}
    text = json.dumps({**body, **(more or {})}, ensure_ascii=False) + "\n"
    response = Response(text, status, mimetype=MIMETYPE)
    if status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = 'Bearer realm="Stagewatch"'
    return response
