"""Page or fragment: the only file that knows htmx's headers."""

from urllib.parse import urlsplit

from flask import Response, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue


def is_fragment_request() -> bool:
    """Tell whether htmx asks for a part of a page, not for the page."""
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


def render(template: str, block: str | None = None, **context: object) -> str:
    """Render a page, or the one block of it whose name is the element's id."""
    if block is None:
        return render_template(template, **context)
    from flask import current_app  # noqa: PLC0415 - the application exists by now

    current_app.update_template_context(context)
    source = current_app.jinja_env.get_template(template)
    return "".join(source.blocks[block](source.new_context(context)))


def go_to(url: str) -> ResponseReturnValue:
    """Send the browser to another page, whether a form or htmx asked."""
    if is_fragment_request():
        response: Response = make_response("", 204)
        response.headers["HX-Redirect"] = url
        return response
    return redirect(url, 303)


def safe_path(target: str | None, default: str) -> str:
    """Return `target` if it is a path on this site, else `default`: nobody is sent elsewhere by a link."""
    if not target or not target.startswith("/") or target.startswith(("//", "/\\")):
        return default
    if any(ord(sign) < 32 or sign == "\\" for sign in target):
        return default
    parts = urlsplit(target)
    return default if parts.scheme or parts.netloc else target
