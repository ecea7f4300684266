"""Who asks, for the limits of how often anybody may, and how long those wait who asked too often."""

from __future__ import annotations

import ipaddress
import time

from flask import request

from webapp.extensions import limiter


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


def wait_in_words() -> str:
    """Say how long to wait after the limit that was reached just now: a minute, 15 minutes."""
    spent = limiter.current_limit
    minutes = max(1, -(-int(spent.reset_at - time.time()) // 60)) if spent else 1
    return "a minute" if minutes == 1 else f"{minutes} minutes"
