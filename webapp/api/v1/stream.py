"""The stream: quotes as server-sent events, from the same hub as the pages'."""

from __future__ import annotations

import random
from http import HTTPStatus

from flask import Response, current_app, request
from pydantic import RootModel

from webapp.accounts.tokens import stream_of
from webapp.api.answers import NotAcceptable
from webapp.api.callers import find_caller, public
from webapp.api.stocks import find_stocks
from webapp.api.surface import SENT_BACK, blueprint
from webapp.api.v1.quotes import QuotesQuery
from webapp.errors import TITLES, AppError
from webapp.live.frames import JSON, first_rows
from webapp.live.handover import MIMETYPE, Handover, asked_since, hold_rows
from webapp.live.hub import Hub
from webapp.live.viewers import Full
from webapp.problems import problem
from webapp.throttle import address_key

bp = blueprint("stream", "Quotes")

# What this answer's head says besides what that of every stream does.
TOLD = ("Access-Control-Allow-Origin", "Access-Control-Expose-Headers", "Vary",
        *(name for name in SENT_BACK if name.startswith("RateLimit")))


class NoStreams(AppError):
    """The server that answers has no hub."""

    status = 501


class Events(RootModel[str]):
    """Events, as text."""


@bp.get("/stream")
@public
@bp.input(QuotesQuery, location="query")
@bp.output(Events, content_type=MIMETYPE)
def stream(query_data: QuotesQuery) -> Response:
    """Get quotes as they change, as server-sent events.

    `quotes`: a JSON array of quotes, as /quotes has them; first those of all the stocks, then those that changed.
    `status`: {"stream": "live"}, or "reconnecting" while newer prices cannot be heard of. `beat`: a sign of life, each
    15 seconds where nothing else comes. `signed-out`: the token is revoked or its person locked, and the stream ends.

    Send the last `id` as Last-Event-ID to go on where the stream broke off: browsers and libraries do. Who reads too
    slowly misses prices that were newer for a moment, never the newest.
    """
    stocks = find_stocks(query_data.symbols)
    if request.headers.get("Accept") and not request.accept_mimetypes.best_match([MIMETYPE]):
        raise NotAcceptable(f"There is {MIMETYPE} here.")
    hub: Hub | None = current_app.extensions.get("hub")
    if hub is None or "gunicorn.socket" not in request.environ:
        raise NoStreams("This server has no streams; the one that “make run” starts has.")
    if request.method == "HEAD":
        return Response(mimetype=MIMETYPE)
    return handed_over(hub, [stock.id for stock in stocks])


def handed_over(hub: Hub, ids: list[int]) -> Response:
    """Return the answer that gives the connection to the hub, or the problem that there are too many."""
    caller, address = find_caller(), address_key()
    user_id, session_id = (caller.user_id, stream_of(caller.token_id)) if caller else (0, 0)
    unpriced, since = hold_rows(hub, ids), asked_since()
    hub.prepare(JSON, ids)
    anew = since is None or since > hub.received
    first = first_rows(hub.render(JSON, row) for row in unpriced) if anew else b""
    try:
        hub.admit(user_id, address)
    except Full:
        refused = problem(HTTPStatus.SERVICE_UNAVAILABLE, TITLES[503], "There are too many streams: close some, or "
                          "try again soon.", "too-many-streams")
        refused.headers["Retry-After"] = str(random.randint(5, 15))
        return refused
    return Handover(request.environ["gunicorn.socket"], hub, told=TOLD, first=first, kind=JSON, ids=ids, since=since,
                    user_id=user_id, session_id=session_id, address=address)


stream.api_errors = (501,)  # type: ignore[attr-defined]
