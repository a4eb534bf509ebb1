"""`shop export`: where it writes, and what it says if it cannot."""

import errno
import io
import os
from pathlib import Path
from unittest.mock import Mock

import pytest
from click.testing import CliRunner, Result

from shop_common.cli import shop

PRODUCTS = b"Handle,Title,Variant Price\r\nbowl,Bowl,12.50\r\n"


@pytest.fixture(autouse=True)
def body(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Of the answer of a shop that systemd runs."""
    monkeypatch.setenv("SHOP_PORT_BASE", "8001")
    monkeypatch.setenv("API_KEY", "a-key-of-my-own")
    answer = Mock(status=200, response=Mock(read=io.BytesIO(PRODUCTS).read))
    monkeypatch.setattr("shop_common.cli.export.send", lambda *_, **__: answer)
    return answer.response


def export(*file: str) -> Result:
    return CliRunner().invoke(shop, ["export", *file])


@pytest.mark.parametrize("file", [(), ("-",)])
def test_without_a_file_it_is_the_standard_output(file: tuple[str, ...]) -> None:
    assert export(*file).stdout_bytes == PRODUCTS


def test_a_link_stays_one_and_a_file_keeps_its_mode(tmp_path: Path) -> None:
    """What a link leads to is replaced, as a whole."""
    target, link = tmp_path / "target.csv", tmp_path / "link.csv"
    target.write_text("old")
    target.chmod(0o666)
    link.symlink_to("target.csv")
    inode = target.stat().st_ino
    assert export(str(link)).exit_code == 0
    assert link.is_symlink()
    assert target.read_bytes() == PRODUCTS
    assert target.stat().st_mode & 0o777 == 0o666
    assert target.stat().st_ino != inode


def test_a_link_that_leads_nowhere_yet(tmp_path: Path) -> None:
    (tmp_path / "link.csv").symlink_to("target.csv")
    assert export(str(tmp_path / "link.csv")).exit_code == 0
    assert (tmp_path / "target.csv").read_bytes() == PRODUCTS
    assert (tmp_path / "link.csv").is_symlink()


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    """And a device, which it must not take the place of."""
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert export(str(tmp_path / "pipe")).exit_code == 0
    assert os.read(reading, 1000) == PRODUCTS
    os.close(reading)
    assert (tmp_path / "pipe").is_fifo()


def test_an_error_names_the_file_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not the one that is written first."""
    failed = export("/nonexistent/x.csv")
    said = "Error: /nonexistent/x.csv: No such file or directory\n"
    assert (failed.exit_code, failed.stderr) == (1, said)
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("shutil.copyfileobj", Mock(side_effect=full))
    failed = export(f"{tmp_path}/x.csv")
    said = f"Error: {tmp_path}/x.csv: No space left on device\n"
    assert (failed.exit_code, failed.stderr) == (1, said)


def test_an_answer_that_is_late_is_no_fault_of_the_file(tmp_path: Path, body: Mock) -> None:
    """Nor does it replace it."""
    (tmp_path / "x.csv").write_text("old")
    body.read = Mock(side_effect=TimeoutError("timed out"))
    failed = export(str(tmp_path / "x.csv"))
    assert (failed.exit_code, failed.stderr) == (
        1,
        "Error: the export broke off: TimeoutError('timed out')\n",
    )
    assert (tmp_path / "x.csv").read_text() == "old"
