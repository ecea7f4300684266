"""The document is held against the routes, against real answers, and against what OpenAPI 3.1 asks for."""

from __future__ import annotations

import ast
import json
import os
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest
from flask import Flask
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from tests.webapp.api.calls import CALLS, Asked
from tests.webapp.api.conftest import Program
from tests.webapp.api.world import build_world
from webapp.accounts import tokens
from webapp.api import spec
from webapp.api.problem_types import MEANINGS
from webapp.api.schemas import Amount, Day, Moment
from webapp.api.spec_texts import TAGS
from webapp.errors import TITLES
from webapp.extensions import db
from webapp.live.frames import JSON, frame
from webapp.models import Scope
from webapp.problems import CODES

METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE"}
HANDS_OUT_FILES = {"api_document.openapi", "api_document.docs"}
MOST_ITEMS = 3
Document = dict[str, Any]
# STAGEWATCH_WRITE_EXAMPLES=1 writes webapp/api/examples.json anew.
WRITES = bool(os.environ.get("STAGEWATCH_WRITE_EXAMPLES"))


@pytest.fixture
def settings_changes() -> dict[str, object]:
    """As often as the examples ask."""
    return {"API_LIMIT_ADDRESS": "10000 per minute", "API_LIMIT_TOKEN": "10000 per minute"}


@pytest.fixture
def document(app: Flask) -> Document:
    """The document as it is served."""
    found: Document = json.loads(spec.document())
    return found


def operations(document: Document) -> dict[str, tuple[str, str, Document]]:
    """Return each call by its id, with its method and path."""
    return {call["operationId"]: (method.upper(), path, call)
            for path, calls in document["paths"].items() for method, call in calls.items()}


def test_it_is_what_openapi_asks_for(document: Document) -> None:
    assert document["openapi"] == "3.1.0"
    assert [f"{list(error.instance_path)}: {error.message}"
            for error in OPENAPI_31_VALIDATOR.iter_errors(document)] == []


def test_it_has_every_route_and_no_other(app: Flask, document: Document) -> None:
    routes = {(method, re.sub(r"<(?:[^:>]+(?:\(.*?\))?:)?(\w+)>", r"{\1}", rule.rule).removesuffix(".csv"))
              for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/")
              for method in (rule.methods or set()) & METHODS if rule.endpoint not in HANDS_OUT_FILES}
    assert routes == {(method, path) for method, path, _call in operations(document).values()}


def test_every_call_is_named_described_and_says_what_it_needs(document: Document) -> None:
    found = [call for calls in document["paths"].values() for call in calls.values()]
    assert len({call["operationId"] for call in found}) == len(found)
    for call in found:
        assert call["summary"]
        assert len(call["summary"]) < 90, call["summary"]
        assert [tag in TAGS for tag in call["tags"]] == [True], call["tags"]
        assert call["x-scope"] in {"none", *Scope}
        assert call["security"] == [*([{}] if call["x-scope"] == "none" else []), {"token": []}]
        assert {"400", "401", "406", "429", "503"} <= set(call["responses"])
    assert {tag["name"] for tag in document["tags"]} == set(TAGS)


def test_the_guide_names_every_group_of_calls_and_where_it_is(document: Document) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
    for tag in TAGS:
        assert f"| {tag} |" in guide
    for path in document["paths"]:
        [*_before, word] = [part for part in path.split("/")[:4 + ("/admin/" in path)] if "{" not in part]
        assert f"/{word.removeprefix('v1')}`" in guide, path


def test_no_two_models_have_the_same_name() -> None:
    names = Counter(node.name for path in Path(spec.__file__).parent.rglob("*.py")
                    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef))
    assert not {name for name, count in names.items() if count > 1}


def test_every_call_has_an_example_of_what_is_asked_and_answered(document: Document) -> None:
    for name, (_method, _path, call) in operations(document).items():
        for parameter in call.get("parameters", ()):
            if parameter["required"]:
                assert "example" in parameter, (name, parameter["name"])
        if "requestBody" in call:
            assert "example" in call["requestBody"]["content"]["application/json"], name
        for status, answer in call["responses"].items():
            if status.startswith("2"):
                assert all("example" in each for each in answer.get("content", {}).values()), (name, status)


def test_every_example_is_what_its_schema_says(document: Document) -> None:
    for name, (_method, _path, call) in operations(document).items():
        bodies = [call["requestBody"]] if "requestBody" in call else []
        answers = [answer for answer in call["responses"].values() if "content" in answer]
        for content in (each["content"].get("application/json") for each in (*bodies, *answers)):
            if content is not None:
                assert faults(document, content) == [], name
        for parameter in call.get("parameters", ()):
            if "example" in parameter:
                assert faults(document, parameter) == [], (name, parameter["name"])


def faults(document: Document, holder: Document) -> list[str]:
    """Return what is wrong with an example."""
    schema = {**holder["schema"], "components": document["components"]}
    return [f"{list(error.instance_path)}: {error.message}"
            for error in jsonschema_rs.Draft202012Validator(schema).iter_errors(holder["example"])]


def test_the_examples_are_real_answers(app: Flask, monkeypatch: pytest.MonkeyPatch, document: Document) -> None:
    calls = operations(document)
    assert set(CALLS) == set(calls)
    programs = programs_of_everybody(app, monkeypatch)
    real = {name: answer(programs[asked.scope], asked, *calls[name]) for name, asked in CALLS.items()}
    if WRITES:
        spec.EXAMPLES.write_text(json.dumps(real, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        spec.examples.cache_clear()
    kept = spec.examples()
    for name, found in real.items():
        assert shape(kept.get(name)) == shape(found), f"{name}: write them anew by STAGEWATCH_WRITE_EXAMPLES=1"


def programs_of_everybody(app: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[Scope, Program]:
    """Build the world; return its programs by the scope of their tokens: the admin's is the admin's own."""
    person, admin = build_world(monkeypatch)
    texts = {scope: tokens.create_token(admin if scope is Scope.ADMIN else person, f"{scope} token", scope, None)[1]
             for scope in Scope}
    db.session.commit()
    return {scope: Program(app, text) for scope, text in texts.items()}


def answer(program: Program, asked: Asked, method: str, path: str, call: Document) -> Document:
    """Ask, and return what was asked and answered, as the document keeps it."""
    place = path.removeprefix("/api/v1").format(**asked.path)
    found = program.call(method, place, asked.body, query_string=asked.query)
    assert found.status_code < 300 or path.endswith("/stream"), (method, place, found.text)
    kept: Document = {"status": found.status_code}
    kept |= {name: value for name, value in (("path", asked.path), ("query", asked.query)) if value}
    kept |= {} if asked.body is None else {"body": asked.body}
    if path.endswith("/stream"):
        rows = program.get("/quotes", query_string=asked.query).json["items"]  # type: ignore[index]
        return kept | {"status": 200, "text": frame(JSON, 3, [json.dumps(row).encode() for row in rows]).decode()}
    if found.is_json:
        kept["answer"] = shortened(found.json)
    elif found.status_code != 204:
        kept["text"] = found.text
    if method == "GET" and "text/csv" in call["responses"].get("200", {}).get("content", {}):
        rows = program.get(f"{place}.csv", query_string=asked.query)
        assert (rows.status_code, rows.mimetype) == (200, "text/csv"), place
        kept["csv"] = "".join(rows.text.splitlines(keepends=True)[:MOST_ITEMS])
    return kept


def shortened(value: Any) -> Any:
    """Return an answer with the first items of each long list."""
    if isinstance(value, dict):
        return {name: shortened(each) for name, each in value.items()}
    return [shortened(each) for each in value[:MOST_ITEMS]] if isinstance(value, list) else value


def shape(value: Any) -> Any:
    """Return the names and kinds of all that an answer holds; of a text, only that it is one."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(each) for each in value] if isinstance(value, list) else type(value).__name__


def test_every_code_of_an_error_is_explained() -> None:
    files = Path(spec.__file__).parents[1].rglob("*.py")
    calls = [node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
             if isinstance(node, ast.Call)]
    named = [word.value for call in calls for word in call.keywords if word.arg == "code"]
    named += [call.args[3] for call in calls
              if isinstance(call.func, ast.Name) and call.func.id == "problem" and len(call.args) > 3]
    codes = {node.value for node in named if isinstance(node, ast.Constant) and node.value}
    assert codes | set(CODES.values()) == set(MEANINGS)


def test_the_title_of_an_error_is_true_of_all_of_its_status() -> None:
    assert {status for status, _meaning in MEANINGS.values()} <= set(TITLES)
    # A name that is taken was not changed meanwhile.
    assert TITLES[409] != TITLES[412]


@pytest.mark.parametrize("value", [Amount, Moment, Day])
def test_numbers_and_times_are_described_by_plain_digits(value: object) -> None:
    assert all("\\d" not in str(each) for each in get_args(value))


def test_the_type_of_an_error_leads_to_its_meaning(nobody: Program) -> None:
    problem = nobody.get("/quotes/NIX").json
    assert problem is not None
    meaning = nobody.get(problem["type"].removeprefix("/api/v1")).json
    assert meaning is not None
    assert (meaning["code"], meaning["status"]) == ("unknown-symbol", 404)
    assert nobody.get("/problems/nonsense").status_code == 404


def test_everything_is_found_from_the_beginning(nobody: Program) -> None:
    for path in ("", "/"):
        index = nobody.get(path)
        assert index.status_code == 200
        assert index.json is not None
        for name in ("document", "docs", "problems"):
            assert nobody.get(index.json[name].removeprefix("/api/v1")).status_code == 200


def test_the_document_is_not_sent_twice(nobody: Program) -> None:
    first = nobody.get("/openapi.json")
    assert nobody.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_the_page_is_whole_without_scripts_and_varies_by_who_asks(app: Flask, nobody: Program) -> None:
    page = nobody.get("/docs", headers={"Accept": "text/html"})
    assert page.mimetype == "text/html"
    assert "Cookie" in page.headers["Vary"]
    for _method, path, call in operations(json.loads(spec.document())).values():
        assert path in page.text
        assert call["summary"].split("`")[0] in page.text.replace("&#39;", "'")
    assert "<script>" not in page.text


def test_no_other_site_is_named_in_what_the_page_loads(app: Flask) -> None:
    page = app.test_client().get("/api/v1/docs").text
    assert not re.findall(r'(?:src|href)="https?://', page)
