"""The command line itself: help, errors in one line, what is read from a data folder."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import click
import pytest
from click.testing import CliRunner

from shop_common.cli import COMMANDS, shop
from shop_common.cli.processes import Process, find_process
from shop_common.cli.state import (
    CHECKOUT,
    DATABASE_URLS,
    Shop,
    find_key,
    load_shop,
    recall_settings,
    replacing,
    save_settings,
    sign_lock,
    take_lock,
    write_private,
)
from shop_common.cli.up import _key_fragment


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "shop_common.cli", *arguments],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def test_no_folder_is_not_the_callers_own() -> None:
    """As where a variable that should hold it is not set."""
    done = CliRunner().invoke(shop, ["status", "--data-dir", ""])
    assert (done.exit_code, "--data-dir" in done.output) == (2, True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str) -> None:
    """`shop NAME --help` and the list of all commands; what is about a shop says which one."""
    explained = CliRunner().invoke(shop, [name, "--help"])
    assert explained.exit_code == 0
    assert ("--data-dir" in explained.output) == (name not in ("bench", "test"))
    assert name in CliRunner().invoke(shop, ["--help"]).output


def test_every_command_and_option_is_in_the_docs_and_no_other() -> None:
    text = "".join(
        path.read_text() for path in (CHECKOUT / "README.md", *(CHECKOUT / "docs").glob("*.md"))
    )
    shown = re.findall(r"\./shop ([a-z][a-z-]*)([^`#&|\n]*)", text)
    assert {name for name, _ in shown} == set(COMMANDS)
    for name in COMMANDS:
        command = shop.get_command(click.Context(shop), name)
        assert command
        known = {"--help"}
        for option in command.params:
            if isinstance(option, click.Option):
                names = {*option.opts, *option.secondary_opts}
                known |= names
                assert any(re.search(rf"[ `(]{each}\b", text) for each in names), (name, names)
        used = [each for of, rest in shown if of == name for each in re.findall(r" (-\S+)", rest)]
        assert known.issuperset(used), name


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["up", "--port", "0"],
        ["up", "--port", "many"],
        ["up", "--port", "8001"],
        ["up", "--host", "nowhere.invalid"],
        ["status", "--data-dir", "setup.cfg"],
        ["import", "--data-dir", "/nonexistent", "no-such-file.csv"],
        ["export", "--data-dir", "/nonexistent"],
        ["logs", "--data-dir", "/nonexistent"],
        ["up", "--data-dir", "/proc/1/nowhere", "--port", "9298"],
    ],
)
def test_an_error_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    """On stderr, with an exit code above 0, and never a traceback."""
    if "--data-dir" not in arguments and arguments[0] in ("up", "status"):
        arguments = [*arguments, "--data-dir", str(tmp_path)]
    done = run(*arguments)
    assert done.returncode > 0
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("shop: ")


def test_a_log_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And where apps write without `up`, rather than nothing at all."""
    (tmp_path / "logs").mkdir()
    done = run("logs", "cart", "--data-dir", str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"shop: there is no cart.log in {tmp_path}/logs; ")
    assert "journalctl" in done.stderr


def test_a_log_gives_the_terminal_no_commands(tmp_path: Path) -> None:
    """Whoever reaches Nginx can write some into its logs."""
    (tmp_path / "logs").mkdir()
    log = tmp_path / "logs" / "nginx-error.log"
    log.write_bytes(b"GET /\xc2\x9b31m\x1b]0;x\x07\xff\tend\n")
    shown = run("logs", "nginx-error", "--data-dir", str(tmp_path)).stdout
    assert shown == "GET /\ufffd31m\ufffd]0;x\ufffd\ufffd\tend\n"


def test_status_of_a_start_that_is_young(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one of a shop: it has no key yet, and there is nobody to send one to."""
    monkeypatch.delenv("API_KEY", raising=False)
    monkeypatch.setattr("shop_common.cli.client.send", Mock(side_effect=ConnectionRefusedError))
    Shop(tmp_path, supervisor=find_process(os.getpid())).save()
    shown = CliRunner().invoke(shop, ["status", "--data-dir", str(tmp_path), "--json"])
    assert (shown.exit_code, json.loads(shown.stdout)["status"]) == (1, "partly up")


def test_state_is_kept(tmp_path: Path) -> None:
    """Addresses and processes come back as they were saved."""
    kept = Shop(tmp_path, "::1", 1234, 2345, Process(1, "boot/1"), True, {"cart": Process(2, "b")})
    kept.save()
    assert load_shop(tmp_path) == kept
    assert kept.address == "http://[::1]:1234"
    assert [kept.port_of(name) for name in ("cart", "payments", "nginx")] == [2345, 2348, 1234]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"host": 1}', "null", "\x00"])
def test_a_broken_state_is_named_and_forgotten(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not a traceback, and no reason why the shop could never be started or stopped again."""
    (tmp_path / "shop.json").write_text(content)
    assert load_shop(tmp_path) == Shop(tmp_path)
    assert capsys.readouterr().err.startswith(f"shop: {tmp_path}/shop.json cannot be read")


def test_who_supervises_is_known_without_the_state(tmp_path: Path) -> None:
    """From the lock file: a shop whose shop.json is lost can still be stopped."""
    (tmp_path / "run").mkdir()
    kept = Shop(tmp_path, supervisor=Process(1, "boot/1"))
    sign_lock(kept)
    assert load_shop(tmp_path).supervisor == kept.supervisor


def test_an_unknown_folder_is_a_shop_with_the_defaults(tmp_path: Path) -> None:
    """127.0.0.1:8080 before 8001 to 8004."""
    found = load_shop(tmp_path)
    assert (found.address, found.port_base) == ("http://127.0.0.1:8080", 8001)
    assert not found.is_running()


def test_only_one_has_the_lock(tmp_path: Path) -> None:
    """Who asks second gets None."""
    (tmp_path / "run").mkdir()
    assert take_lock(Shop(tmp_path)) is not None
    assert take_lock(Shop(tmp_path)) is None


def test_the_key_is_private(tmp_path: Path) -> None:
    """Also when a readable file was there before."""
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "api-key").write_text("old")
    write_private(Shop(tmp_path).key_file, "new")
    assert (tmp_path / "run" / "api-key").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "run" / "api-key").read_text() == "new"


@pytest.mark.parametrize(("is_terminal", "shown"), [(True, "#key=a%2Fkey-of-mine"), (False, "")])
def test_a_key_of_ones_own_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, shown: str
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal)
    assert _key_fragment("a/key-of-mine") == shown


def test_settings_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key in a file of its own; a later environment wins over them."""
    shop = Shop(tmp_path)
    shop.run.mkdir()
    monkeypatch.setattr(os, "environ", {"CART_DATABASE_URL": "sqlite:////a"})
    os.environ |= {"API_KEY": "a-key-of-mine", "SWEEP_AFTER_S": "5", "ORDER_TTL_S": "60"}
    save_settings(shop)
    assert shop.settings_file.stat().st_mode & 0o777 == 0o600
    assert "a-key-of-mine" not in shop.settings_file.read_text()
    monkeypatch.setattr(os, "environ", {"SWEEP_AFTER_S": "7"})
    recall_settings(shop, DATABASE_URLS)
    assert os.environ == {"CART_DATABASE_URL": "sqlite:////a", "SWEEP_AFTER_S": "7"}
    recall_settings(shop)
    assert os.environ == {
        "API_KEY": "a-key-of-mine",
        "CART_DATABASE_URL": "sqlite:////a",
        "SWEEP_AFTER_S": "7",
        "ORDER_TTL_S": "60",
    }


def test_a_key_that_an_editor_has_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {})
    shop = Shop(tmp_path)
    shop.run.mkdir()
    shop.key_file.write_text("a-key-of-mine\n")
    assert find_key(shop) == "a-key-of-mine"


def test_no_settings_are_no_error(tmp_path: Path) -> None:
    """A folder in which nothing was started yet."""
    recall_settings(Shop(tmp_path))


@pytest.mark.parametrize("content", ["", "[", "3", "null", "\x00"])
def test_broken_settings_are_an_error(tmp_path: Path, content: str) -> None:
    """Rather than other databases than those of the shop."""
    shop = Shop(tmp_path)
    shop.run.mkdir()
    shop.settings_file.write_text(content)
    with pytest.raises(click.ClickException, match=r"settings\.json cannot be read"):
        recall_settings(shop)


def test_saving_replaces_the_file_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a reader never sees half of it, nor does who comes after a power cut."""
    kept = Shop(tmp_path)
    kept.save()
    inode = kept.file.stat().st_ino
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    kept.save()
    assert kept.file.stat().st_ino != inode
    assert synced == [kept.file.stat().st_ino]
    assert json.loads(kept.file.read_text())["port"] == 8080


def test_two_may_replace_a_file_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one of this process's number that died in the middle of it is in nobody's way."""
    path = tmp_path / "file"
    (tmp_path / f"file.{os.getpid()}").write_text("half")
    with replacing(path) as first:
        first.write(b"first")
        monkeypatch.setattr(os, "getpid", lambda: 1)
        with replacing(path) as second:
            second.write(b"second")
        assert path.read_bytes() == b"second"
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["file"]


def test_a_supervisor_that_does_not_stop_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shop_common.cli.down.STOP_TIMEOUT_S", 0.1)
    command = ["sh", "-c", "trap '' TERM; echo; exec sleep 10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as stuck:
        assert stuck.stdout
        stuck.stdout.readline()
        Shop(tmp_path, supervisor=find_process(stuck.pid)).save()
        done = CliRunner().invoke(shop, ["down", "--data-dir", str(tmp_path)])
        assert (done.exit_code, stuck.wait(10)) == (0, -signal.SIGKILL)


def test_a_child_has_nothing_open_but_what_it_is_given(tmp_path: Path) -> None:
    """Who had the lock of the supervisor, or a neighbour's socket, would keep it.

    It writes on at the end of its log, also when somebody has cut that.
    """
    code = (
        "import os, sys; from pathlib import Path;"
        "from shop_common.cli.children import fork; from shop_common.cli.state import Shop;"
        "opened = [os.open('/', os.O_RDONLY) for _ in range(3)];"
        "is_open = lambda number: os.path.exists(f'/proc/self/fd/{number}');"
        "log = Shop(Path(sys.argv[1])).logs / 'cart.log';"
        "tell = lambda: (print('old', flush=True), os.truncate(log, 0),"
        " print([is_open(number) for number in opened]));"
        "os.waitpid(fork(Shop(Path(sys.argv[1])), 'cart', tell, 9, opened[1]), 0)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=30)
    assert Shop(tmp_path).logs.joinpath("cart.log").read_text() == "[False, True, False]\n"


def test_a_child_without_its_log_says_so_in_one_line(tmp_path: Path) -> None:
    """On what its parent has: it has nowhere else to say it."""
    code = (
        "import os, sys; from pathlib import Path;"
        "from shop_common.cli.children import fork; from shop_common.cli.state import Shop;"
        "pid = fork(Shop(Path(sys.argv[1])), 'cart', lambda: None, 9);"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))"
    )
    (tmp_path / "logs" / "cart.log").mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (
        1,
        f"{tmp_path}/logs/cart.log cannot be opened: Is a directory\n",
    )
