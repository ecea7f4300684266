"""Version 1 of the API: no logic of its own, the same queries and services as the pages."""

from apiflask import APIBlueprint

from webapp.api.v1 import (
    about,
    account,
    admin,
    bars,
    events,
    findings,
    indicators,
    instruments,
    items,
    market,
    operations,
    providers,
    quotes,
    screener,
    screens,
    stages,
    stream,
    watchlists,
)

BLUEPRINTS: tuple[APIBlueprint, ...] = (
    about.bp, instruments.bp, quotes.bp, bars.bp, events.bp, indicators.bp, watchlists.bp, items.bp, account.bp,
    stages.bp, screener.bp, screens.bp, market.bp, providers.bp, stream.bp, admin.bp, operations.bp, findings.bp,
)
