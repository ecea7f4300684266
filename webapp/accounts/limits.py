"""Throttling: how often somebody may try, by address and by account. Windows and numbers are settings."""

import hashlib
import ipaddress
import time

from flask import current_app, request
from flask.typing import ResponseReturnValue
from flask_limiter import RateLimitExceeded
from flask_login import current_user

from webapp.accounts import emails
from webapp.errors import answer
from webapp.extensions import limiter

POST = ["POST"]


def address_key() -> str:
    """Name the asker's address; an IPv6 customer has a whole /64 to ask from, so that counts as one."""
    text = request.remote_addr or "unknown"
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((int(address), 64), strict=False))
    return text


def account_key() -> str:
    """Name the account that was typed, known or not, without keeping the address in Redis."""
    return hashlib.sha256(emails.typed(request.form.get("email", "")).encode()).hexdigest()


def person_key() -> str:
    """Name the person who is logged in; anybody else counts by address."""
    return f"user {current_user.id}" if current_user.is_authenticated else address_key()


def _account_limit() -> str:
    return str(current_app.config["LOGIN_LIMIT_ACCOUNT"])


def _address_limit() -> str:
    return str(current_app.config["LOGIN_LIMIT_ADDRESS"])


by_address = limiter.limit(_address_limit, key_func=address_key, methods=POST)
by_account = limiter.limit(_account_limit, key_func=account_key, methods=POST)
# Changing the password and deleting the account ask for the same secret, so they share one count.
by_person = limiter.shared_limit(_account_limit, scope="password", key_func=person_key, methods=POST)


def forgive() -> None:
    """Take this try back, because it was right: only failures count.

    A try is counted before its password is checked: many at once cannot slip through between the two.
    """
    for spent in limiter.current_limits:
        spent.limiter.hit(spent.limit, *spent.request_args, cost=-1)


def refuse(_error: RateLimitExceeded) -> ResponseReturnValue:
    """Answer somebody who tried too often; Flask-Limiter adds Retry-After."""
    spent = limiter.current_limit
    minutes = max(1, -(-int(spent.reset_at - time.time()) // 60)) if spent else 1
    wait = "a minute" if minutes == 1 else f"{minutes} minutes"
    return answer(429, f"There were too many tries. Please wait {wait} and try again.")
