"""Every route of the application, asked by everybody: the status that is expected, and nothing else."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from werkzeug.routing import Rule

from tests.conftest import RedisServer
from tests.webapp.api.matrix_api import API
from tests.webapp.api.matrix_pages import PAGES
from tests.webapp.api.matrix_rows import ASKERS, Case, public, reads
from tests.webapp.api.matrix_world import World, built
from webapp import redis as redis_clients

TABLE = PAGES | API


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, migrated_sqlite: Path) -> Iterator[World]:
    """The place, built once; each request that may change something finds it as it was built."""
    server = RedisServer(Path(tempfile.mkdtemp(prefix="sw-redis-")))
    server.start()
    client = redis_clients.connect(server.url)
    with built(tmp_path_factory.mktemp("matrix"), migrated_sqlite, server, client) as made:
        yield made
    client.close()
    server.stop()


def shape(rule: Rule) -> str:
    """Return a rule without what its parts must be like: /watchlists/<watchlist_id>."""
    return re.sub(r"<(?:[^<>]*:)?(\w+)>", r"<\1>", rule.rule)


def routes(world: World) -> dict[str, tuple[Rule, str]]:
    """Return every route by the name that the table has for it."""
    return {f"{method} {shape(rule)}": (rule, method) for rule in world.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}


def group_of(name: str) -> str:
    """Return the first word of a route's path; of the API's that behind the version."""
    words = re.findall(r"[a-z_]+", name.partition(" ")[2].removeprefix("/api/v1"))
    return ("api " if "/api/v1" in name else "") + (words[0] if words else "front")


def send(world: World, asker: str, route: tuple[Rule, str], case: Case) -> int:
    """Ask once, and return the status."""
    rule, method = route
    facts = world.facts | {name: str(text).format(**world.facts) for name, text in case.args.items()}
    path = re.sub(r"<(?:[^<>]*:)?(\w+)>", lambda part: str(facts[part[1]]), rule.rule)
    options: dict[str, Any] = {"query_string": case.query.format(**facts)} if case.query else {}
    if case.json is not None:
        options["json"] = case.json
    elif method != "GET":
        options["data"] = {name: (io.BytesIO(text), "bars.csv") if isinstance(text, bytes) else text.format(**facts)
                           for name, text in case.form.items()}
    world.restore()
    return world.ask(asker, method, path, **options).status_code


def test_every_route_is_in_the_table_and_every_line_is_a_route(world: World) -> None:
    known = set(routes(world))
    assert {"not in the table": known - set(TABLE), "no route": set(TABLE) - known} == {
        "not in the table": set(), "no route": set()}


@pytest.mark.parametrize("group", sorted({group_of(name) for name in TABLE}))
def test_everybody_gets_what_is_theirs(world: World, group: str) -> None:
    known, wrong = routes(world), {}
    for name, case in TABLE.items():
        if group_of(name) != group or name not in known:
            continue
        found = tuple(send(world, asker, known[name], case) for asker in ASKERS)
        if found != case.expected:
            wrong[name] = {asker: (got, meant) for asker, got, meant in zip(ASKERS, found, case.expected, strict=True)
                           if got != meant}
    assert not wrong


def test_a_place_that_is_not_public_asks_everybody_for_a_token(world: World) -> None:
    known = routes(world)
    asked = {name: case for name, case in TABLE.items() if case.expected == public(case.expected[0])}
    assert len(asked) > 30
    world.app.config["API_PUBLIC"] = False
    try:
        found = {name: tuple(send(world, asker, known[name], case) for asker in ASKERS)
                 for name, case in asked.items() if name in known}
    finally:
        world.app.config["API_PUBLIC"] = True
    assert found == {name: reads(asked[name].expected[0]) for name in found}
