"""`shop test`: all tests, with what they need; tox makes the environments."""

import os
import subprocess
import sys
from pathlib import Path

import click

from shop_common.cli.nginx import get_nginx
from shop_common.cli.packages import install
from shop_common.cli.state import CHECKOUT

CHROMIUM = Path("/usr/bin/chromium")
REQUIREMENTS = CHECKOUT / "tests" / "requirements-runner.txt"
RUNNER = CHECKOUT / ".tox" / "runner"


@click.command("test", context_settings={"ignore_unknown_options": True})
@click.argument("tox_arguments", nargs=-1, type=click.UNPROCESSED)
def command(tox_arguments: tuple[str, ...]) -> None:
    """Run the tests; what stands after `--` goes to `tox run`, as in `-- -e types`."""
    get_nginx()
    if not CHROMIUM.exists():
        install("chromium", "Chromium, for the browser tests,")
    _make_runner()
    os.chdir(CHECKOUT)
    python = str(RUNNER / "bin" / "python")
    os.execv(python, [python, "-m", "tox", "run", *tox_arguments])


def _make_runner() -> None:
    """tox in an environment of its own, made anew when its requirements have changed."""
    stamp, wanted = RUNNER / "made-from", f"{CHECKOUT} {REQUIREMENTS.read_text()}"
    is_sound = (RUNNER / "bin" / "python").exists()
    if is_sound and stamp.exists() and stamp.read_text() == wanted:
        return
    click.echo(f"preparing {RUNNER} ...", err=True)
    _call([sys.executable, "-m", "venv", "--clear", str(RUNNER)])
    pip = [str(RUNNER / "bin" / "python"), "-m", "pip", "--quiet", "install", "--require-hashes"]
    _call([*pip, "--requirement", str(REQUIREMENTS)])
    stamp.write_text(wanted)


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
