"""`make run`: starts every part of Stagewatch, starts again what ends, and stops all of it together."""

import contextlib
import fcntl
import http.client
import logging
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TextIO

from config import ROOT, Config
from deploy import checks, embedded_redis, programs
from deploy.children import LOUD, Child
from deploy.instance import StartError, read_settings
from deploy.processes import Register
from webapp import redis

START_PATIENCE_S = 60.0
STOP_PATIENCE_S = 10.0
# A worker finishes its job first; asked a second time after this, it gives the job up.
SECOND_REQUEST_S = 3.0
TICK_S = 0.05
NEVER = re.compile(r"(?!)")
ALWAYS = re.compile("")
OWN_HOSTS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared with, not bound to


class Stopped(Exception):
    """Somebody asked to stop."""


class Supervisor:
    """The programs of one instance folder, from the first start to the last process gone."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.register = Register(config.INSTANCE_DIR / "run" / "pids")
        self.prepared = config.INSTANCE_DIR / "run" / "prepared"
        self.children: list[Child] = []
        self.requests = 0
        self.parent = os.getppid()
        self.socket: Path | None = None
        self.environment: dict[str, str] = {}

    # Starting

    def run(self) -> None:
        """Start everything, keep it running until somebody asks to stop, and leave no process behind."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # nohup asks to ignore that one
                signal.signal(number, self._note_request)
        if self.register.end_leftovers():
            say("Stopped what an earlier start had left behind.")
        try:
            self._start_redis()
            self._start_web(self._prepare())
            for name, command in self._others():
                self._start(self._child(name, command))
            while True:
                self._tick()
        except Stopped:
            say("\nStopping.")
        finally:
            self._stop()

    def _others(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return what runs beside the web server: workers, a scheduler, and the sockets where a vendor has some."""
        workers = [(f"worker-{number}", programs.ROLES["worker"]) for number in range(1, self.config.JOB_WORKERS + 1)]
        single = ["scheduler", "stream"] if self.config.streaming else ["scheduler"]
        return [*workers, *((name, programs.ROLES[name]) for name in single)]

    def _child(self, name: str, command: tuple[str, ...], loud: re.Pattern[str] = LOUD) -> Child:
        """Return a program that is not started yet."""
        log = self.config.INSTANCE_DIR / "log" / f"{name}.log"
        return Child(name, command, log, say, ALWAYS if self.config.LOG_LEVEL == "debug" else loud)

    def _start(self, child: Child) -> None:
        """Start a program for the first time, and look after it from now on."""
        self.children.append(child)
        self._launch(child)

    def _launch(self, child: Child) -> None:
        """Start a program and note its session."""
        child.start(self.environment)
        with contextlib.suppress(OSError):  # a full disk shall not end what runs
            self.register.write([child.process.pid for child in self.children if child.process])

    def _start_redis(self) -> None:
        """Start Redis on a private socket, unless REDIS_URL names one that answers."""
        if self.config.REDIS_URL:
            checks.check_redis(self.config.REDIS_URL)
            self.environment = programs.program_environment(self.config.REDIS_URL)
            return
        self.socket = embedded_redis.choose_socket(self.config.INSTANCE_DIR / "run")
        url = f"unix://{self.socket}"
        self.environment = programs.program_environment(url)
        command = embedded_redis.server_command(self.socket, self.config.INSTANCE_DIR / "redis")
        child = self._child("redis", command, NEVER)
        self._start(child)
        client = redis.connect(url)

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.RedisAway:  # it may be loading its file
                return False

        self._wait(answers, child, f"Redis does not start; if its files are damaged, move "
                                   f"{self.config.INSTANCE_DIR / 'redis'} away, which loses nothing that matters")
        client.close()

    def _prepare(self) -> Child:
        """Begin to bring the database up to date, and wait for that unless this version did it before."""
        checks.check_database(self.config)
        prepare = self._child("prepare", programs.PREPARE, NEVER)
        self._start(prepare)
        if not self._is_prepared():
            self._finish(prepare)
        return prepare

    def _finish(self, prepare: Child) -> None:
        """Wait until the database is up to date."""
        while prepare.is_running():
            self._pause()
        if prepare.process and prepare.process.returncode:
            raise StartError(failure(prepare, "the database cannot be brought up to date"))
        self.prepared.write_text(self._version(), encoding="utf-8")

    def _version(self) -> str:
        """Name the database, down to the very file, and the migrations that this version of the program knows."""
        file = checks.sqlite_file(self.config)
        number = file.stat().st_ino if file and file.exists() else ""
        migrations = sorted(path.name for path in (ROOT / "migrations" / "versions").glob("*.py"))
        return " ".join((self.config.redacted_database, str(number), *migrations))

    def _is_prepared(self) -> bool:
        """Tell whether no migration is due: then the web server may load while the smaller upkeep is done."""
        return self.prepared.exists() and self.prepared.read_text(encoding="utf-8") == self._version()

    def _start_web(self, prepare: Child) -> None:
        """Start the web server before the workers, which would slow it down; print the address once it answers."""
        web = self._child("web", programs.ROLES["web"])
        self._start(web)
        self._finish(prepare)
        self.children.remove(prepare)
        self._wait(lambda: answers_with_page(self.config), web, "the site does not answer")
        say(f"Stagewatch runs at {address(self.config)}")
        if self.config.simulated:
            say("Prices are simulated; a vendor's key, such as FINNHUB_API_KEY, brings real ones.")
        say(f"Stop it with Ctrl-C. Its logs are in {self.config.INSTANCE_DIR / 'log'}.")

    def _wait(self, ready: Callable[[], bool], child: Child, complaint: str) -> None:
        """Wait until `ready`; raise StartError when it takes too long or the program ends at once, again and again."""
        deadline = time.monotonic() + START_PATIENCE_S
        while not ready():
            self._tick()
            if child.due and child.delay > 1:
                raise StartError(failure(child, complaint))
            if time.monotonic() > deadline:
                raise StartError(failure(child, complaint))

    # Running

    def _note_request(self, _number: int, _frame: FrameType | None) -> None:
        self.requests += 1

    def _pause(self) -> None:
        """Wait a moment; raise Stopped when somebody asked to stop, or `make` itself was killed."""
        time.sleep(TICK_S)
        if self.requests or ("MAKELEVEL" in os.environ and os.getppid() != self.parent):
            raise Stopped

    def _tick(self) -> None:
        """Look at every program once, and start again what has ended."""
        self._pause()
        for child in self.children:
            if child.due:
                if time.monotonic() >= child.due:
                    self._launch(child)
            elif not child.is_running():
                child.plan_restart()
                say(f"{child.name} {child.ending()}; it starts again.")

    # Stopping

    def _stop(self) -> None:
        """Stop everything: politely, Redis last, then for certain."""
        others = [child for child in self.children if child.name != "redis"]
        asked = self.requests
        began = time.monotonic()
        for child in others:
            child.ask_to_stop()
        reminded = False
        while any(child.is_running() for child in others) and time.monotonic() - began < STOP_PATIENCE_S:
            time.sleep(TICK_S)
            if self.requests > asked + 1:
                break
            if not reminded and time.monotonic() - began > SECOND_REQUEST_S:
                reminded = True
                for child in others:
                    child.ask_to_stop()
        for child in others:
            child.end()
        self._stop_redis()
        self.register.path.unlink(missing_ok=True)

    def _stop_redis(self) -> None:
        """Stop Redis, which writes its file to the end first."""
        for child in self.children:
            if child.name == "redis":
                child.ask_to_stop()
                deadline = time.monotonic() + STOP_PATIENCE_S
                while child.is_running() and time.monotonic() < deadline:
                    time.sleep(TICK_S)
                child.end()
        if self.socket is not None and self.socket.parent.name.startswith("stagewatch-"):
            shutil.rmtree(self.socket.parent, ignore_errors=True)


def say(line: str) -> None:
    """Print a line; a terminal that has gone away is no reason to stop."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def failure(child: Child, complaint: str) -> str:
    """Return the complaint with the last thing that the program wrote."""
    last = (child.last_lines(1) or ["it wrote nothing"])[0].strip()
    return f"{complaint} ({last}). More is in {child.log_path}"


def own_host(config: Config) -> str:
    """Return the name by which this machine reaches the site: "every address" is none to connect to."""
    return OWN_HOSTS.get(config.HOST, config.HOST)


def address(config: Config) -> str:
    """Return what a person types into the browser on this machine."""
    host = own_host(config)
    return f"http://[{host}]:{config.PORT}" if ":" in host else f"http://{host}:{config.PORT}"


def answers_with_page(config: Config) -> bool:
    """Tell whether the front page would come. It is not fetched: then its stocks would count as looked at."""
    connection = http.client.HTTPConnection(own_host(config), config.PORT, timeout=5)
    try:
        connection.request("HEAD", "/")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def take_lock(config: Config) -> TextIO:
    """Return the lock of the instance folder, held until this process ends."""
    lock = (config.INSTANCE_DIR / "run" / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        raise StartError(f"it runs already in this folder, at {lock.read().strip() or 'another terminal'}: stop that "
                         "one with Ctrl-C first, or give this one another folder with INSTANCE_DIR.") from None
    lock.truncate(0)
    lock.write(address(config))
    lock.flush()
    return lock


def main() -> int:
    """Run Stagewatch; say in one line what prevents it."""
    try:
        config = read_settings()
        with take_lock(config):
            checks.check_port(config.HOST, config.PORT)
            programs.raise_file_limit()
            os.umask(0o077)
            logging.raiseExceptions = False  # a line that no log takes is lost, and that is all
            Supervisor(config).run()
    except StartError as error:
        print(f"Stagewatch cannot start: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
