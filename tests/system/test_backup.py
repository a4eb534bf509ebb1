"""A copy of a busy shop is a shop whose books balance."""

import shutil
import threading
from pathlib import Path

from shop_common.config import APPS, DATABASE_FILES
from tests.system.running import RunningShop, wait_for

LAPTOP = [{"product_id": 1, "quantity": 1}]


def buy(shop: RunningShop, paid: list[str], stop: threading.Event) -> None:
    while not stop.is_set():
        made = shop.post("/api/orders?user_id=u", json=LAPTOP)
        if made.status_code == 409:
            shop.post("/api/catalog/products/1/stock", json={"delta": 1000, "reason": "more"})
            continue
        order_id = made.json()["order_id"]
        if shop.post(f"/api/pay?order_id={order_id}&amount=999.99").json()["status"] == "PAID":
            paid.append(order_id)


def test_a_copy_of_a_busy_shop(own_shop: RunningShop, tmp_path: Path) -> None:
    """All databases as at one moment: what was paid before is in it, and everything adds up."""
    own_shop.up()
    stop, paid = threading.Event(), list[str]()
    buyers = [threading.Thread(target=buy, args=(own_shop, paid, stop)) for _ in range(3)]
    for buyer in buyers:
        buyer.start()
    wait_for(lambda: len(paid) >= 10)
    before = list(paid)
    folder = tmp_path / "copies"
    done = own_shop.run("backup", str(folder))
    stop.set()
    for buyer in buyers:
        buyer.join()
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == set(DATABASE_FILES.values())
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in folder.iterdir())
    own_shop.down()

    restored = RunningShop(tmp_path / "restored")
    shutil.copytree(folder, restored.data_dir)
    restored.up()
    try:
        for order_id in before:
            assert restored.get(f"/api/orders/{order_id}").json()["status"] == "PAID"
        report = restored.run("doctor")
        assert report.returncode == 0, report.stdout
    finally:
        restored.down()


def test_two_files_of_one_name(own_shop: RunningShop, tmp_path: Path) -> None:
    """Copies are called by their apps."""
    for app, folder in (("CART", "a"), ("ORDERS", "b")):
        (tmp_path / folder).mkdir()
        own_shop.environment[f"{app}_DATABASE_URL"] = f"sqlite:///{tmp_path / folder / 'shop.db'}"
    own_shop.up()
    copies = tmp_path / "copies"
    done = own_shop.run("backup", str(copies))
    assert done.returncode == 0, done.stderr
    assert {path.name for path in copies.iterdir()} == set(DATABASE_FILES.values())


def test_nothing_to_copy(own_shop: RunningShop, tmp_path: Path) -> None:
    """A shop wholly on PostgreSQL has no backup by this: it is an error, and no folder is made."""
    elsewhere = {f"{app.upper()}_DATABASE_URL": "postgresql://127.0.0.1:1/shop" for app in APPS}
    done = own_shop.run("backup", str(tmp_path / "copies"), env=elsewhere)
    assert done.returncode == 1
    assert "nothing is copied" in done.stderr
    assert done.stderr.count("use pg_dump") == len(APPS)
    assert not (tmp_path / "copies").exists()


def test_what_is_refused(own_shop: RunningShop, tmp_path: Path) -> None:
    """Where no shop has run, and where a copy is already, which stays as it is."""
    done = own_shop.run("backup", str(tmp_path / "copies"))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    own_shop.up()
    own_shop.down()
    old = tmp_path / "copies" / DATABASE_FILES["payments"]
    old.parent.mkdir()
    old.write_text("old")
    done = own_shop.run("backup", str(tmp_path / "copies"))
    assert done.returncode == 1
    assert str(old) in done.stderr
    assert [path.name for path in old.parent.iterdir()] == [old.name]
    assert old.read_text() == "old"
