"""A database of an older version is brought up to date with what it holds."""

import shutil
from dataclasses import replace
from pathlib import Path

import apps.orders
from apps.orders import store
from shop_common.config import load_config
from shop_common.db import open_database
from shop_common.migrations import migrate

MIGRATIONS = Path(apps.orders.__file__).parent / "migrations"


def test_an_order_from_before_is_kept(tmp_path: Path, postgres_url: str | None) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for path in MIGRATIONS.glob("000[1-5]*.sql"):
        shutil.copy(path, old)
    config = load_config("orders", {"SHOP_DATA_DIR": str(tmp_path)})
    if postgres_url:
        config = replace(config, app="upgrade", database_url=postgres_url)
    database = open_database(config)
    migrate(database, [old])
    database.write(
        lambda tx: tx.execute(
            "INSERT INTO orders (order_id, user_id, items, status, total_amount, unverified,"
            " from_cart, created_at, updated_at)"
            " VALUES ('o-1', 'ann', '[[1, 2, 999]]', 'CREATED', 1998, 0, 1, 'then', 'then')"
        )
    )
    assert migrate(database, [MIGRATIONS]) == ["0006_no_from_cart", "0007_failing_checks"]
    with database.read() as tx:
        order = store.get_order(tx, "o-1")
        row = tx.one("SELECT * FROM orders")
    database.close()
    assert (order.user_id, order.total_minor, order.lines[0].price_minor) == ("ann", 1998, 999)
    assert row
    assert "from_cart" not in row.keys()  # noqa: SIM118 - a row of SQLite looks among its values
