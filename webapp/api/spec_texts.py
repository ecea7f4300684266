"""What the document says in its own words: of the API as a whole, its parts, headers and errors."""

from __future__ import annotations

from typing import Any

INFO = """\
Quotes, past prices, stages, lists and how the place runs, for programs, spreadsheets and notebooks.

**Values.** Prices, ratios and percentages are decimal numbers as text, with every digit that is known; counts are \
numbers. Times are ISO 8601 in UTC, days are dates at the exchange. What is unknown is null.

**Stocks** are named by exchange and symbol, `XNAS:AAPL`. A symbol alone will do where only one exchange has it; where \
several have, the answer is 409 and names them.

**Lists** come a page at a time: `next` is the path of the page that follows, null at the end.

**CSV**: what is offered as `text/csv` is had by `Accept: text/csv`, or at the same address with `.csv` at its end.

**Tokens.** What pages show to everybody needs none, unless the place was set up otherwise. Everything else takes a \
token from your account's page: `Authorization: Bearer sw_…`. Its scope is `read`, `write` (reads and changes what is \
yours) or `admin` (runs the place as well). The browser's cookie is worth nothing here.

**Saving time.** An answer has an `ETag`; sent back as `If-None-Match` it gets 304 while nothing has changed. Sent as \
`If-Match` with a change to a list, it gets 412 where somebody else was faster.

**Limits** are told by the `RateLimit-…` headers. Too many calls get 429, with `Retry-After` in seconds. What names \
more than 100 stocks, or asks for the quotes of more, counts once for each hundred.

**Errors** are `application/problem+json` (RFC 9457). `code` does not change; the list is at `/api/v1/problems`.

**Versions.** What is described here stays within /api/v1: fields and calls may be added, none taken away."""

TAGS = {
    "About": "What there is here, and what each error means.",
    "Stocks": "What is known here, and how to find it.",
    "Quotes": "The newest prices.",
    "Past prices": "Bars of days, weeks, months and minutes; splits and dividends; indicators.",
    "Stages": "Where a stock stands by its completed weeks, and stood.",
    "Screener": "Which stocks meet what is asked for; the screens that you keep.",
    "Market": "How many stocks are in each stage; which exchanges are open.",
    "Providers": "What is left of the providers' limits, and how often stocks are fetched.",
    "Watchlists": "Your lists, their stocks and notes.",
    "Account": "Who you are here, and your tokens.",
    "Admin": "Running the place. Every change is written into the audit log.",
}
SECURITY = {"token": {"type": "http", "scheme": "bearer",
                      "description": "A token from your account's page. It begins with sw_."}}
CSV_NOTE = "Also as CSV: by `Accept: text/csv`, or at this address with `.csv` at its end."

ERRORS = {"400": "It cannot be read.", "401": "A token is needed, or this one is no good.",
          "403": "The token's scope is too narrow.", "404": "There is no such thing, or it is not yours.",
          "406": "There is no such form.", "409": "It cannot be done because of how things are now.",
          "412": "It was changed meanwhile.", "413": "It is too large.", "415": "It is not JSON.",
          "422": "A field is wrong.", "429": "Too many calls; Retry-After says when to go on.",
          "501": "This server cannot do that.", "503": "It cannot be done just now, but soon."}


def _header(description: str, kind: str, example: object) -> dict[str, Any]:
    return {"description": description, "schema": {"type": kind}, "example": example}


HEADERS = {
    "ETag": _header("Stands for this answer: send it as If-None-Match, or as If-Match with a change.", "string",
                    'W/"5f2b8c1d"'),
    "Link": _header('The next page, as in <…>; rel="next". CSV has no other place for it.', "string",
                    '</api/v1/instruments.csv?after=WzEwMF0>; rel="next"'),
    "RateLimit-Limit": _header("How many calls there are in all.", "integer", 600),
    "RateLimit-Remaining": _header("How many of them are left.", "integer", 599),
    "RateLimit-Reset": _header("In how many seconds all of them are there again.", "integer", 60),
    "Retry-After": _header("For how many seconds to wait.", "integer", 12),
    "WWW-Authenticate": _header("How to say who calls.", "string", 'Bearer realm="Stagewatch"'),
}
LIMITS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
