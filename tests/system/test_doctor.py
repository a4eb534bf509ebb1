"""The doctor: clean books are clean, and every corruption is found and named."""

import inspect
import json
import os
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import pysqlite3
import pytest

import shop_common.doctor
from shop_common import clock
from shop_common.config import APPS, DATABASE_FILES, load_config
from shop_common.db import open_database
from shop_common.doctor import examine
from tests.system.running import CHECKOUT, RunningShop, wait_for

LAPTOP = [{"product_id": 1, "quantity": 1}]
OLD = "2020-01-01T00:00:00.000000Z"


@dataclass
class Ledger:
    """A shop's data with an order in each state, by the ids in it."""

    data_dir: Path
    ids: dict[str, str]


def make_order(shop: RunningShop, *actions: str) -> str:
    order_id = str(shop.post("/api/orders?user_id=u", json=LAPTOP).json()["order_id"])
    for action in actions:
        if action == "pay":
            path = f"/api/pay?order_id={order_id}&amount=999.99"
        else:
            path = f"/api/orders/{order_id}/{action}"
        response = shop.post(path)
        assert response.status_code == 200, response.text
    return order_id


def documented() -> dict[str, str]:
    """What the docs say that `--repair` does about each kind of finding."""
    text = (CHECKOUT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| (`[a-z_]+`(?:, `[a-z_]+`)*) \| [^|]+ \|([^|]*)\|$", text, re.M)
    return {kind.strip("`"): done.strip() for kinds, done in rows for kind in kinds.split(", ")}


def findings(data_dir: Path) -> set[str]:
    environ = {"SHOP_DATA_DIR": str(data_dir)}
    databases = {app: open_database(load_config(app, environ)) for app in APPS}
    try:
        found = examine(databases, clock.now(), 30)
        for finding in found:
            assert finding.remedy, "each says what to do"
            done = documented()[finding.kind]
            assert bool(finding.repair) == bool(done) or done.startswith("if "), finding
        return {finding.kind for finding in found}
    finally:
        for database in databases.values():
            database.close()


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    shop = RunningShop(tmp_path_factory.mktemp("doctor") / "var")
    shop.up()
    ids = {
        "created": make_order(shop),
        "paid": make_order(shop, "pay"),
        "shipped": make_order(shop, "pay", "ship"),
        "cancelled": make_order(shop, "pay", "cancel"),
        "unpaid": make_order(shop, "cancel"),
        "stranger": str(uuid.uuid4()),
    }
    for name in ("paid", "shipped", "cancelled"):
        payments = shop.get(f"/api/payments?order_id={ids[name]}").json()
        ids[f"payment of {name}"] = payments[0]["payment_id"]
    refunded = f"/api/payments/{ids['payment of cancelled']}"
    wait_for(lambda: shop.get(refunded).json()["refunded_amount"] == 999.99)
    wait_for(lambda: shop.get("/api/admin/payments/outbox").json() == [])
    shop.down()
    return Ledger(shop.data_dir, ids)


@pytest.fixture
def copy(ledger: Ledger, tmp_path: Path) -> Path:
    for name in DATABASE_FILES.values():
        for path in (ledger.data_dir / name, ledger.data_dir / f"{name}-wal"):
            if path.exists():
                shutil.copy(path, tmp_path)
        connection = pysqlite3.connect(tmp_path / name)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    return tmp_path


def test_sound_books_are_clean(copy: Path) -> None:
    assert findings(copy) == set()


CORRUPTIONS = {
    "stock made up": (
        "catalog",
        "UPDATE products SET stock = stock + 1 WHERE id = 1",
        {"stock_differs"},
    ),
    "history lost": (
        "catalog",
        "DELETE FROM stock_movements WHERE order_id = :paid",
        {"stock_differs", "held_differs"},
    ),
    "a reservation lost": (
        "catalog",
        "DELETE FROM reservations WHERE order_id = :paid",
        {"order_without_stock", "held_differs"},
    ),
    "a reservation of something else": (
        "catalog",
        "UPDATE reservations SET items = '[[1, 2, 99999]]' WHERE order_id = :paid",
        {"order_without_stock", "held_differs"},
    ),
    "a release lost": (
        "catalog",
        "UPDATE reservations SET status = 'HELD', items = '[[1, 1, 99999]]'"
        " WHERE order_id = :unpaid",
        {"orphan_hold", "held_differs"},
    ),
    "a hold without an order": (
        "catalog",
        "INSERT INTO reservations (order_id, status, items, created_at, updated_at)"
        f" VALUES (:stranger, 'HELD', '[]', '{OLD}', '{OLD}')",
        {"orphan_hold"},
    ),
    "a payment lost": (
        "payments",
        "DELETE FROM payments WHERE order_id = :paid",
        {"paid_without_payment"},
    ),
    "a payment of another amount": (
        "payments",
        "UPDATE payments SET amount = amount - 1 WHERE order_id = :paid",
        {"amount_differs"},
    ),
    "orders not told": (
        "orders",
        "UPDATE orders SET status = 'CREATED', payment_id = NULL, paid_at = NULL"
        " WHERE order_id = :paid",
        {"payment_not_told"},
    ),
    "an order that expired before it heard of its payment": (
        "orders",
        "UPDATE orders SET status = 'EXPIRED', payment_id = NULL, paid_at = NULL"
        " WHERE order_id = :paid",
        {"not_refunded", "orphan_hold"},
    ),
    "a payment of an order that is not there": (
        "payments",
        "UPDATE payments SET order_id = :stranger WHERE order_id = :paid",
        {"paid_without_payment", "paid_order_missing"},
    ),
    "an order lost that is paid": (
        "orders",
        "DELETE FROM orders WHERE order_id = :paid",
        {"paid_order_missing"},
    ),
    "an order lost that the sweep has given up since": (
        "orders",
        "UPDATE orders SET status = 'ABANDONED', payment_id = NULL, paid_at = NULL"
        " WHERE order_id = :paid",
        {"paid_order_missing", "orphan_hold"},
    ),
    "a refund lost": (
        "payments",
        "DELETE FROM refunds WHERE payment_id = :payment_of_cancelled",
        {"refund_sums_differ", "not_refunded"},
    ),
    "a refund of another amount": (
        "payments",
        "UPDATE refunds SET amount = amount - 1 WHERE payment_id = :payment_of_cancelled",
        {"refund_sums_differ", "not_refunded"},
    ),
    "a refund that nobody made": (
        "orders",
        "UPDATE orders SET status = 'REFUNDED' WHERE order_id = :shipped",
        {"refund_differs"},
    ),
    "a refund that hangs": (
        "payments",
        f"UPDATE refunds SET status = 'REQUESTED', sweep_at = created_at, created_at = '{OLD}'"
        " WHERE payment_id = :payment_of_cancelled",
        {"refund_waits", "refund_sums_differ", "not_refunded"},
    ),
    "a refund that is counted and not there": (
        "payments",
        "UPDATE payments SET refunded_minor = 1 WHERE order_id = :paid",
        {"refund_sums_differ"},
    ),
    "the stock of an order that is refunded before it is shipped": (
        "orders",
        "UPDATE orders SET status = 'REFUNDED' WHERE order_id = :paid",
        {"refund_differs", "orphan_hold"},
    ),
    "the stock of an order that expired": (
        "orders",
        "UPDATE orders SET status = 'EXPIRED' WHERE order_id = :created",
        {"orphan_hold"},
    ),
    "a total that does not add up": (
        "orders",
        "UPDATE orders SET total_amount = total_amount + 1 WHERE order_id = :created",
        {"total_differs"},
    ),
    "an unverified order that nobody checks": (
        "orders",
        f"UPDATE orders SET unverified = 1, created_at = '{OLD}' WHERE order_id = :created",
        {"unverified_waits"},
    ),
    "a payment that hangs": (
        "payments",
        "UPDATE payments SET status = 'PENDING', sweep_at = created_at,"
        f" created_at = '{OLD}' WHERE order_id = :paid",
        {"payment_waits", "paid_without_payment"},
    ),
    "a message that was given up": (
        "orders",
        "INSERT INTO outbox (topic, aggregate, partner, path, body, request_id, due_at, attempts,"
        " refusals, parked_at, created_at, updated_at) VALUES ('t', 'a', 'catalog', '/x', '{}',"
        f" '', '{OLD}', 1, 5, '{OLD}', '{OLD}', '{OLD}')",
        {"message_parked"},
    ),
    "a message that nobody takes": (
        "orders",
        "INSERT INTO outbox (topic, aggregate, partner, path, body, request_id, due_at, attempts,"
        " refusals, created_at, updated_at) VALUES ('t', 'a', 'catalog', '/x', '{}',"
        f" '', '{OLD}', 1, 5, '{OLD}', '{OLD}')",
        {"message_waits"},
    ),
    "a cart taken and forgotten": (
        "cart",
        "INSERT INTO checkouts (order_id, user_id, status, items, created_at, updated_at)"
        f" VALUES (:stranger, 'u', 'TAKEN', '[]', '{OLD}', '{OLD}')",
        {"lost_cart"},
    ),
}


def test_every_kind_is_tried_and_in_the_docs() -> None:
    tried = set().union(*(kinds for _, _, kinds in CORRUPTIONS.values()), {"database_damaged"})
    source = inspect.getsource(shop_common.doctor)
    assert tried == set(documented()) == set(re.findall(r'Finding\(\s*"([a-z_]+)"', source))


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_every_corruption_is_found(ledger: Ledger, copy: Path, name: str) -> None:
    app, sql, kinds = CORRUPTIONS[name]
    ids = {key.replace(" ", "_"): value for key, value in ledger.ids.items()}
    connection = pysqlite3.connect(copy / DATABASE_FILES[app])
    connection.execute("PRAGMA ignore_check_constraints = 1")
    changed = connection.execute(sql, {k: v for k, v in ids.items() if f":{k}" in sql}).rowcount
    connection.commit()
    connection.close()
    assert changed > 0
    assert findings(copy) == kinds


def test_a_damaged_file_is_found(copy: Path) -> None:
    path = copy / "orders.db"
    damaged = bytearray(path.read_bytes())
    connection = pysqlite3.connect(path)
    sql = "SELECT rootpage FROM sqlite_master WHERE name = 'orders_by_user'"
    page = connection.execute(sql).fetchone()[0]
    connection.close()
    damaged[(page - 1) * 4096 + 3 : (page - 1) * 4096 + 5] = b"\x00\x00"
    path.write_bytes(damaged)
    assert "database_damaged" in findings(copy)


@pytest.mark.parametrize("damage", ["overwritten", "cut"])
def test_a_file_that_is_no_database_is_found(copy: Path, damage: str) -> None:
    path = copy / "orders.db"
    if damage == "overwritten":
        path.write_bytes(b"x" * 100 + path.read_bytes()[100:])
    else:
        os.truncate(path, 3 * 4096)
    assert findings(copy) == {"database_damaged"}


def test_the_command_says_what_is_wrong_repairs_it_and_its_report_is_served(
    own_shop: RunningShop,
) -> None:
    own_shop.up()
    assert own_shop.get("/api/admin/orders/doctor").status_code == 404
    order_id = make_order(own_shop, "pay")
    clean = own_shop.run("doctor")
    assert (clean.returncode, clean.stdout) == (0, "The books balance\n")
    assert own_shop.get("/api/admin/orders/doctor").json()["clean"] is True

    connection = pysqlite3.connect(own_shop.data_dir / "orders.db", timeout=5)
    connection.execute(
        "UPDATE orders SET status = 'CREATED', payment_id = NULL, paid_at = NULL"
        " WHERE order_id = ?",
        (order_id,),
    )
    connection.execute("DELETE FROM order_payments")
    connection.commit()
    connection.close()
    found = own_shop.run("doctor", "--patience", "0", "--json")
    assert found.returncode == 1
    [finding] = json.loads(found.stdout)["findings"]
    assert finding["kind"] == "payment_not_told"
    assert own_shop.get("/api/admin/orders/doctor").json()["findings"] == [finding]
    repaired = own_shop.run("doctor", "--patience", "0", "--repair", "--json")
    assert repaired.returncode == 0, repaired.stdout
    assert json.loads(repaired.stdout)["clean"] is True
    assert "answered 200" in repaired.stderr
    assert own_shop.get(f"/api/orders/{order_id}").json()["status"] == "PAID"


def test_a_report_that_cannot_be_kept_is_told_all_the_same(copy: Path) -> None:
    """As on a full disk; what was written of it goes."""
    (copy / "doctor.json").mkdir()
    done = RunningShop(copy).run("doctor")
    assert (done.returncode, done.stdout) == (1, "The books balance\n")
    assert done.stderr.startswith("shop: ")
    assert list(copy.glob("doctor.json*")) == [copy / "doctor.json"]


def test_a_shop_of_an_older_version_is_told_how_to_become_newer(copy: Path) -> None:
    connection = pysqlite3.connect(copy / "orders.db")
    connection.execute("DROP TABLE outbox")
    connection.close()
    done = RunningShop(copy).run("doctor")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no such table: outbox; ./shop migrate" in done.stderr


def test_a_folder_without_a_shop_is_an_error(tmp_path: Path) -> None:
    done = RunningShop(tmp_path / "nothing").run("doctor")
    assert done.returncode == 1
    assert done.stderr.startswith("shop: no shop has run in ")
    assert not os.path.exists(tmp_path / "nothing" / "carts.db")
