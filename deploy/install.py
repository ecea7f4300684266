"""Makes .venv and fetches the front-end files, all from the locks.

Runs on the machine's own Python with nothing installed yet, so it imports the standard library alone.
A lock that has not changed since is not installed again: the next start only compares two hashes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "install.log"
VENDOR = ROOT / "webapp" / "static" / "vendor"
# npm of a machine that has none; removed again after use.
NODE = VENV / "node"
PIP = (str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--no-compile",
       "--retries", "2", "--disable-pip-version-check")
# In place of pip's own compiling, which uses one processor and spares no package's tests.
COMPILE = (str(PYTHON), "-m", "compileall", "-q", "-j", "0", "-x", "/tests/", str(VENV / "lib"))
# What pip and npm write when they cannot reach their registries.
OFFLINE = ("Failed to establish a new connection", "NameResolutionError", "ConnectTimeoutError", "ProxyError",
           "Network is unreachable", "Connection refused", "Read timed out", "ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED",
           "ETIMEDOUT", "ENETUNREACH")


class InstallError(Exception):
    """Something that the person must mend; the message says what to do."""


def install(*, development: bool, yahoo: bool = False) -> None:
    """Bring .venv and the front-end files to what the locks say."""
    if not PYTHON.exists():
        make_environment()
    install_packages("requirements.txt", "Installing the packages; the first time takes a minute.")
    install_front_end()
    if development:
        install_packages("requirements-dev.txt", "Installing what the tests need.")
    if yahoo:
        install_packages("requirements-yahoo.txt", "Installing what prices of Yahoo need.")


def make_environment() -> None:
    """Make an empty .venv, in place of a broken one."""
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise InstallError(f"this Python {version} has no venv module. On Debian and Ubuntu, run: "
                           f"sudo apt install python{version}-venv")
    VENV.mkdir(exist_ok=True)
    run(sys.executable, "-m", "venv", "--clear", str(VENV))


def install_packages(lock: str, message: str) -> None:
    """Install the Python packages of `lock`, each checked against its hash."""
    if is_installed(lock):
        return
    print(message, flush=True)
    run(*PIP, "-r", lock)
    # Compiled now, every start is quick, also where Python may not write what it compiles. A failure only costs time.
    subprocess.run(COMPILE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    remember(lock)


def install_front_end() -> None:
    """Fetch the browser's scripts and copy what pages load into the static folder."""
    if is_installed("package-lock.json") and VENDOR.is_dir() and (ROOT / "node_modules").is_dir():
        return
    print("Installing the front-end files.", flush=True)
    if shutil.which("npm"):
        fetch_front_end(dict(os.environ))
    else:
        run(*PIP, "--target", str(NODE), "-r", "deploy/node.txt")
        fetch_front_end({**os.environ, "PYTHONPATH": str(NODE), "PATH": f"{NODE / 'bin'}:{os.environ['PATH']}"})
        shutil.rmtree(NODE)
    remember("package-lock.json")


def fetch_front_end(env: dict[str, str]) -> None:
    """Run npm, which checks each package against the lock, and copy the files."""
    run("npm", "ci", "--ignore-scripts", env=env)
    run("npm", "run", "vendor", env=env)


def stamp(lock: str) -> Path:
    """Return the file that holds the hash of the `lock` that was installed last."""
    return VENV / f"installed-{lock}"


def fingerprint(lock: str) -> str:
    """Return the hash of a lock."""
    return hashlib.sha256((ROOT / lock).read_bytes()).hexdigest()


def is_installed(lock: str) -> bool:
    """Tell whether exactly this lock was installed, to its end."""
    return stamp(lock).is_file() and stamp(lock).read_text() == fingerprint(lock)


def remember(lock: str) -> None:
    """Note that `lock` is installed."""
    stamp(lock).write_text(fingerprint(lock))


def run(*command: str, env: dict[str, str] | None = None) -> None:
    """Run one step, its output kept in the log; raise InstallError with the reason when it fails."""
    with LOG.open("w+b") as log:
        done = subprocess.run(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=log,
                              stderr=subprocess.STDOUT, check=False)
        log.seek(0)
        output = log.read().decode(errors="replace")
    if done.returncode:
        raise InstallError(reason(output))


def reason(output: str) -> str:
    """Say in one line why a step failed, from what it wrote."""
    if any(sign in output for sign in OFFLINE):
        return f"no network: the packages cannot be reached. Connect and run the same command again ({LOG} has more)."
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    last = (errors or lines or ["no output"])[-1]
    return f"{last} ({LOG} has more)"


def main() -> int:
    """Install; say in one line what went wrong."""
    try:
        install(development="--dev" in sys.argv[1:], yahoo="--yahoo" in sys.argv[1:])
    except InstallError as error:
        print(f"Stagewatch cannot be installed: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Stagewatch cannot be installed: {error.filename or ROOT}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
