"""`shop test`: all tests, with what they need; tox makes the environments."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click

from shop_common.cli.nginx import get_nginx
from shop_common.cli.packages import install
from shop_common.cli.state import CHECKOUT

CHROMIUM = Path("/usr/bin/chromium-headless-shell")
REQUIREMENTS = CHECKOUT / "tests" / "requirements-runner.txt"
RUNNER = CHECKOUT / ".tox" / "runner"


@click.command("test", context_settings={"ignore_unknown_options": True})
@click.argument("tox_arguments", nargs=-1, type=click.UNPROCESSED)
def command(tox_arguments: tuple[str, ...]) -> None:
    """Run all tests, or what stands after `--` as in `tox run`: `-- -e types`."""
    get_nginx()
    if not CHROMIUM.exists():
        install("chromium-headless-shell", "Chromium, for the browser tests,")
    get_wrk()
    python = str(make_environment(RUNNER, REQUIREMENTS))
    os.chdir(CHECKOUT)
    # Two environments at a time: most tests of the whole shop wait for most of their time.
    how = ["run", *tox_arguments] if tox_arguments else ["run-parallel", "--parallel", "2"]
    os.execv(python, [python, "-m", "tox", *how])


def get_wrk() -> None:
    if not shutil.which("wrk"):
        install("wrk", "wrk, which drives the benchmark,")


def make_environment(folder: Path, requirements: Path) -> Path:
    """The Python of an environment with just these, made anew when they have changed."""
    stamp, wanted = folder / "made-from", f"{CHECKOUT} {requirements.read_text()}"
    python = folder / "bin" / "python"
    if python.exists() and stamp.exists() and stamp.read_text() == wanted:
        return python
    click.echo(f"preparing {folder} ...", err=True)
    _call([sys.executable, "-m", "venv", "--clear", str(folder)])
    pip = [str(python), "-m", "pip", "--quiet", "install", "--require-hashes"]
    _call([*pip, "--requirement", str(requirements)])
    stamp.write_text(wanted)
    return python


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
