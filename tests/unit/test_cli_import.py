"""`shop import`: what it says when it is interrupted."""

from pathlib import Path
from unittest.mock import Mock

import pytest

from shop_common.cli import main


@pytest.mark.parametrize(("options", "is_said"), [([], True), (["--dry-run"], False)])
def test_ctrl_c_while_the_catalog_works(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    is_said: bool,
) -> None:
    """It may have imported the file: a dry run, which changes nothing itself, shows it."""
    file = tmp_path / "products.csv"
    file.write_text("Handle,Title,Variant Price\n")
    monkeypatch.setenv("SHOP_PORT_BASE", "8001")
    monkeypatch.setenv("API_KEY", "a-key-of-my-own")
    monkeypatch.setattr("shop_common.cli.import_.send", Mock(side_effect=KeyboardInterrupt))
    monkeypatch.setattr("sys.argv", ["shop", "import", *options, str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert (f"./shop import --dry-run {file} " in capsys.readouterr().err) == is_said
