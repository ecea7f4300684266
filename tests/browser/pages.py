"""The address of every page there is."""

from __future__ import annotations

from tests.browser.people import Person

PUBLIC = ("/", "/?sort=percent&dir=desc", "/stocks/XNAS/AAPL", "/stocks/search?q=a", "/stocks/search?q=nothing+of+that",
          "/screener", "/screener?stage=2&rs_min=80&sort=price&dir=asc", "/market/stages",
          "/sources", "/login", "/register", "/password/forgot", "/password/reset/void", "/nothing-here")
# What the browser writes down of the two pages whose status is an error.
REFUSED = r"status of (404|410).*(/nothing-here|/password/reset/void)"


def private_pages(person: Person) -> list[str]:
    """Return the pages of somebody with a list, an empty list and a note."""
    full = person.make_list("AAPL", "SHEL", "BRK.B", "WMT", "7203", name="Full")
    note = f"{full}/symbols/{person.market.ids['AAPL']}/note"
    person.send(note, note="A note that is longer than its place in the row is")
    empty = person.make_list(name="Empty")
    return [full, f"{full}?sort=price&dir=asc", f"{full}/import", f"{full}/settings", note, empty, f"{empty}/pick",
            "/watchlists/pick", "/watchlists", "/screener/saved", "/account", "/account/password", "/account/delete",
            "/account/second-factor", "/account/tokens/new"]
