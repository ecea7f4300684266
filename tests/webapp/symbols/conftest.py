"""People with browsers, for the pages of search."""

from tests.webapp.watchlists.conftest import browser, cheap_hashes, make_list, person, stranger, visitor

__all__ = ["browser", "cheap_hashes", "make_list", "person", "stranger", "visitor"]
