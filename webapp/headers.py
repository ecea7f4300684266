"""The headers that every answer carries, and addresses of static files that change with their content."""

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Flask, Response, request, url_for

from webapp.problems import is_api

CONTENT_SECURITY_POLICY = "; ".join((
    "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
    "font-src 'self'", "manifest-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'",
))
A_YEAR = 31_536_000
# What an answer depends on besides its address.
FOR_PROGRAMS, FOR_PAGES = ("Accept", "Authorization", "Origin"), ("HX-Request", "Cookie")


@lru_cache(maxsize=256)
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path.is_file() else "0"


def register(app: Flask) -> None:
    """Add the headers to every answer and `static_url` to every template."""
    static = Path(app.static_folder or "static")

    @app.template_global()
    def static_url(name: str) -> str:
        return url_for("static", filename=name, v=_fingerprint(static / name))

    @app.after_request
    def add_headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        if request.is_secure:
            response.headers.setdefault("Strict-Transport-Security", f"max-age={A_YEAR}")
        if request.endpoint == "static":
            _cache_static(response)
        else:
            # A page carries a person's data and prices of this second: nobody may keep it.
            response.headers.setdefault("Cache-Control", "private, no-cache")
            response.vary.update(FOR_PROGRAMS if is_api(request.path) else FOR_PAGES)
        return response


def _cache_static(response: Response) -> None:
    if "v" in request.args and response.status_code in {200, 304}:
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = A_YEAR
        response.cache_control.immutable = True
