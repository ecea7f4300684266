"""Builds the application: config, extensions, blueprints, filters, error pages, in that order."""

import logging
from typing import Any

from apiflask import APIFlask
from flask import Flask, request
from flask.sessions import SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix

from config import Config, ConfigError
from webapp import clock, database, errors, filters, headers, models, redis, site, throttle
from webapp.extensions import compress, csrf, db, limiter, login_manager, migrate

__all__ = ["ConfigError", "create_app", "models"]


class SessionInterface(SecureCookieSessionInterface):
    """The signed cookie, marked Secure wherever the page came by HTTPS, and always in production."""

    def get_cookie_secure(self, app: Flask) -> bool:
        """Tell whether the cookie may travel by HTTPS only."""
        return request.is_secure or bool(app.config["SESSION_COOKIE_SECURE"])


def create_app(config: Config | None = None) -> APIFlask:
    """Return the application; raise ConfigError where a setting cannot be used."""
    app = APIFlask(__name__, title="Stagewatch", version="1.0.0", static_folder="static", spec_path=None,
                   docs_path=None, json_errors=False)
    # The redirect to an address with fewer slashes would name whatever host the asker made up.
    app.url_map.merge_slashes = False
    settings = config or Config()
    app.config.from_object(settings)
    app.config["SETTINGS"] = settings
    app.session_interface = SessionInterface()
    logging.getLogger("webapp").setLevel(settings.LOG_LEVEL.upper())
    if settings.TRUSTED_PROXIES:
        hops = settings.TRUSTED_PROXIES
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    bind_extensions(app, settings)
    register_blueprints(app)
    filters.register(app)
    headers.register(app)
    throttle.register(app)
    errors.register(app)
    return app


def bind_extensions(app: Flask, settings: Config) -> None:
    """Bind the database, Redis, log-in, forms, throttling and compression."""
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = database.engine_options(settings.SQLALCHEMY_DATABASE_URI)
    db.init_app(app)
    with app.app_context():
        database.watch_engine(db.engine)
    migrate.init_app(app, db, directory="migrations", render_as_batch=True, compare_type=True)
    redis_url = settings.REDIS_URL or "redis://127.0.0.1:6379/0"
    app.extensions["redis"] = redis.connect(redis_url)
    csrf.init_app(app)
    login_manager.init_app(app)
    app.config.update(
        # The limiter's library calls a socket by another name.
        RATELIMIT_STORAGE_URI=f"redis+{redis_url}" if redis_url.startswith("unix:") else redis_url,
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_STORAGE_OPTIONS={"socket_timeout": 1, "socket_connect_timeout": 1},
        RATELIMIT_KEY_PREFIX="stagewatch",
        COMPRESS_ALGORITHM=["br", "gzip"],
        COMPRESS_ALGORITHM_STREAMING=["gzip", "br"],  # static files are sent as streams
        COMPRESS_MIMETYPES=["text/html", "text/css", "text/javascript", "application/json", "text/csv",
                            "image/svg+xml"],
    )
    limiter.init_app(app)
    compress.init_app(app)


def register_blueprints(app: APIFlask) -> None:
    """Register every feature."""
    from webapp.accounts import cli as accounts_cli  # noqa: PLC0415 - views import extensions that are bound by now
    from webapp.accounts.views import bp as accounts  # noqa: PLC0415
    from webapp.admin.views import bp as admin  # noqa: PLC0415
    from webapp.api import surface as api  # noqa: PLC0415
    from webapp.charts.views import bp as charts  # noqa: PLC0415
    from webapp.findings.views import bp as findings  # noqa: PLC0415
    from webapp.history import cli as history_cli  # noqa: PLC0415
    from webapp.history.views import bp as history  # noqa: PLC0415
    from webapp.live.views import bp as live  # noqa: PLC0415
    from webapp.market.stages import bp as stages  # noqa: PLC0415
    from webapp.market.views import bp as market  # noqa: PLC0415
    from webapp.screener.views import bp as screener  # noqa: PLC0415
    from webapp.sources.views import bp as sources  # noqa: PLC0415
    from webapp.symbols.views import bp as symbols  # noqa: PLC0415
    from webapp.watchlists.views import bp as watchlists  # noqa: PLC0415

    for blueprint in (market, accounts, symbols, watchlists, live, findings, sources, history, screener, stages,
                      charts, admin):
        app.register_blueprint(blueprint)
    api.register(app)
    app.cli.add_command(accounts_cli.users)
    app.cli.add_command(accounts_cli.api_tokens)
    app.cli.add_command(history_cli.bars)

    @app.context_processor
    def common_names() -> dict[str, Any]:
        return {"now": clock.now(), "simulated": app.config["SETTINGS"].simulated,
                "offers_registration": site.offers_registration}

