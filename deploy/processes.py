"""Looking after processes: each program leads a session of its own, which holds whatever it forks.

A session outlives its leader and its members cannot leave it unasked (RQ's work-horse makes a process group of its
own, but stays in the session), so ending a session leaves nothing behind.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

# Asks Linux to end a program when the supervisor is gone, even by kill -9; a part of util-linux.
DEATH_SIGNAL = ("setpriv", "--pdeathsig", "TERM", "--")


def tied(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return `command` so that it ends with its parent, where the system can do that."""
    return (*DEATH_SIGNAL, *command) if shutil.which("setpriv") else command


def all_pids() -> list[int]:
    """Return the process ids of the machine."""
    if Path("/proc/self").exists():
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]
    listing = subprocess.run(("ps", "-axo", "pid="), capture_output=True, text=True, check=False).stdout
    return [int(word) for word in listing.split()]


def session_members(session: int) -> list[int]:
    """Return the living processes of a session."""
    return [pid for pid in all_pids() if in_session(pid, session)]


def in_session(pid: int, session: int) -> bool:
    """Tell whether a process lives in that session; one that has ended and waits to be collected does not."""
    try:
        if os.getsid(pid) != session:
            return False
        stat = Path(f"/proc/{pid}/stat")
        return not (stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z")
    except (ProcessLookupError, PermissionError, FileNotFoundError):
        return False


def birth(pid: int) -> str:
    """Return when a process was started, as a word that no later owner of its number shares; empty if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except FileNotFoundError:
        pass
    command = ("ps", "-o", "lstart=", "-p", str(pid))
    try:
        return "_".join(subprocess.run(command, capture_output=True, text=True, check=False).stdout.split())
    except FileNotFoundError:
        return ""  # a Linux without ps: the process is gone, or its entry in /proc would have been there


def signal_session(session: int, number: signal.Signals) -> None:
    """Send a signal to every process of a session."""
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def end_session(session: int, patience: float = 5.0) -> None:
    """Kill every process of a session, also what is forked meanwhile; return when they are gone."""
    deadline = time.monotonic() + patience
    while session_members(session) and time.monotonic() < deadline:
        signal_session(session, signal.SIGKILL)
        time.sleep(0.01)


class Register:
    """The file that names the running sessions, so that the next start can end what a crash left."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, sessions: list[int]) -> None:
        """Note the sessions that run now."""
        unfinished = self.path.with_suffix(".new")
        unfinished.write_text("".join(f"{session} {birth(session)}\n" for session in sessions))
        unfinished.replace(self.path)

    def end_leftovers(self, patience: float = 3.0) -> bool:
        """End the noted sessions that still live, politely first; tell whether there were any."""
        left = [session for session in self._noted() if session_members(session)]
        for session in left:
            signal_session(session, signal.SIGTERM)
        deadline = time.monotonic() + patience
        while any(session_members(session) for session in left) and time.monotonic() < deadline:
            time.sleep(0.05)
        for session in left:
            end_session(session)
        self.path.unlink(missing_ok=True)
        return bool(left)

    def _noted(self) -> list[int]:
        """Return the noted sessions, without those whose number belongs to somebody else by now."""
        if not self.path.exists():
            return []
        notes = [line.split() for line in self.path.read_text().splitlines()]
        return [int(note[0]) for note in notes if len(note) == 2 and birth(int(note[0])) in {"", note[1]}]
