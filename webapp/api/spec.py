"""The OpenAPI document: what apiflask makes of the views, and what it leaves out."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from apiflask import APIFlask
from flask import current_app
from werkzeug.routing import IntegerConverter, Rule

from webapp.api.callers import scope_of_view
from webapp.api.problem_types import MEANINGS
from webapp.api.schemas import Problem
from webapp.api.spec_texts import CSV_NOTE, ERRORS, HEADERS, INFO, LIMITS, SECURITY, TAGS
from webapp.errors import TITLES
from webapp.problems import CODES, MIMETYPE

REF = "#/components/schemas/"
EXAMPLES = Path(__file__).with_name("examples.json")
Call = dict[str, Any]


def register(app: APIFlask) -> None:
    """Let the document tell what is true of every call."""
    app.config.update(OPENAPI_VERSION="3.1.0", AUTO_SERVERS=False, AUTO_404_RESPONSE=False, AUTO_OPERATION_ID=True,
                      AUTO_VALIDATION_ERROR_RESPONSE=False, AUTO_AUTH_ERROR_RESPONSE=False,
                      SERVERS=[{"url": "/", "description": "This place"}], DESCRIPTION=INFO, SECURITY_SCHEMES=SECURITY)
    app.spec_processor(complete)


def document() -> bytes:
    """Return the document; it is made once."""
    made: bytes | None = current_app.extensions.get("openapi")
    if made is None:
        app = cast("APIFlask", current_app)
        made = current_app.extensions["openapi"] = json.dumps(app.spec, ensure_ascii=False).encode()
    return made


@lru_cache
def examples() -> dict[str, dict[str, Any]]:
    """Return what each call was asked once, and its real answer, by the call's id; a test keeps them true."""
    found: dict[str, dict[str, Any]] = json.loads(EXAMPLES.read_text(encoding="utf-8"))
    return found


def complete(spec: Any) -> Any:
    """Add to every call its scope, errors, headers, other forms and example; put shared schemas in one place."""
    spec = with_plain_names(spec)
    components = spec.setdefault("components", {})
    problem = Problem.model_json_schema(ref_template=f"{REF}{{model}}")
    components["schemas"] = components.get("schemas", {}) | problem.pop("$defs") | {"Problem": problem}
    components["headers"] = HEADERS
    components["responses"] = {status: problem_answer(status) for status in ERRORS}
    rules = {operation_id(method, rule.endpoint): rule
             for rule in current_app.url_map.iter_rules() for method in rule.methods or ()}
    twins = [path for path in spec["paths"] if path.endswith(".csv")]
    for path, calls in spec["paths"].items():
        for method, call in calls.items():
            rule = rules[call["operationId"]]
            number_places(call, rule)
            complete_call(path, method, call, current_app.view_functions[rule.endpoint])
    for path in twins:
        # The address that ends in .csv is the same call, in its other form.
        del spec["paths"][path]
        add_csv(spec["paths"][path.removesuffix(".csv")]["get"])
    used = {tag for calls in spec["paths"].values() for call in calls.values() for tag in call["tags"]}
    ordered = [*(tag for tag in TAGS if tag in used), *sorted(used - set(TAGS))]
    spec["paths"] = dict(sorted(spec["paths"].items(), key=lambda each: (
        ordered.index(next(iter(each[1].values()))["tags"][0]), each[0])))
    spec["tags"] = [{"name": tag, "description": TAGS.get(tag, "")} for tag in ordered]
    return spec


def with_plain_names(spec: Any) -> Any:
    """Return the document with one schema for each model: apiflask has one more wherever a model stands in another."""
    found: Any = json.loads(re.sub(rf'"{REF}(?:\w+\.)*(\w+)"', rf'"{REF}\1"', json.dumps(spec)))
    schemas = found.get("components", {}).get("schemas", {})
    found.setdefault("components", {})["schemas"] = {
        name.rpartition(".")[2]: schema for name, schema in schemas.items()}
    return found


def operation_id(method: str, endpoint: str) -> str:
    """Name a call as apiflask does."""
    return f"{method.lower()}_{endpoint.replace('.', '_')}"


def number_places(call: Call, rule: Rule) -> None:
    """Say which places in a path are numbers."""
    for parameter in call.get("parameters", ()):
        converter = rule._converters.get(parameter["name"]) if parameter["in"] == "path" else None
        if isinstance(converter, IntegerConverter):
            parameter["schema"] = {"type": "integer", "minimum": 0, "maximum": 999_999_999}


def complete_call(path: str, method: str, call: Call, view: Any) -> None:
    """Add what apiflask leaves out of one call."""
    scope = scope_of_view(view)
    call["operationId"] = call["operationId"].partition("_api_")[2]
    call["summary"] = call.get("summary", "").removesuffix(".")
    call["security"] = [{}, {"token": []}] if scope is None else [{"token": []}]
    call["x-scope"] = scope.value if scope else "none"
    if "requestBody" in call:
        call["requestBody"]["required"] = True
    for status in sorted(errors_of(path, method, call) | set(map(str, getattr(view, "api_errors", ())))):
        call["responses"].setdefault(status, {"$ref": f"#/components/responses/{status}"})
    if method == "get":
        call["responses"].setdefault("304", {"description": "What the asker has is still right."})
    for status, response in call["responses"].items():
        if "$ref" not in response:
            add_headers(status, response)
    add_example(call, examples().get(call["operationId"], {}))


def errors_of(path: str, method: str, call: Call) -> set[str]:
    """Return the statuses of the errors that a call of this kind may get."""
    given = {"400", "401", "406", "429", "503"}
    given |= set() if {} in call["security"] else {"403"}
    given |= {"404"} if "{" in path else set()
    given |= {"404", "409"} if takes_stocks(path, call) else set()
    given |= {"422"} if call.get("parameters") or "requestBody" in call else set()
    return given | ({"404", "409", "413", "415"} if method != "get" else set())


def takes_stocks(path: str, call: Call) -> bool:
    """Tell whether a call names stocks, which may be unknown or several."""
    return "{stock}" in path or any(each.get("name") == "symbols" for each in call.get("parameters", ()))


def problem_answer(status: str) -> Call:
    """Return what the document says of the errors of one status, with the most usual of them."""
    code = CODES[int(status)]
    title = TITLES.get(int(status), ERRORS[status])
    example = {"type": f"/api/v1/problems/{code}", "title": title, "status": int(status),
               "detail": MEANINGS[code][1], "code": code}
    response: Call = {"description": ERRORS[status], "content": {
        MIMETYPE: {"schema": {"$ref": f"{REF}Problem"}, "example": example}}}
    add_headers(status, response)
    return response


def add_headers(status: str, response: Call) -> None:
    """Say which headers an answer has."""
    names = list(LIMITS) if status[0] == "2" or status == "429" else []
    names += ["ETag"] if status in {"200", "304"} else []
    names += ["Retry-After"] if status == "429" else []
    names += ["WWW-Authenticate"] if status == "401" else []
    if names:
        response.setdefault("headers", {}).update({name: {"$ref": f"#/components/headers/{name}"} for name in names})


def add_example(call: Call, example: dict[str, Any]) -> None:
    """Put what was asked and answered once into the document."""
    for parameter in call.get("parameters", ()):
        asked = example.get(parameter["in"], {})
        if parameter["name"] in asked:
            parameter["example"] = asked[parameter["name"]]
    if "body" in example:
        call["requestBody"]["content"]["application/json"]["example"] = example["body"]
    answer = call["responses"].get(str(example.get("status")), {}).get("content", {})
    for form, key in (("application/json", "answer"), ("text/csv", "csv"), ("text/event-stream", "text")):
        if key in example:
            answer.setdefault(form, {"schema": {"type": "string"}})["example"] = example[key]


def add_csv(call: Call) -> None:
    """Say of a call that its answer can be had as CSV."""
    call["description"] = "\n\n".join(filter(None, (call.get("description"), CSV_NOTE)))
    response = call["responses"]["200"]
    response["headers"]["Link"] = {"$ref": "#/components/headers/Link"}
    response["content"].setdefault("text/csv", {"schema": {"type": "string"}})
