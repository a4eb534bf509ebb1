"""The commands about a running shop: import, export, logs, migrate."""

import json
import subprocess
import threading
from pathlib import Path

import pytest

from tests.system.running import APPS, RunningShop, wait_for

HEADER = "Handle,Title,Variant SKU,Variant Price,Variant Inventory Qty\n"
GOOD = HEADER + "bowl,Bowl,B-1,12.50,7\nplate,Plate,P-1,8.00,9\n"
BAD = HEADER + "bowl,Bowl,B-1,abc,7\nplate,Plate,P-1,8.00,9\ncup,Cup,C-1,-1,1\n"


def test_import_and_export(own_shop: RunningShop, tmp_path: Path) -> None:
    """A dry run changes nothing; the same file twice changes nothing; what is exported goes in."""
    own_shop.up("--empty")
    file = tmp_path / "products.csv"
    file.write_text(GOOD)
    dry = own_shop.run("import", str(file), "--dry-run")
    assert (dry.returncode, "2 created" in dry.stdout) == (0, True)
    assert own_shop.get("/api/catalog").json() == []
    assert "2 created" in own_shop.run("import", str(file)).stdout
    assert "2 unchanged" in own_shop.run("import", str(file)).stdout
    products = own_shop.get("/api/catalog").json()
    assert [(one["name"], one["price"], one["stock"]) for one in products] == [
        ("Bowl", 12.5, 7),
        ("Plate", 8.0, 9),
    ]
    exported = tmp_path / "exported.csv"
    assert own_shop.run("export", str(exported)).returncode == 0
    assert own_shop.run("export").stdout == exported.read_text()
    assert "2 unchanged" in own_shop.run("import", str(exported)).stdout


def test_set_stock(own_shop: RunningShop, tmp_path: Path) -> None:
    """Known products keep their stock unless it is asked for."""
    own_shop.up("--empty")
    file = tmp_path / "products.csv"
    file.write_text(GOOD)
    own_shop.run("import", str(file))
    file.write_text(GOOD.replace(",7\n", ",70\n"))
    own_shop.run("import", str(file))
    assert own_shop.get("/api/catalog").json()[0]["stock"] == 7
    own_shop.run("import", str(file), "--set-stock")
    assert own_shop.get("/api/catalog").json()[0]["stock"] == 70


def test_bad_rows_are_named(own_shop: RunningShop, tmp_path: Path) -> None:
    """Each with its line, and nothing is imported."""
    own_shop.up("--empty")
    file = tmp_path / "products.csv"
    file.write_text(BAD)
    done = own_shop.run("import", str(file))
    assert done.returncode == 1
    assert "line 2: " in done.stderr
    assert "line 4: " in done.stderr
    assert "line 3: " not in done.stderr
    assert own_shop.get("/api/catalog").json() == []


@pytest.mark.parametrize("size", [0, 65 * 1024 * 1024])
def test_a_file_of_impossible_size(shop: RunningShop, tmp_path: Path, size: int) -> None:
    """An empty one and one that is too large are refused with a reason."""
    file = tmp_path / "products.csv"
    with file.open("wb") as target:
        target.truncate(size)
    done = shop.run("import", str(file))
    assert done.returncode == 1
    assert "shop: " in done.stderr
    assert "Traceback" not in done.stderr
    assert "no answer" not in done.stderr


def test_logs(shop: RunningShop) -> None:
    """The end of one, of all, and what is written from now on."""
    shop.get("/api/cart/u", headers={"X-Request-ID": "in-the-logs"})
    wait_for(lambda: "in-the-logs" in shop.run("logs", "cart", "-n", "50").stdout)
    [line] = shop.run("logs", "nginx-access", "-n", "1").stdout.splitlines()
    assert json.loads(line)["request_id"] == "in-the-logs"
    assert shop.run("logs", "cart", "-n", "0").stdout == ""
    together = shop.run("logs").stdout
    for name in (*APPS, "nginx-access", "shop"):
        assert f"\n{name} " in f"\n{together}"
    with subprocess.Popen(
        shop.command("logs", "cart", "-f", "-n", "1"),
        env=shop.environment, stdout=subprocess.PIPE, text=True,
    ) as follower:  # fmt: skip
        assert follower.stdout
        assert follower.stdout.readline(), "it follows from here on"
        shop.get("/api/cart/u", headers={"X-Request-ID": "followed"})
        end = threading.Timer(60, follower.kill)
        end.start()
        # Others write to the log too.
        assert any("followed" in line for line in follower.stdout)
        end.cancel()
        follower.kill()


def test_migrate_by_itself(own_shop: RunningShop) -> None:
    """It makes the databases; `up` then finds nothing left to do."""
    done = own_shop.run("migrate")
    assert done.returncode == 0
    assert "applied" in done.stdout
    for path in (own_shop.data_dir, *own_shop.data_dir.iterdir()):
        assert path.stat().st_mode & 0o077 == 0, f"others can read {path}"
    assert "applied" not in own_shop.run("migrate").stdout
    own_shop.up()
    assert "applied" not in (own_shop.data_dir / "logs" / "cart.log").read_text()
    assert own_shop.run("migrate", "cart").returncode == 0
