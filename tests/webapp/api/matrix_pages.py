"""The matrix's lines of the pages."""

from __future__ import annotations

from tests.webapp.api.matrix_rows import Case, admins, everybody, members, mine, page
from tests.webapp.people import PASSWORD

LIST = "/watchlists/<watchlist_id>"
ITEM = f"{LIST}/symbols/<instrument_id>"
STOCK = "/stocks/<mic>/<symbol>"
EDITED = "/admin/stocks/<mic>/<symbol>"
PERSON = "/admin/people/<user_id>"
JOB = "/admin/jobs/job/<job_id>"
PROVIDER = "/admin/providers/<name>"
BAR = "/history/bars/<series_id>/<day>"
FAULT = "/history/findings/<number>"
PASSING = {"password": PASSWORD}
NEW = {"password": "another rather long one"}
SIMULATOR = {"name": "simulator"}

PAGES: dict[str, Case] = {
    # For everybody
    "GET /": Case(everybody(200)),
    "GET /healthz": Case(everybody(200)),
    "GET /static/<filename>": Case(everybody(200)),
    "GET /quotes.json": Case(everybody(200), query="symbols=AAPL"),
    "POST /preferences": Case(everybody(303), {"theme": "dark", "palette": "red-up"}),
    "GET /market/stages": Case(everybody(200)),
    "GET /market/stages.json": Case(everybody(200)),
    "GET /sources": Case(everybody(200)),
    "GET /screener": Case(everybody(200)),
    "GET /screener.json": Case(everybody(200)),
    "GET /screener.csv": Case(everybody(200)),
    "GET /screener/shared/<token>": Case(everybody(302), args={"token": "{shared}"}),
    f"GET {STOCK}": Case(everybody(200)),
    f"GET {STOCK}/chart": Case(everybody(303)),  # it is a part of the stock's page
    f"GET {STOCK}/chart.json": Case(everybody(200)),
    f"GET {STOCK}/chart.csv": Case(everybody(200)),
    f"GET {STOCK}/chart.svg": Case(everybody(200)),
    "GET /stocks/search": Case(everybody(200), query="q=apple"),
    # Without the hub of a real server there is no stream.
    "GET /live/stream": Case(everybody(501), query="ids=1"),

    # Coming in and going out
    "GET /login": Case(page(200, 303, 303, 303)),
    "POST /login": Case(everybody(303), {"email": "{owner_email}", **PASSING}),
    "GET /login/code": Case(everybody(303)),
    "POST /login/code": Case(everybody(303), {"code": "123456"}),
    "POST /logout": Case(everybody(303)),
    "GET /register": Case(page(200, 303, 303, 303)),
    "POST /register": Case(everybody(303), {"email": "fresh@example.org", **NEW}),
    "GET /invitation/<token>": Case(page(200, 303, 303, 303), args={"token": "{invitation}"}),
    "POST /invitation/<token>": Case(everybody(303), NEW, args={"token": "{invitation}"}),
    "GET /password/forgot": Case(everybody(200)),
    "POST /password/forgot": Case(everybody(200), {"email": "{owner_email}"}),
    "GET /password/reset/<token>": Case(everybody(200), args={"token": "{reset}"}),
    "POST /password/reset/<token>": Case(everybody(303), NEW, args={"token": "{reset}"}),

    # One's own account
    "GET /account": Case(members(200)),
    "POST /account/sessions": Case(members(303)),
    "GET /account/password": Case(members(200)),
    "POST /account/password": Case(members(303), {"current": PASSWORD, **NEW}),
    "GET /account/delete": Case(members(200)),
    # The only admin stays.
    "POST /account/delete": Case(page(303, 303, 303, 422), PASSING),
    "GET /account/second-factor": Case(members(200)),
    "POST /account/second-factor": Case(members(303), PASSING),
    "GET /account/second-factor/set-up": Case(members(303)),
    "POST /account/second-factor/set-up": Case(members(303), {"code": "123456"}),
    "GET /account/second-factor/recovery-codes": Case(members(303)),
    "POST /account/second-factor/recovery-codes": Case(members(303), {"code": "123456", **PASSING}),
    "GET /account/second-factor/off": Case(members(303)),
    "POST /account/second-factor/off": Case(members(303), {"code": "123456", **PASSING}),
    "GET /account/tokens/new": Case(members(200)),
    "POST /account/tokens/new": Case(members(200), {"name": "new", "scope": "read", "expires": "30", **PASSING}),
    "GET /account/tokens/<token_id>/revoke": Case(mine(200)),
    "POST /account/tokens/<token_id>/revoke": Case(mine(303), {"prefix": "{prefix}"}),

    # Lists and screens
    "GET /watchlists": Case(page(303, 302, 200, 302)),  # who has none is led to choose stocks
    "POST /watchlists": Case(members(303), {"name": "New"}),
    "POST /watchlists/order": Case(mine(303), {"watchlist_id": "{watchlist_id}", "place": "1"}),
    "GET /watchlists/pick": Case(members(200)),
    "POST /watchlists/pick": Case(members(303), {"do": "add", "name": "New", "chosen": "{instrument_id}"}),
    "POST /watchlists/symbols": Case(mine(303), {"watchlist_id": "{watchlist_id}", "instrument_id": "{other_id}"}),
    f"GET {LIST}": Case(mine(200)),
    f"GET {LIST}.json": Case(mine(200, 401)),
    f"GET {LIST}.csv": Case(mine(200, 401)),
    f"GET {LIST}.txt": Case(mine(200)),
    f"GET {LIST}/settings": Case(mine(200)),
    f"POST {LIST}/rename": Case(mine(303), {"name": "Big"}),
    f"POST {LIST}/columns": Case(mine(303), {"columns": "change"}),
    f"POST {LIST}/delete": Case(mine(303)),
    f"GET {LIST}/pick": Case(mine(200)),
    f"POST {LIST}/pick": Case(mine(303), {"do": "add", "chosen": "{other_id}"}),
    f"GET {LIST}/import": Case(mine(200)),
    f"POST {LIST}/import": Case(mine(200), {"text": "MSFT"}),
    f"POST {LIST}/import/chosen": Case(mine(303), {"line-1": "{other_id}"}),
    f"POST {ITEM}/remove": Case(mine(303)),
    f"POST {ITEM}/replace": Case(mine(404)),  # nothing has taken its place
    f"POST {ITEM}/move": Case(mine(303), {"place": "1"}),
    f"GET {ITEM}/note": Case(mine(200)),
    f"POST {ITEM}/note": Case(mine(303), {"note": "pie"}),
    "GET /screener/saved": Case(members(200)),
    "POST /screener/saved": Case(members(303), {"name": "New"}),
    "POST /screener/add": Case(mine(303), {"watchlist_id": "{watchlist_id}"}),
    "POST /screener/saved/<screen_id>/rename": Case(mine(303), {"name": "Other"}),
    "POST /screener/saved/<screen_id>/delete": Case(mine(303)),
    "POST /stocks/search/ask": Case(members(422), {"q": "apple"}),  # no provider here can be searched
    "GET /stocks/search/asked": Case(members(303), query="q=apple"),
    "POST /stocks/search/choose": Case(members(404), {"q": "apple", "key": "XNAS:NONE"}),

    # Running the place
    "GET /admin": Case(admins(200)),
    "GET /admin/people": Case(admins(200)),
    "POST /admin/people/registration": Case(admins(303), {"open": "no"}),
    "POST /admin/people/invitations": Case(admins(303), {"email": "guest@example.org"}),
    "GET /admin/people/invitations/<invitation_id>/withdraw": Case(admins(200)),
    "POST /admin/people/invitations/<invitation_id>/withdraw": Case(admins(303), {"email": "new@example.org"}),
    f"GET {PERSON}": Case(admins(200)),
    f"GET {PERSON}/<name>": Case(admins(200), args={"name": "lock"}),
    f"POST {PERSON}/<name>": Case(admins(303), {"email": "{user_email}"}, args={"name": "promote"}),
    "GET /admin/audit": Case(admins(200)),
    "GET /admin/audit.csv": Case(admins(200, 401)),
    "GET /admin/stocks": Case(admins(200)),
    f"GET {EDITED}": Case(admins(200)),
    f"POST {EDITED}/edit": Case(admins(303), {
        "name": "Apple", "kind": "stock", "sector": "", "country": "US", "quoted_in": "USD", "decimals": "2",
        "seen": "{seen}"}),
    f"POST {EDITED}/mark": Case(admins(303), {"status": "delisted", "seen": "{seen}"}),
    f"POST {EDITED}/directories": Case(admins(409)),  # without the version that was seen
    f"POST {EDITED}/symbols": Case(admins(409)),
    f"GET {EDITED}/merge": Case(admins(200)),
    f"POST {EDITED}/merge": Case(admins(409), {"into": "XNAS:MSFT", "how": "duplicate"}),
    "GET /admin/providers": Case(admins(200)),
    f"GET {PROVIDER}/pause": Case(admins(200), args=SIMULATOR),
    f"POST {PROVIDER}/pause": Case(admins(303), args=SIMULATOR),
    f"POST {PROVIDER}/resume": Case(admins(303), args=SIMULATOR),
    f"GET {PROVIDER}/test": Case(admins(303), args=SIMULATOR),
    f"POST {PROVIDER}/test": Case(admins(303), {"symbol": "AAPL"}, args=SIMULATOR),
    "GET /admin/jobs": Case(admins(200)),
    "GET /admin/jobs/<state>": Case(admins(200)),
    "GET /admin/jobs/failed/empty": Case(admins(200)),
    "POST /admin/jobs/failed/empty": Case(admins(303), {"until": "2040-01-01T00:00:00+00:00"}),
    "POST /admin/jobs/periodic/<name>/run": Case(admins(303), args={"name": "{periodic}"}),
    f"POST {JOB}/retry": Case(admins(303)),
    f"GET {JOB}/cancel": Case(admins(409)),  # it has failed already
    f"POST {JOB}/cancel": Case(admins(409)),
    f"GET {JOB}/delete": Case(admins(200)),
    f"POST {JOB}/delete": Case(admins(303), {"state": "failed"}),
    "GET /admin/streams": Case(admins(200)),
    "GET /admin/streams/sessions/<session_id>/end": Case(admins(200)),
    "POST /admin/streams/sessions/<session_id>/end": Case(admins(303), {"person": "{owner_email}"}),
    "GET /admin/findings": Case(admins(200)),
    "POST /admin/findings/splits": Case(admins(303), {"symbol": "AAPL", "day": "2026-11-02", "ratio": "2:1"}),
    "GET /admin/findings/holds/<instrument_id>/<do>": Case(admins(200), args={"do": "take"}),
    "POST /admin/findings/holds/<instrument_id>": Case(admins(303), {"do": "take", "price": "150"}),
    "GET /history/import": Case(admins(200)),
    "POST /history/import": Case(admins(303), {"file": b"Date,Close\n2026-11-20,1\n", "symbol": "AAPL"}),
    "GET /history/runs": Case(admins(200)),
    "GET /history/runs/<run_id>": Case(admins(200)),
    "GET /history/coverage": Case(admins(200)),
    "GET /history/<mic>/<symbol>": Case(admins(200)),
    "GET /history/<mic>/<symbol>/bars.csv": Case(admins(200, 401)),
    "GET /history/<mic>/<symbol>/remove": Case(admins(200)),
    "POST /history/<mic>/<symbol>/remove": Case(admins(303)),
    "GET /history/findings": Case(admins(200)),
    f"GET {FAULT}": Case(admins(200)),
    f"POST {FAULT}/explain": Case(admins(303), {"note": "It is so."}),
    f"POST {FAULT}/split": Case(admins(303), {"day": "2026-11-02", "ratio": "2:1"}),
    f"GET {BAR}": Case(admins(200)),
    f"POST {BAR}": Case(admins(409), {"close": "5"}),  # without the bar that was seen
    f"POST {BAR}/take-out": Case(admins(409)),
    f"POST {BAR}/undo": Case(admins(303)),  # there is nothing to undo
}
