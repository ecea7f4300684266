"""The matrix's lines of the API and of the data feed for charts."""

from __future__ import annotations

from tests.webapp.api.matrix_rows import (
    Case,
    everybody,
    public,
    reads,
    reads_mine,
    runs,
    writes,
    writes_mine,
)

V1 = "/api/v1"
LIST = f"{V1}/watchlists/<watchlist_id>"
ITEM = f"{LIST}/items/<stock>"
ADMIN = f"{V1}/admin"
TWO = "symbols=XNAS:AAPL,XNAS:MSFT"

# Calls that need no token: the path, what is asked, and the status.
PUBLIC = (
    ("", ""), ("/problems", ""), ("/problems/<code>", ""), ("/search", "q=apple"), ("/search.csv", "q=apple"),
    ("/quotes", TWO), ("/quotes.csv", TWO), ("/quotes/<stock>", ""),
    ("/instruments", ""), ("/instruments.csv", ""), ("/instruments/<stock>", ""),
    ("/instruments/<stock>/bars", ""), ("/instruments/<stock>/bars.csv", ""),
    ("/instruments/<stock>/events", ""), ("/instruments/<stock>/events.csv", ""),
    ("/instruments/<stock>/indicators", "names=sma50"), ("/instruments/<stock>/indicators.csv", "names=sma50"),
    ("/instruments/<stock>/stage", ""), ("/instruments/<stock>/stages", ""), ("/instruments/<stock>/stages.csv", ""),
    ("/screener", ""), ("/screener.csv", ""), ("/screener/fields", ""),
    ("/market", ""), ("/market.csv", ""), ("/market/breadth", ""), ("/market/breadth/weeks", ""),
    ("/market/breadth/weeks.csv", ""), ("/providers", ""), ("/providers/<provider>", ""),
    ("/providers/intervals", TWO), ("/providers/intervals.csv", TWO))

API: dict[str, Case] = {
    **{f"GET {V1}{path}": Case(public(200), query=query) for path, query in PUBLIC},
    # Without the hub of a real server there is no stream.
    f"GET {V1}/stream": Case(public(501), query=TWO),
    # What says how the API is asked is for everybody, whatever they send.
    f"GET {V1}/docs": Case(everybody(200)),
    f"GET {V1}/openapi.json": Case(everybody(200)),

    f"GET {V1}/watchlists": Case(reads(200)),
    f"GET {V1}/watchlists.csv": Case(reads(200)),
    f"POST {V1}/watchlists": Case(writes(201), json={"name": "New", "symbols": ["XNAS:AAPL"]}),
    f"GET {LIST}": Case(reads_mine(200)),
    f"PATCH {LIST}": Case(writes_mine(200), json={"name": "Big"}),
    f"DELETE {LIST}": Case(writes_mine(204)),
    f"GET {LIST}/quotes": Case(reads_mine(200)),
    f"GET {LIST}/quotes.csv": Case(reads_mine(200)),
    f"POST {LIST}/items": Case(writes_mine(200), json={"symbols": ["XNAS:MSFT"]}),
    f"PUT {LIST}/order": Case(writes_mine(200), json={"symbols": ["XNAS:AAPL"]}),
    f"PATCH {ITEM}": Case(writes_mine(200), json={"note": "pie"}),
    f"DELETE {ITEM}": Case(writes_mine(204)),
    f"PUT {ITEM}/note": Case(writes_mine(200), json={"text": "pie"}),
    f"DELETE {ITEM}/note": Case(writes_mine(204)),
    f"GET {V1}/notes": Case(reads(200)),
    f"GET {V1}/notes.csv": Case(reads(200)),
    f"GET {V1}/screens": Case(reads(200)),
    f"GET {V1}/screens.csv": Case(reads(200)),
    f"POST {V1}/screens": Case(writes(201), json={"name": "New", "query": "stage=2"}),
    f"GET {V1}/screens/<screen_id>": Case(reads_mine(200)),
    f"PATCH {V1}/screens/<screen_id>": Case(writes_mine(200), json={"name": "Other"}),
    f"DELETE {V1}/screens/<screen_id>": Case(writes_mine(204)),
    f"GET {V1}/account": Case(reads(200)),
    f"GET {V1}/tokens": Case(reads(200)),
    f"DELETE {V1}/tokens/<token_id>": Case(writes_mine(204)),

    f"GET {ADMIN}/health": Case(runs(200)),
    f"GET {ADMIN}/users": Case(runs(200)),
    f"GET {ADMIN}/users.csv": Case(runs(200)),
    f"PATCH {ADMIN}/users/<user_id>": Case(runs(200), json={"locked": True}),
    f"GET {ADMIN}/audit": Case(runs(200)),
    f"GET {ADMIN}/audit.csv": Case(runs(200)),
    f"GET {ADMIN}/jobs": Case(runs(200)),
    f"POST {ADMIN}/jobs/<job_id>/retry": Case(runs(204)),
    f"POST {ADMIN}/providers/<provider>/pause": Case(runs(200)),
    f"POST {ADMIN}/providers/<provider>/resume": Case(runs(200)),
    f"GET {ADMIN}/holds": Case(runs(200)),
    f"POST {ADMIN}/holds/<stock>": Case(runs(202), json={"do": "drop", "price": "150"}),
    f"GET {ADMIN}/runs": Case(runs(200)),
    f"GET {ADMIN}/runs.csv": Case(runs(200)),
    f"GET {ADMIN}/findings": Case(runs(200)),
    f"GET {ADMIN}/findings.csv": Case(runs(200)),

    "GET /udf/config": Case(public(200)),
    "GET /udf/time": Case(public(200)),
    "GET /udf/symbols": Case(public(200), query="symbol=XNAS:AAPL"),
    "GET /udf/search": Case(public(200), query="query=apple"),
    "GET /udf/history": Case(public(200), query="symbol=XNAS:AAPL&resolution=1D&from=0&to=2000000000"),
    "GET /udf/quotes": Case(public(200), query=TWO),
}
