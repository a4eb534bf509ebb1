"""Starting and stopping: what is said, what is refused, what is left behind."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.system.running import APPS, CHECKOUT, KEY, RunningShop, is_alive, wait_for


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def connections_to(port: int) -> int:
    """How many connections to this port are established, accepted or not."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return sum(row[2].endswith(f":{port:04X}") and row[3] == "01" for row in rows)


def all_ports(shop: RunningShop) -> range:
    return range(shop.port_base, shop.port_base + 5)


def test_up_says_where_the_shop_is(own_shop: RunningShop) -> None:
    """Ready means ready: every app and Nginx answer at once."""
    said = own_shop.up().stdout
    assert f"{own_shop.url}/" in said
    for name in (*APPS, "nginx"):
        assert f"{name} " in said
        assert own_shop.answers(f"/api/health/{name}" if name != "nginx" else "/")


def test_up_opens_the_page_with_the_key(own_shop: RunningShop, tmp_path: Path) -> None:
    """The demonstration's key is in the printed address; a key of one's own goes into no log."""
    said = own_shop.up().stdout
    assert f"{own_shop.url}/#key={own_shop.key} " in said
    served = [path for path in (CHECKOUT / "frontend").rglob("*") if path.is_file()]
    assert served
    assert not [path for path in served if own_shop.key.encode() in path.read_bytes()]
    own_shop.down()
    private = RunningShop(tmp_path / "private", API_KEY="a-key-of-my-own")
    try:
        said = private.up().stdout
        assert f"Dashboard: {private.url}/ " in said
        assert private.key not in said
    finally:
        private.down()


def test_a_full_disk_is_not_met_in_the_middle_of_a_request(own_shop: RunningShop) -> None:
    """What counters are mapped from has its place on the disk from the start, and is enough."""
    own_shop.up()
    files = list((own_shop.data_dir / "run" / "metrics").glob("*/*.db"))
    assert len(files) == 2 * 5  # counters and histograms of each worker
    for file in files:
        assert file.stat().st_blocks * 512 >= file.stat().st_size == 256 * 1024


def test_status(own_shop: RunningShop) -> None:
    """Exit code 3 while nothing runs, 0 when all is up, 1 when a part is missing."""
    assert own_shop.run("status").returncode == 3
    own_shop.up()
    done = own_shop.run("status", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["status"]) == (0, "up")
    assert report["address"] == f"{own_shop.url}/"
    for number, app in enumerate(APPS):
        found = report["apps"][app]
        assert found["port"] == own_shop.port_base + number
        assert found["pid"] == own_shop.state()["programs"][app][0]
        assert (found["ready"], found["database"]["engine"]) == (True, "sqlite")
        assert found["version"]
    assert report["nginx"]["ready"]
    assert own_shop.key not in done.stdout
    for app in APPS:
        assert app in own_shop.run("status").stdout
    wrong = own_shop.run("status", env={"API_KEY": "a-wrong-key"})
    assert (wrong.returncode, wrong.stdout.count("Invalid API Key")) == (0, len(APPS))
    for pid in own_shop.pids()["cart"]:
        os.kill(pid, signal.SIGSTOP)
    done = own_shop.run("status", "--json")
    assert (done.returncode, json.loads(done.stdout)["status"]) == (1, "partly up")
    assert "None" not in own_shop.run("status").stdout
    for pid in own_shop.pids()["cart"]:
        os.kill(pid, signal.SIGCONT)


def test_up_again_says_that_it_runs(own_shop: RunningShop) -> None:
    """The same again is no error; other ports are."""
    own_shop.up()
    pids = own_shop.pids()
    again = own_shop.up()
    assert "already running" in again.stdout
    assert own_shop.url in again.stdout
    assert own_shop.run("up").returncode == 0
    other = own_shop.run("up", "--detach", "--port", "1234")
    assert other.returncode == 1
    assert other.stderr.count("\n") == 1
    assert f"--port {own_shop.port}" in other.stderr
    assert own_shop.pids() == pids


def test_up_again_on_other_databases(own_shop: RunningShop, tmp_path: Path) -> None:
    """What it would not do it does not pass over."""
    own_shop.up()
    url = f"sqlite:///{tmp_path / 'other.db'}"
    other = own_shop.run("up", "--detach", env={"ORDERS_DATABASE_URL": url})
    assert (other.returncode, other.stderr.count("\n")) == (1, 1)
    assert "another ORDERS_DATABASE_URL" in other.stderr
    assert own_shop.run("up", "--detach").returncode == 0


@pytest.mark.parametrize("given", [{}, {"CURRENCY": "EUR"}])
def test_up_again_with_other_settings(own_shop: RunningShop, given: dict[str, str]) -> None:
    """What it runs with is no other setting, named or not."""
    own_shop.environment |= given
    own_shop.up()
    assert own_shop.run("up", "--detach", env={"ORDER_TTL_S": "1800.0"}).returncode == 0
    other = own_shop.run("up", "--detach", env={"CURRENCY": "GBP"})
    assert (other.returncode, other.stderr.count("\n")) == (1, 1)
    assert "another CURRENCY" in other.stderr


def test_settings_are_of_one_start(own_shop: RunningShop) -> None:
    """But for the key and where the databases are."""
    own_shop.environment["ORDER_TTL_S"] = "1"
    own_shop.up()
    own_shop.down()
    del own_shop.environment["ORDER_TTL_S"]
    own_shop.up()
    assert own_shop.run("up", "--detach", env={"ORDER_TTL_S": "1800"}).returncode == 0


def test_a_setting_that_is_nothing_is_its_default_again(
    own_shop: RunningShop, tmp_path: Path
) -> None:
    own_shop.environment["ORDERS_DATABASE_URL"] = f"sqlite:///{tmp_path / 'other.db'}"
    own_shop.up()
    own_shop.down()
    assert not (own_shop.data_dir / "orders.db").exists()
    own_shop.environment["ORDERS_DATABASE_URL"] = ""
    own_shop.up()
    assert (own_shop.data_dir / "orders.db").exists()


@pytest.mark.parametrize("closed", ["<&-", "<&- >&- 2>&-"])
def test_with_closed_streams(own_shop: RunningShop, closed: str) -> None:
    """The lock is held all the same: the next `up` finds a shop, and ends nothing of it."""
    command = own_shop.command("up", *own_shop.ports, "--detach")
    in_shell = ["sh", "-c", f'exec "$@" {closed}', "sh", *command]
    subprocess.run(in_shell, env=own_shop.environment, timeout=60, check=True)
    pids = own_shop.pids()
    assert "already running" in own_shop.up().stdout
    assert own_shop.pids()["supervisor"] == pids["supervisor"]
    assert own_shop.answers()


def test_whose_lock_was_removed(own_shop: RunningShop) -> None:
    """It is not taken for what a dead one has left."""
    own_shop.up()
    pids = own_shop.pids()
    (own_shop.data_dir / "run" / "shop.lock").unlink()
    done = own_shop.run("up", *own_shop.ports, "--detach")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "is running" in done.stderr
    assert own_shop.pids() == pids
    own_shop.down()
    assert not any(listening(port) for port in all_ports(own_shop))


def test_two_at_the_same_time(own_shop: RunningShop) -> None:
    """One of them starts the shop, the other waits for it."""
    command = own_shop.command("up", *own_shop.ports, "--detach")
    with (
        subprocess.Popen(command, env=own_shop.environment, stdout=subprocess.PIPE) as one,
        subprocess.Popen(command, env=own_shop.environment, stdout=subprocess.PIPE) as two,
    ):
        said = [process.communicate(timeout=60)[0].decode() for process in (one, two)]
    assert (one.returncode, two.returncode) == (0, 0)
    assert sorted("already running" in text for text in said) == [False, True]


def test_two_shops_side_by_side(shop: RunningShop, own_shop: RunningShop) -> None:
    """Another data folder and other ports are another shop."""
    own_shop.up("--empty")
    assert own_shop.get("/api/catalog").json() == []
    assert len(shop.get("/api/catalog").json()) >= 3
    own_shop.down()
    assert shop.answers()


@pytest.mark.parametrize("program", ["catalog", "nginx"])
def test_a_taken_port_is_named(own_shop: RunningShop, program: str) -> None:
    """With the process that has it; and nothing is left running."""
    port = own_shop.port if program == "nginx" else own_shop.port_base + 1
    with socket.create_server(("127.0.0.1", port)):
        done = own_shop.run("up", *own_shop.ports, "--detach")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"port {port}" in done.stderr
    assert f"process {os.getpid()} (" in done.stderr
    assert not any(listening(each) for each in all_ports(own_shop))


@pytest.mark.parametrize(
    "arguments",
    [("--host", "0.0.0.0"), ("--host", "127.0.0.2"), ("--host", "*"), ("--host", "127.0.0.1", "x")],
)
def test_what_cannot_be_is_refused_in_one_line(
    own_shop: RunningShop, arguments: tuple[str, ...]
) -> None:
    """The built-in key is for loopback only; nonsense is no traceback."""
    done = own_shop.run("up", *own_shop.ports, "--detach", *arguments)
    assert done.returncode != 0
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("shop: ")
    if "x" not in arguments:
        assert "--host" in done.stderr
        assert ("API_KEY" in done.stderr) == ("*" not in arguments)


def test_a_key_of_ones_own_may_listen_anywhere(own_shop: RunningShop) -> None:
    """The apps stay on loopback all the same, and `down` needs no key."""
    own_shop.environment["API_KEY"] = own_shop.key = "a-key-of-my-own"
    own_shop.up("--host", "0.0.0.0")
    assert own_shop.get("/api/cart/u").status_code == 200
    tables = Path("/proc/net/tcp").read_text()
    assert f"00000000:{own_shop.port:04X}" in tables
    for number in range(4):
        assert f"0100007F:{own_shop.port_base + number:04X}" in tables
        assert f"00000000:{own_shop.port_base + number:04X}" not in tables
    del own_shop.environment["API_KEY"]  # remembered
    assert own_shop.run("export").returncode == 0


def test_the_key_is_remembered(own_shop: RunningShop) -> None:
    """A start without one, as after an upgrade, must not open the shop to everybody's."""
    own_shop.environment["API_KEY"] = own_shop.key = "a-key-of-my-own"
    own_shop.up()
    other = own_shop.run("up", "--detach", env={"API_KEY": "another-key-1234"})
    assert other.returncode == 1
    assert "API_KEY" in other.stderr
    own_shop.down()
    del own_shop.environment["API_KEY"]
    own_shop.up()
    assert own_shop.get("/api/cart/u").status_code == 200
    assert own_shop.get("/api/cart/u", headers={"X-API-Key": KEY}).status_code == 401


def test_on_ipv6(own_shop: RunningShop) -> None:
    """Where the machine has it; where not, it is told so."""
    own_shop.environment["API_KEY"] = own_shop.key = "a-key-of-my-own"
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        done = own_shop.run("up", *own_shop.ports, "--detach", "--host", "::1")
        assert (done.returncode, "::1" in done.stderr) == (1, True)
        return
    own_shop.up("--host", "::1")
    assert own_shop.get(f"http://[::1]:{own_shop.port}/api/cart/u").status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [("APP_WORKERS", "many"), ("ORDERS_DATABASE_URL", "postgresql://127.0.0.1:1/shop")],
)
def test_a_bad_setting_is_named(own_shop: RunningShop, name: str, value: str) -> None:
    """Before anything is started, and once."""
    done = own_shop.run("up", *own_shop.ports, "--detach", env={name: value})
    assert done.returncode == 1
    assert done.stderr.startswith(f"shop: {name}")
    assert done.stderr.count("\n") == 1


def test_an_app_that_cannot_start_ends_it_all(own_shop: RunningShop) -> None:
    """The error names the app and shows the end of its log; nothing is left running."""
    own_shop.data_dir.mkdir()
    (own_shop.data_dir / "orders.db").write_bytes(b"not a database" * 1000)
    done = own_shop.run("up", *own_shop.ports, "--detach")
    assert done.returncode == 1
    assert "orders could not start" in done.stderr
    database = own_shop.data_dir / "orders.db"
    assert done.stderr.endswith(
        f":\n  {database}: The database is damaged; ./shop doctor says where.\n"
    )
    remembered = {path.name for path in (own_shop.data_dir / "run").iterdir()}
    assert not remembered & {"api-key", "settings.json"}, "the next start begins anew"
    assert str(own_shop.data_dir / "logs" / "orders.log") in done.stderr
    assert not any(listening(port) for port in all_ports(own_shop))
    assert own_shop.run("status").returncode == 3


@pytest.mark.parametrize("path", ["/proc", "/proc/version/orders.db"])
def test_a_database_that_cannot_be_opened_is_named(own_shop: RunningShop, path: str) -> None:
    """By its path, whether that is no file or its folder is none."""
    url = f"sqlite:///{path}"
    done = own_shop.run("up", *own_shop.ports, "--detach", env={"ORDERS_DATABASE_URL": url})
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith(f"  {path}: ")
    assert len(done.stderr.splitlines()) == 2


@pytest.mark.parametrize("how", [[], ["--detach"]])
def test_a_log_that_cannot_be_opened_is_named(own_shop: RunningShop, how: list[str]) -> None:
    """In one line, whichever it is and however many."""
    for name in ("payments", "nginx"):
        (own_shop.data_dir / "logs" / f"{name}.log").mkdir(parents=True)
    done = own_shop.run("up", *own_shop.ports, *how)
    assert (done.returncode, done.stderr) == (
        1,
        f"shop: {own_shop.data_dir}/logs/payments.log cannot be opened: Is a directory\n",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_in_the_foreground_a_signal_stops_all(own_shop: RunningShop, number: int) -> None:
    """Ctrl-C, SIGTERM, or the end of the terminal: all processes end, and the exit code is 0."""
    # These tests may be run under nohup themselves.
    command = ["env", "--default-signal=HUP", *own_shop.command("up", *own_shop.ports)]
    with subprocess.Popen(
        command, env=own_shop.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        while "Dashboard:" not in process.stdout.readline():
            assert process.poll() is None
        pids = [pid for pids in own_shop.pids().values() for pid in pids]
        assert process.pid in pids
        assert own_shop.answers()
        process.send_signal(number)
        try:
            process.communicate(timeout=60)
        finally:
            process.kill()  # or the end of the block would wait for one that did not stop
    assert process.returncode == 0
    assert not [pid for pid in pids if is_alive(pid)]
    assert not any(listening(port) for port in all_ports(own_shop))


def test_nohup_keeps_it_over_the_end_of_its_terminal(own_shop: RunningShop) -> None:
    """A terminal that is closed sends SIGHUP, which stops what runs in the foreground, else."""
    with subprocess.Popen(
        ["nohup", *own_shop.command("up", *own_shop.ports)],
        env=own_shop.environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout
        while "Dashboard:" not in process.stdout.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGHUP)
        assert own_shop.run("status").returncode == 0
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 0


def test_ctrl_c_while_it_starts(own_shop: RunningShop) -> None:
    """A start that is broken off leaves nothing behind, detached or not."""
    for detach in ((), ("--detach",)):
        command = own_shop.command("up", *own_shop.ports, *detach)
        with subprocess.Popen(
            command, env=own_shop.environment, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        wait_for(lambda: not any(listening(port) for port in all_ports(own_shop)))
        assert own_shop.run("status").returncode == 3


def test_down_while_it_starts(own_shop: RunningShop) -> None:
    """It ends the start, also before there is anything else to end."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(writing, bytes(65536)):
            pass
    os.set_blocking(writing, True)
    # It waits for somebody to read what it says: that it is starting the shop.
    command = own_shop.command("up", *own_shop.ports)
    with subprocess.Popen(command, env=own_shop.environment, stdout=writing) as process:
        wait_for(lambda: listening(own_shop.port))
        said = own_shop.run("down").stdout
        process.kill()
    os.close(reading)
    os.close(writing)
    assert "The shop is stopped" in said
    assert process.returncode == -signal.SIGTERM


def test_detach_leaves_no_descriptor_of_the_caller_open(own_shop: RunningShop) -> None:
    """`x=$(./shop up --detach)` returns, and an open file of the caller's is not inherited."""
    reading, writing = os.pipe()
    done = subprocess.run(
        own_shop.command("up", *own_shop.ports, "--detach"),
        env=own_shop.environment,
        capture_output=True,
        pass_fds=[writing],
        timeout=60,
        check=True,
    )
    assert b"Dashboard" in done.stdout
    os.close(writing)
    assert os.read(reading, 1) == b""  # the end of the file: nobody else has it open
    os.close(reading)
    for pids in own_shop.pids().values():
        for pid in pids:
            for entry in os.listdir(f"/proc/{pid}/fd"):
                target = os.readlink(f"/proc/{pid}/fd/{entry}")
                assert "pts" not in target
                # Whoever held the lock would count as the supervisor.
                is_supervisor = pid == own_shop.pids()["supervisor"][0]
                assert is_supervisor or not target.endswith("shop.lock")


def test_down_stops_all_and_says_so(own_shop: RunningShop) -> None:
    """Also when nothing runs."""
    own_shop.up()
    pids = [pid for pids in own_shop.pids().values() for pid in pids]
    done = own_shop.run("down")
    assert (done.returncode, "stopped" in done.stdout) == (0, True)
    assert not [pid for pid in pids if is_alive(pid)]
    done = own_shop.run("down")
    assert (done.returncode, "No shop is running" in done.stdout) == (0, True)


def test_a_request_that_is_being_answered_may_end(own_shop: RunningShop) -> None:
    """`down` lets what has begun come to its end: a payment whose order is slow to be found."""
    own_shop.up()
    body = [{"product_id": 1, "quantity": 1, "price": 999.99}]
    order_id = own_shop.post("/api/orders?user_id=u", json=body).json()["order_id"]
    port = own_shop.port_base + APPS.index("orders")
    before = connections_to(port)
    for pid in own_shop.pids()["orders"]:
        os.kill(pid, signal.SIGSTOP)
    pay = subprocess.Popen(
        ["curl", "-s", "-X", "POST", "-H", f"X-API-Key: {own_shop.key}",
         f"{own_shop.url}/api/pay?order_id={order_id}&amount=999.99"],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    wait_for(lambda: connections_to(port) > before)
    for pid in own_shop.pids()["orders"]:
        os.kill(pid, signal.SIGCONT)
    own_shop.down()
    assert b"payment_id" in pay.communicate(timeout=60)[0]


def test_what_is_written_is_in_the_docs(own_shop: RunningShop) -> None:
    """Nothing lies in the data folder that they do not name."""
    own_shop.up()
    table = (CHECKOUT / "docs" / "operations.md").read_text().partition("| File |")[2]
    named = set(re.findall(r"`([^`]+)`", table.partition("\n\n")[0]))
    for path in own_shop.data_dir.iterdir():
        name, dash, suffix = path.name.partition("-")
        assert {name + "/" * path.is_dir()} | ({f"-{suffix}"} if dash else set()) <= named


def test_data_is_kept_over_a_restart(own_shop: RunningShop) -> None:
    """What was put into a cart is there after `down` and `up`."""
    own_shop.up()
    assert own_shop.post("/api/cart/u/add?product_id=1&quantity=2").status_code == 200
    own_shop.down()
    own_shop.up()
    assert own_shop.get("/api/cart/u").json() == {
        "user_id": "u",
        "cart": [{"product_id": 1, "quantity": 2}],
    }


def test_a_relative_data_dir_is_the_callers(own_shop: RunningShop, tmp_path: Path) -> None:
    """It is relative to where the command is called, not to the checkout."""
    command = own_shop.command("up", *own_shop.ports, "--detach")
    command[command.index("--data-dir") + 1] = "var"
    subprocess.run(command, cwd=tmp_path, env=own_shop.environment, check=True, timeout=60)
    assert (tmp_path / "var" / "shop.json").exists()


def test_odd_folders(tmp_path: Path) -> None:
    """Spaces, quotes and dollars in the data folder's name mean nothing to anybody."""
    running = RunningShop(tmp_path / 'a "b" $c; {d}')
    running.up()
    assert running.get("/api/catalog").status_code == 200
    assert running.get("/").status_code == 200
    running.down()
