"""The shop looks at its own books, and its commands know where they are."""

import json
import os
import signal
from pathlib import Path

import pysqlite3

from tests.system.running import APPS, RunningShop, is_alive, wait_for


def messages(shop: RunningShop) -> list[str]:
    lines = (shop.data_dir / "logs" / "shop.log").read_text().splitlines()
    return [json.loads(line)["message"] for line in lines]


def checks(shop: RunningShop) -> list[int]:
    """The processes that look at the books of this shop now."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_text().split("\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if "doctor" in words and str(shop.data_dir) in words:
            found.append(int(path.parent.name))
    return found


def nicenesses(shop: RunningShop) -> list[str]:
    """Of the processes that `checks` finds; one that has just ended is left out."""
    found = []
    for pid in checks(shop):
        try:
            found.append(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[16])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def test_the_books_are_checked_again_and_again(own_shop: RunningShop) -> None:
    """One check at a time, politely; what it finds is told once, and `down` ends it too."""
    own_shop.environment["DOCTOR_EVERY_S"] = "1"
    own_shop.up()
    report = own_shop.data_dir / "doctor.json"
    wait_for(report.exists)
    assert json.loads(report.read_text())["clean"] is True
    first = report.read_text()
    wait_for(lambda: report.read_text() != first)
    seen: list[str] = []
    wait_for(lambda: seen or seen.extend(nicenesses(own_shop)))
    assert seen == ["10"]

    def set_stock(change: str) -> None:
        connection = pysqlite3.connect(own_shop.data_dir / "products.db", timeout=5)
        connection.execute(f"UPDATE products SET stock = stock {change} WHERE id = 1")
        connection.commit()
        connection.close()

    set_stock("+ 1")
    wait_for(lambda: "do not balance" in messages(own_shop)[-1])
    assert json.loads(report.read_text())["clean"] is False
    set_stock("- 1")
    wait_for(lambda: messages(own_shop)[-1] == "the books balance again")
    assert len([line for line in messages(own_shop) if "balance" in line]) == 2
    assert "stock_differs" in own_shop.run("logs", "doctor", "-n", "1000").stdout
    assert own_shop.run("doctor").returncode == 0
    assert len(own_shop.state()["programs"]) == 5

    wait_for(lambda: checks(own_shop))
    own_shop.down()
    assert checks(own_shop) == []


def test_a_check_ends_with_a_killed_supervisor(own_shop: RunningShop) -> None:
    own_shop.environment["DOCTOR_EVERY_S"] = "0.1"
    own_shop.up()
    wait_for(lambda: checks(own_shop))
    supervisor = own_shop.pids()["supervisor"][0]
    os.kill(supervisor, signal.SIGKILL)
    wait_for(lambda: not is_alive(supervisor) and not checks(own_shop))


def test_no_check_is_made_unless_wanted(own_shop: RunningShop) -> None:
    own_shop.environment["DOCTOR_EVERY_S"] = "0"
    own_shop.up()
    assert own_shop.answers()
    own_shop.down()
    assert not (own_shop.data_dir / "logs" / "doctor.log").exists()


def test_commands_know_where_the_databases_are(own_shop: RunningShop, tmp_path: Path) -> None:
    """From the last `up`; the environment has the last word. Nobody else may read it."""
    names = {app: f"{app.upper()}_DATABASE_URL" for app in APPS}
    for app, name in names.items():
        own_shop.environment[name] = f"sqlite:///{tmp_path / 'elsewhere' / app}.db"
    own_shop.up()
    settings = own_shop.data_dir / "run" / "settings.json"
    assert settings.stat().st_mode & 0o777 == 0o600
    order = [{"product_id": 1, "quantity": 1}]
    own_shop.post("/api/orders?user_id=u", json=order).raise_for_status()
    for name in names.values():
        del own_shop.environment[name]
    assert own_shop.run("doctor").stdout == "The books balance\n"
    own_shop.down()
    assert own_shop.run("migrate").returncode == 0
    assert not list(own_shop.data_dir.glob("*.db"))

    settings.write_text("[")
    refused = own_shop.run("migrate")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"shop: {settings} cannot be read")
