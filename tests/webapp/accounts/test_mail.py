"""Mail by SMTP, to a real server on this machine."""

from __future__ import annotations

import base64
import email
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage, Message

import pytest
from flask import Flask

from tests.webapp.accounts.conftest import EMAIL
from webapp import mail
from webapp.models import User
from worker.jobs.mail import send_password_reset


class SmtpHandler(socketserver.StreamRequestHandler):
    """As much of RFC 5321 as one mail needs."""

    server: SmtpServer

    def handle(self) -> None:
        self.say("220 ready")
        while line := self.rfile.readline().decode().strip():
            self.server.commands.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "DATA":
                self.take_mail()
                continue
            self.say(self.server.answers.get(verb, "250 ok"))
            if verb == "QUIT":
                return

    def take_mail(self) -> None:
        self.say("354 go on")
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        self.server.mails.append(email.message_from_bytes(b"".join(lines)))
        self.say("250 taken")

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class SmtpServer(socketserver.ThreadingTCPServer):
    """Keeps what it was sent; `answers` replaces the answer to a command."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), SmtpHandler)
        self.commands: list[str] = []
        self.mails: list[Message] = []
        self.answers = {"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "235 welcome", "QUIT": "221 bye"}


@pytest.fixture
def server() -> Iterator[SmtpServer]:
    with SmtpServer() as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def smtp_app(app: Flask, server: SmtpServer) -> Flask:
    """The application with its mail settings at the server."""
    settings = app.config["SETTINGS"]
    settings.SMTP_HOST, settings.SMTP_PORT = server.server_address[:2]
    settings.SMTP_TLS, settings.SMTP_USER, settings.SMTP_PASSWORD = "none", "", ""
    return app


def a_mail() -> EmailMessage:
    return mail.compose("Stagewatch <watch@example.com>", EMAIL, "Hello", "Good day\n")


def test_the_mail_arrives_with_a_link_that_is_whole(smtp_app: Flask, person: User, server: SmtpServer) -> None:
    send_password_reset(EMAIL)
    message, = server.mails
    assert message["To"] == EMAIL
    assert message["From"] == "Stagewatch <stagewatch@localhost>"
    assert message["Subject"] == "Set a new password for Stagewatch"
    assert message["Date"]
    assert message["Message-ID"]
    assert "\r\nhttp://127.0.0.1:8000/password/reset/" in str(message.get_payload())
    assert not (smtp_app.config["INSTANCE_DIR"] / "mail").exists()


def test_an_unknown_person_gets_no_mail(smtp_app: Flask, person: User, server: SmtpServer) -> None:
    send_password_reset("eve@example.com")
    assert server.commands == []


def test_the_server_is_given_name_and_password_where_they_are_set(smtp_app: Flask, server: SmtpServer) -> None:
    settings = smtp_app.config["SETTINGS"]
    settings.SMTP_USER, settings.SMTP_PASSWORD = "watch", "secret"
    mail.send(settings, a_mail())
    login = next(line for line in server.commands if line.startswith("AUTH"))
    assert base64.b64decode(login.split()[-1]) == b"\0watch\0secret"
    assert len(server.mails) == 1


@pytest.mark.parametrize(("verb", "answer"), [("MAIL", "451 later"), ("RCPT", "550 unknown"), ("DATA", "")])
def test_a_server_that_refuses_fails_the_job_so_that_it_is_tried_again(smtp_app: Flask, server: SmtpServer, verb: str,
                                                                       answer: str) -> None:
    if verb == "DATA":
        server.shutdown()
        server.server_close()
    server.answers[verb] = answer
    with pytest.raises(OSError):  # noqa: PT011 - whatever goes wrong with mail is one
        mail.send(smtp_app.config["SETTINGS"], a_mail())
    assert server.mails == []


def test_without_the_promised_encryption_nothing_is_sent(smtp_app: Flask, server: SmtpServer) -> None:
    settings = smtp_app.config["SETTINGS"]
    settings.SMTP_TLS, settings.SMTP_USER, settings.SMTP_PASSWORD = "starttls", "watch", "secret"
    with pytest.raises(OSError):  # noqa: PT011
        mail.send(settings, a_mail())
    assert server.mails == []
    assert not any(line.startswith(("AUTH", "MAIL")) for line in server.commands)


def test_a_server_that_does_not_answer_is_given_up(smtp_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "TIMEOUT_S", 0.1)
    monkeypatch.setattr(SmtpHandler, "handle", lambda handler: handler.rfile.read())
    with pytest.raises(OSError):  # noqa: PT011
        mail.send(smtp_app.config["SETTINGS"], a_mail())


@pytest.mark.parametrize("text", ["Hello\nBcc: eve@example.com", "Hello\r\nBcc: eve@example.com"])
def test_a_line_break_cannot_add_a_header(text: str) -> None:
    with pytest.raises(ValueError, match="linefeed"):
        mail.compose("a@example.com", EMAIL, text, "")
