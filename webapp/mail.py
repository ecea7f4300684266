"""Sends a mail by SMTP, or keeps it as a file where no server is set. Slow: for jobs, never for a web request."""

import logging
import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from uuid import uuid4

from config import Config
from webapp import clock

log = logging.getLogger(__name__)

TIMEOUT_S = 15


def compose(sender: str, recipient: str, subject: str, body: str) -> EmailMessage:
    """Return a plain-text mail; its lines stay whole, so that a long link can be copied."""
    message = EmailMessage()
    message["From"] = sender
    message["To"] = recipient
    message["Subject"] = subject
    message["Date"] = formatdate(clock.now().timestamp())
    message["Message-ID"] = make_msgid(domain="stagewatch.invalid")
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body, cte="8bit")
    return message


def send(settings: Config, message: EmailMessage) -> None:
    """Hand the mail to the server of the settings, or to a file; raise OSError where the server does not take it."""
    if not settings.SMTP_HOST:
        path = keep(settings.INSTANCE_DIR / "mail", message)
        log.info("SMTP_HOST is not set: the mail is in %s", path)
        return
    with connect(settings) as server:
        if settings.SMTP_USER:
            server.login(settings.SMTP_USER, settings.SMTP_PASSWORD)
        server.send_message(message)


def connect(settings: Config) -> smtplib.SMTP:
    """Return a connection to the mail server, encrypted as SMTP_TLS says, its certificate checked."""
    host, port = settings.SMTP_HOST, settings.SMTP_PORT
    if settings.SMTP_TLS == "tls":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=ssl.create_default_context())
    server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    if settings.SMTP_TLS == "starttls":
        try:
            server.starttls(context=ssl.create_default_context())
        except Exception:
            server.close()
            raise
    return server


def keep(folder: Path, message: EmailMessage) -> Path:
    """Write the mail to a new file that only its owner may read; return its path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / f"{clock.now():%Y%m%d-%H%M%S}-{uuid4().hex[:8]}.eml"
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(message.as_bytes())
    return path
