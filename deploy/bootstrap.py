"""Makes or refreshes the checkout's .venv; run by ./shop with a Python that has nothing installed.

`.venv/complete` says for which requirements the .venv is complete. It is taken away while anything
changes, so what an interrupted run has left is made anew.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
COMPLETE = VENV / "complete"
REQUIREMENTS = ROOT / "deploy" / "requirements.txt"
SOURCES = (ROOT / "setup.cfg", ROOT / "pyproject.toml", REQUIREMENTS)


def main() -> None:
    # This file is its own lock, so that none is left lying about.
    with open(__file__) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = fingerprint()
        found = COMPLETE.read_text() if COMPLETE.exists() else ""
        if found != wanted:
            sys.stderr.write("shop: preparing .venv (the first time this takes a minute) ...\n")
            refresh(found, wanted)


def fingerprint() -> str:
    """What the .venv is to be made from, and for which place and Python."""
    content = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()
    python = f"{os.path.realpath(sys.executable)} {sys.version_info[0]}.{sys.version_info[1]}"
    return f"{ROOT} {python} {content}\n"


def refresh(found: str, wanted: str) -> None:
    # A running shop uses the .venv, so it is changed in place as long as it is sound.
    place_and_python = wanted.rpartition(" ")[0]
    COMPLETE.unlink(missing_ok=True)
    if not found.startswith(place_and_python):
        make_venv()
    python = VENV / "bin" / "python"
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install"]
    call([*pip, "--require-hashes", "--requirement", str(REQUIREMENTS)])
    # The library and the command, from where they lie; the apps run from the checkout anyway.
    call([*pip, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)])
    COMPLETE.write_text(wanted)


def make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False
    )
    if made.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        sys.exit(
            f"shop: {sys.executable} cannot make a virtual environment; install the package "
            f"python3-venv (or python{sys.version_info[0]}.{sys.version_info[1]}-venv) and try "
            f"again: {(made.stderr or made.stdout).strip().splitlines()[:1]}"
        )


def call(command: list[str]) -> None:
    # Its output is shown only if it fails: pip explains itself at length.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        sys.exit("shop: .venv could not be made: the installation of its packages failed")


if __name__ == "__main__":
    try:
        main()
    except OSError as error:  # a checkout of another user above all
        sys.exit(f"shop: .venv could not be made: {error}")
