"""`./shop` itself: its .venv is made once, by one of many, again after a change, and repaired."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.system.running import CHECKOUT

# A stand-in for the command, so that only setuptools has to be installed.
SETUP = """
[metadata]
name = standin
version = 1
[options]
packages = shop_common
[options.entry_points]
console_scripts =
    shop = shop_common:main
"""
COMMAND = "import sys\ndef main() -> None:\n    print('shop', *sys.argv[1:])\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the real ./shop and bootstrap, and hardly anything to install."""
    root = tmp_path / "check out"
    for folder in ("deploy", "shop_common"):
        (root / folder).mkdir(parents=True)
    for name in ("shop", "pyproject.toml", "deploy/bootstrap.py"):
        shutil.copy(CHECKOUT / name, root / name)
    requirements = (CHECKOUT / "deploy" / "requirements.txt").read_text()
    only = re.search(r"^setuptools==.*\n(?: .*\n)+", requirements, re.M)
    assert only
    (root / "deploy" / "requirements.txt").write_text(only[0])
    (root / "setup.cfg").write_text(SETUP)
    (root / "shop_common" / "__init__.py").write_text(COMMAND)
    return root


def start(checkout: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(checkout / "shop"), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
        env=os.environ | environment,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def test_the_venv(checkout: Path) -> None:
    """Two at once make it once; then nothing is done until something has changed."""
    both = [
        end(process) for process in [start(checkout, "a b", "$c"), start(checkout, "a b", "$c")]
    ]
    assert [(code, out) for code, out, _ in both] == [(0, "shop a b $c\n")] * 2
    assert sorted("preparing .venv" in err for _, _, err in both) == [False, True]

    assert end(start(checkout)) == (0, "shop\n", "")

    # A change is noticed, and only once.
    (checkout / "setup.cfg").write_text(SETUP.replace("version = 1", "version = 2"))
    assert "preparing .venv" in end(start(checkout))[2]
    assert end(start(checkout)) == (0, "shop\n", "")

    # An interrupted run leaves half a .venv, and a checkout that was moved has another place in all
    # its scripts: both are made anew.
    (checkout / ".venv" / "complete").unlink()
    shutil.rmtree(next((checkout / ".venv" / "lib").glob("python*")) / "site-packages")
    moved = checkout.rename(checkout.with_name("moved"))
    code, out, err = end(start(moved))
    assert (code, out) == (0, "shop\n"), err
    assert "preparing .venv" in err


def test_without_a_python_that_will_do(checkout: Path, tmp_path: Path) -> None:
    """One line says what is needed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("sh", "dirname", "readlink", "cat", "cksum"):
        (programs / name).symlink_to(shutil.which(name) or name)
    (programs / "python3").write_text("#!/bin/sh\nexit 1\n")
    (programs / "python3").chmod(0o755)
    code, out, err = end(start(checkout, PATH=str(programs)))
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "Python 3.11" in err


def test_without_venv(checkout: Path, tmp_path: Path) -> None:
    """A Python whose ensurepip was left out: the package that has it is named."""
    broken = tmp_path / "site"
    broken.mkdir()
    (broken / "venv.py").write_text("import sys\nsys.exit('ensurepip is not available')\n")
    code, _, err = end(start(checkout, PYTHONPATH=str(broken)))
    assert code == 1
    assert "python3-venv" in err
    assert not (checkout / ".venv").exists()
