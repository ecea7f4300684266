"""The errors a person may see, and the one place that answers them as page, fragment, JSON or problem."""

import logging
from collections.abc import Mapping

from flask import Flask, Response, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException

from webapp.problems import is_api, problem
from webapp.rendering import is_fragment_request

log = logging.getLogger(__name__)


class AppError(Exception):
    """Something a person can be told in one sentence. `status` is the HTTP status of the answer.

    `code` is what programs know it by, "" where that is the usual one of the status; `more` is what they are told
    besides.
    """

    status = 400

    def __init__(self, message: str, *, code: str = "", **more: object) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.more = more


class NotFound(AppError):
    """The thing is not there, or not theirs to see."""

    status = 404


class Refused(AppError):
    """What was sent cannot be taken as it is."""

    status = 422


class Conflict(AppError):
    """It cannot be done because of how things are now."""

    status = 409


class Busy(AppError):
    """It cannot be done now, but can be soon."""

    status = 503


TITLES = {
    400: "That request cannot be read", 401: "Not logged in", 403: "Not allowed", 404: "Nothing here",
    405: "Not possible here", 406: "Not in that form", 409: "Not possible as things are",
    412: "Changed meanwhile", 413: "Too large", 414: "Address too long",
    415: "Not in that form", 422: "Please check what you sent", 429: "Too many tries", 500: "Our mistake",
    501: "Not on this server", 503: "Busy for a moment",
}
SENTENCES = {
    404: "The page does not exist, or it is not yours to see.",
    405: "This address does not take that kind of request.",
    413: "What you sent is larger than this page takes.",
    429: "Please wait a little before you try again.",
    500: "Something went wrong on our side. It has been logged; nothing of yours was lost.",
    503: "Please try again in a few seconds.",
}


def register(app: Flask) -> None:
    """Answer every error as the asker wants it: page, fragment, JSON or problem."""

    @app.errorhandler(AppError)
    def app_error(error: AppError) -> ResponseReturnValue:
        return answer(error.status, error.message, code=error.code, more=error.more)

    @app.errorhandler(CSRFError)
    def csrf_error(_error: CSRFError) -> ResponseReturnValue:
        return answer(400, "The form has expired or did not come from this site. "
                           "Go back, reload the page and send it again.")

    @app.errorhandler(OperationalError)
    def database_error(error: OperationalError) -> ResponseReturnValue:
        log.error("the database did not answer: %s", type(error.orig).__name__, exc_info=error)
        return answer(503, "The database is busy. Nothing was changed; please try again in a few seconds.", 5)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> ResponseReturnValue:
        if error.code is None or error.code < 400:
            return error.get_response()
        wait = getattr(error, "retry_after", None)
        response = answer(error.code, SENTENCES.get(error.code, error.description or ""), wait)
        for name, value in error.get_headers():
            if name.lower() in {"allow", "retry-after", "www-authenticate"}:
                response.headers[name] = value
        return response


def answer(status: int, message: str, retry_after: int | None = None, *, code: str = "",
           more: Mapping[str, object] | None = None) -> Response:
    """Return one error in the form the request asks for; only programs are told `more`."""
    title = TITLES.get(status, "That did not work")
    if is_api(request.path):
        response = problem(status, title, message, code, more)
    elif request.path.endswith((".json", ".csv")) or request.accept_mimetypes.best == "application/json":
        response = make_response({"error": {"status": status, "title": title, "message": message}}, status)
    else:
        page = "errors/_error.html" if is_fragment_request() else "errors/error.html"
        response = make_response(render_template(page, status=status, title=title, message=message), status)
    if retry_after is not None:
        response.headers["Retry-After"] = str(retry_after)
    return response
