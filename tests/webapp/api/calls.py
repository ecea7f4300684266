"""What the examples in the document ask, in the order in which it is asked: first what reads, then what changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.webapp.api.world import FAILED_JOB
from webapp.models import Scope

TWO = {"symbols": "XNAS:AAPL,XNAS:MSFT"}
STOCK = {"stock": "XNAS:AAPL"}


@dataclass(frozen=True)
class Asked:
    """One call: its place in the path, its query, its body; and whose token is sent, by scope."""

    path: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    scope: Scope = Scope.WRITE


LIST = {"watchlist_id": 1}
ITEM = {"watchlist_id": 1, "stock": "XNAS:AAPL"}
SCREEN = "stage=2&sort=high&dir=desc"

CALLS: dict[str, Asked] = {
    "about_index": Asked(),
    "about_problems": Asked(),
    "about_problem_type": Asked({"code": "unknown-symbol"}),
    "instruments_instruments": Asked(query={"mic": "XNAS", "limit": 2}),
    "instruments_instrument": Asked(STOCK),
    "instruments_search": Asked(query={"q": "apple"}),
    "quotes_quote": Asked(STOCK),
    "quotes_quotes": Asked(query=TWO),
    "stream_stream": Asked(query=TWO),
    "bars_bars": Asked(STOCK, {"from": "2026-11-01", "limit": 2}),
    "events_events": Asked(STOCK),
    "indicators_indicators": Asked(STOCK, {"names": "sma50,rsi14,macd", "from": "2026-11-01", "limit": 2}),
    "stages_stage": Asked(STOCK),
    "stages_stages": Asked(STOCK, {"from": "2026-10-01", "limit": 2}),
    "screener_screener": Asked(query={"sort": "high", "limit": 2}),
    "screener_fields": Asked(),
    "screens_save_screen": Asked(body={"name": "Leaders", "query": SCREEN}),
    "screens_screens": Asked(),
    "screens_screen": Asked({"screen_id": 1}),
    "screens_rename_screen": Asked({"screen_id": 1}, body={"name": "My leaders"}),
    "screens_delete_screen": Asked({"screen_id": 1}),
    "market_market": Asked(),
    "market_market_breadth": Asked(),
    "market_breadth_weeks": Asked(query={"from": "2026-10-01", "limit": 2}),
    "providers_providers": Asked(),
    "providers_provider": Asked({"provider": "simulator"}),
    "providers_intervals": Asked(query=TWO),
    "watchlists_watchlists": Asked(),
    "watchlists_create_watchlist": Asked(body={"name": "Banks", "symbols": ["XNAS:MSFT"]}),
    "watchlists_watchlist": Asked(LIST, {"with": "quotes"}),
    "watchlists_watchlist_quotes": Asked(LIST),
    "watchlists_change_watchlist": Asked(LIST, body={"name": "Technology"}),
    "items_add_items": Asked(LIST, body={"symbols": ["ARCX:SPY", "XNAS:MSFT"]}),
    "items_order_items": Asked(LIST, body={"symbols": ["ARCX:SPY", "XNAS:MSFT", "XNAS:AAPL"]}),
    "items_change_item": Asked(ITEM, body={"position": 1, "note": "Buy below 200."}),
    "items_write_note": Asked(ITEM, body={"text": "Buy below 190."}),
    "items_notes": Asked(),
    "items_delete_note": Asked(ITEM),
    "items_remove_item": Asked(ITEM),
    "watchlists_delete_watchlist": Asked({"watchlist_id": 2}),
    "account_account": Asked(),
    "account_tokens": Asked(),
    "account_revoke_token": Asked({"token_id": 1}),
    "admin_health": Asked(scope=Scope.ADMIN),
    "admin_users": Asked(query={"limit": 2}, scope=Scope.ADMIN),
    "admin_change_user": Asked({"user_id": 1}, body={"locked": True}, scope=Scope.ADMIN),
    "operations_jobs": Asked(query={"state": "failed"}, scope=Scope.ADMIN),
    "operations_retry_job": Asked({"job_id": FAILED_JOB}, scope=Scope.ADMIN),
    "operations_pause_provider": Asked({"provider": "simulator"}, scope=Scope.ADMIN),
    "operations_resume_provider": Asked({"provider": "simulator"}, scope=Scope.ADMIN),
    "findings_holds": Asked(scope=Scope.ADMIN),
    "findings_settle_hold": Asked({"stock": "XNAS:MSFT"}, body={"do": "drop", "price": "150.0000"}, scope=Scope.ADMIN),
    "findings_runs": Asked(query={"limit": 2}, scope=Scope.ADMIN),
    "findings_findings": Asked(query={"limit": 2}, scope=Scope.ADMIN),
    "admin_audit": Asked(query={"limit": 2}, scope=Scope.ADMIN),
}
