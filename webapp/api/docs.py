"""The document as a file, and as a page on which calls can be tried."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template

from webapp.api import answers, spec
from webapp.export import sent

bp = Blueprint("api_document", __name__)


@bp.get("/api/v1/openapi.json")
def openapi() -> Response:
    """Answer with the document."""
    return sent(spec.document(), answers.JSON)


@bp.get("/api/v1/docs")
def docs() -> Response:
    """Show the document; without scripts it is a list of the calls."""
    config = current_app.config
    page = render_template("api/docs.html", parts=outline(spec.document()), public=config["API_PUBLIC"],
                           address=config["BASE_URL"], limits={
                               "token": config["API_LIMIT_TOKEN"], "address": config["API_LIMIT_ADDRESS"]})
    response = make_response(page)
    response.vary.add("Cookie")  # unlike all else below /api, it is a page with a person's name on it
    return response


@lru_cache(maxsize=4)
def outline(document: bytes) -> list[dict[str, Any]]:
    """Return the document's parts, each with its calls, as a page without scripts lists them."""
    made = json.loads(document)
    calls = [{"path": path, "method": method.upper(), "summary": call["summary"], "scope": call["x-scope"],
              "tag": call["tags"][0], "csv": "text/csv" in call["responses"].get("200", {}).get("content", {}),
              "inputs": [each for each in call.get("parameters", ()) if each["in"] == "query"]}
             for path, calls in made["paths"].items() for method, call in calls.items()]
    return [{**tag, "calls": [call for call in calls if call["tag"] == tag["name"]]} for tag in made["tags"]]
