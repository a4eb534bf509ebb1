"""`./shop` itself: its .venv is made once, by one of many, again after a change, and repaired."""

import importlib.util
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

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

    moved = checkout.rename(checkout.with_name("moved"))
    (moved / "deploy" / "bootstrap.py").write_text("raise SystemExit('is made anew')")
    assert end(start(moved)) == (1, "", "is made anew\n")


@pytest.mark.parametrize(
    ("left", "steps"),
    [
        ("as it was", []),
        ("changed", ["install", "install"]),
        ("interrupted", ["make", "install", "install"]),
        ("moved", ["make", "install", "install"]),
    ],
)
def test_what_is_done_again(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, left: str, steps: list[str]
) -> None:
    """Half a .venv is made anew; so is one that was moved: all its scripts name another place."""
    done: list[str] = []
    load_bootstrap(checkout, monkeypatch, done).main()
    assert done == ["make", "install", "install"]
    done.clear()
    match left:
        case "changed":
            (checkout / "setup.cfg").write_text(SETUP.replace("version = 1", "version = 2"))
        case "interrupted":
            (checkout / ".venv" / "complete").unlink()
        case "moved":
            checkout = checkout.rename(checkout.with_name("moved"))
    load_bootstrap(checkout, monkeypatch, done).main()
    assert done == steps
    done.clear()
    load_bootstrap(checkout, monkeypatch, done).main()
    assert done == []


def load_bootstrap(checkout: Path, monkeypatch: pytest.MonkeyPatch, done: list[str]) -> ModuleType:
    """The checkout's bootstrap, with what takes long only written down."""
    spec = importlib.util.spec_from_file_location("bootstrap", checkout / "deploy" / "bootstrap.py")
    assert spec
    assert spec.loader
    bootstrap = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bootstrap)

    def make_venv() -> None:
        done.append("make")
        (checkout / ".venv").mkdir(exist_ok=True)

    monkeypatch.setattr(bootstrap, "make_venv", make_venv)
    monkeypatch.setattr(bootstrap, "call", lambda _: done.append("install"))
    return bootstrap


def test_a_checkout_that_cannot_be_written(checkout: Path) -> None:
    """As another user's, after an upgrade: the reason in one line."""
    (checkout / ".venv" / "complete").mkdir(parents=True)
    code, _, err = end(start(checkout))
    assert code == 1
    assert err.splitlines()[-1].startswith("shop: .venv could not be made: ")
    assert str(checkout / ".venv" / "complete") in err
    assert "Traceback" not in err


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
