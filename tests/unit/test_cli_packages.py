"""What the system's package manager is asked for, with one that only notes what it is told."""

import os
from pathlib import Path

import click
import pytest

from shop_common.cli import packages
from shop_common.cli.nginx import get_nginx

# It knows no package until it has been told to update its lists.
MANAGER = """#!/bin/sh
echo "$@" >>{folder}/asked
test -x {policy} && echo "no services" >>{folder}/asked
test -e {folder}/stuck && {{ echo "E: it is stuck" >&2; exit 100; }}
test "$1" = update && touch {folder}/lists
test -e {folder}/lists || exit 100
test "$1" = update || {{ printf '#!/bin/sh\\n' >{folder}/nginx; chmod +x {folder}/nginx; }}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that is on the PATH, with a package manager in it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    policy = tmp_path / "policy-rc.d"
    for name, content in (
        ("apt-get", MANAGER.format(folder=folder, policy=policy)),
        ("dpkg", "#!/bin/sh\n"),
        ("sudo", '#!/bin/sh\nshift\nexec "$@"\n'),
    ):
        (folder / name).write_text(content)
        (folder / name).chmod(0o755)
    for name in ("chmod", "touch"):
        (folder / name).symlink_to(f"/usr/bin/{name}")
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("shop_common.cli.nginx._FOLDERS", "")
    monkeypatch.setattr(packages, "POLICY", policy)
    return folder


def test_nginx_is_got_if_it_is_missing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said, with the command; lists that are old are renewed; no service is started."""
    assert get_nginx() == str(folder / "nginx")
    said = capsys.readouterr().out
    assert said.startswith("Nginx is not here yet: ")
    asked = (folder / "asked").read_text().splitlines()
    install = next(line for line in asked if line.endswith("nginx"))
    assert f"apt-get {install}  (no system service is started)" in said
    assert asked == [install, "no services", "update", "no services", install, "no services"]
    assert not packages.POLICY.exists()
    assert get_nginx() == str(folder / "nginx")
    assert capsys.readouterr().out == "", "once it is there nobody is asked"


def test_what_cannot_be_got_is_said_with_what_to_do(folder: Path) -> None:
    (folder / "stuck").touch()
    with pytest.raises(click.ClickException, match=r"install it \(package nginx\).*E: it is stuck"):
        get_nginx()
    os.remove(folder / "apt-get")
    with pytest.raises(click.ClickException, match="no package manager was found"):
        get_nginx()
