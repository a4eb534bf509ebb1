"""kill -9 of everything, one after the other: it comes back, and no answered write is lost."""

import json
import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest
import requests

from tests.system.running import APPS, RunningShop, children, is_alive, wait_for

PATHS = {
    "cart": "/api/cart/u",
    "catalog": "/api/catalog",
    "orders": "/api/orders",
    "payments": "/api/payments",
    "nginx": "/",
}


class Writer(threading.Thread):
    """Adds to one cart until it is told to stop; counts what was answered with 200."""

    def __init__(self, shop: RunningShop, user_id: str) -> None:
        super().__init__()
        self.shop, self.user_id = shop, user_id
        self.acknowledged = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not self.stopping.wait(0.005):
                url = f"{self.shop.url}/api/cart/{self.user_id}/add?product_id=2"
                try:
                    answer = session.post(url, headers={"X-API-Key": self.shop.key}, timeout=10)
                except requests.RequestException:
                    continue
                self.acknowledged += answer.status_code == 200

    def check(self) -> None:
        """What was acknowledged is there; what was not may be."""
        wait_for(lambda: self.acknowledged > 20)
        self.stopping.set()
        self.join()
        cart = self.shop.get(f"/api/cart/{self.user_id}").json()["cart"]
        assert cart[0]["quantity"] >= self.acknowledged


@pytest.mark.parametrize("name", [*APPS, "nginx"])
def test_killed_processes_come_back(own_shop: RunningShop, name: str) -> None:
    """First a worker, then the master, under load, and no answered add is lost."""
    own_shop.up()
    writers = [Writer(own_shop, f"u{number}") for number in range(2)]
    for writer in writers:
        writer.start()
    count = len(own_shop.pids()[name])
    for victim in (1, 0):
        before = own_shop.pids()[name]
        os.kill(before[victim], signal.SIGKILL)

        def is_back(gone: int = before[victim]) -> bool:
            return (
                gone not in own_shop.pids()[name]
                and len(own_shop.pids()[name]) == count
                and own_shop.answers(PATHS[name])
            )

        back_s = wait_for(is_back)
        print(f"{name} back in {back_s:.2f} s")  # noqa: T201 - for who measures it by hand
        if victim == 0:
            assert not [pid for pid in before if is_alive(pid)]
    for writer in writers:
        writer.check()


def test_a_restart_refuses_no_connection(own_shop: RunningShop) -> None:
    """The supervisor holds the socket: who comes in between waits, and is answered."""
    own_shop.up()
    master, *workers = own_shop.pids()["cart"]
    # The workers first: what they had accepted goes with them. So would what another one accepted
    # that the master started in their place.
    os.kill(master, signal.SIGSTOP)
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(is_alive(pid) for pid in workers))
    os.kill(master, signal.SIGKILL)
    answers = [
        requests.get(f"{own_shop.app_url('cart')}/livez", timeout=5).status_code for _ in range(50)
    ]
    assert answers == [200] * 50


def test_up_takes_over_from_a_killed_supervisor(own_shop: RunningShop) -> None:
    """Nothing outlives it for long, `up` starts anew on the same ports, and the data is there."""
    own_shop.up()
    writer = Writer(own_shop, "u")
    writer.start()
    wait_for(lambda: writer.acknowledged > 10)
    before = [pid for pids in own_shop.pids().values() for pid in pids]
    os.kill(own_shop.pids()["supervisor"][0], signal.SIGKILL)
    wait_for(lambda: not [pid for pid in before if is_alive(pid)])
    assert own_shop.run("status").returncode == 3
    own_shop.up()
    writer.check()


def test_up_ends_what_a_killed_supervisor_left(own_shop: RunningShop) -> None:
    """Supervisor and Nginx's master killed at once: Nginx's worker is an orphan with the port."""
    own_shop.up()
    supervisor, nginx = own_shop.pids()["supervisor"][0], own_shop.pids()["nginx"]
    os.kill(nginx[0], signal.SIGSTOP)  # so that it cannot obey when its parent dies
    os.kill(supervisor, signal.SIGKILL)
    os.kill(nginx[0], signal.SIGKILL)
    wait_for(lambda: not is_alive(nginx[0]))
    assert is_alive(nginx[1])
    assert "processes" in own_shop.run("status").stdout
    own_shop.up()
    assert not is_alive(nginx[1])
    assert own_shop.answers()


def test_a_signal_without_a_name(own_shop: RunningShop) -> None:
    """Whatever kills an app, it comes back."""
    own_shop.up()
    master = own_shop.pids()["cart"][0]
    os.kill(master, signal.SIGRTMIN + 1)
    wait_for(lambda: own_shop.pids()["cart"][0] != master)
    wait_for(own_shop.answers)
    log = (own_shop.data_dir / "logs" / "shop.log").read_text()
    assert f"cart died (signal {signal.SIGRTMIN + 1})" in log


@pytest.mark.parametrize("is_linked", [False, True])
def test_down_ends_what_a_killed_supervisor_left(
    own_shop: RunningShop, tmp_path: Path, is_linked: bool
) -> None:
    """The same by `down`; and processes of others with the same session number are let be."""
    if is_linked:
        own_shop.data_dir.mkdir()
        (tmp_path / "link").symlink_to(own_shop.data_dir)
        own_shop.data_dir = tmp_path / "link"
    own_shop.up()
    supervisor, nginx = own_shop.pids()["supervisor"][0], own_shop.pids()["nginx"]
    os.kill(nginx[0], signal.SIGSTOP)
    os.kill(supervisor, signal.SIGKILL)
    os.kill(nginx[0], signal.SIGKILL)
    wait_for(lambda: not is_alive(nginx[0]))
    own_shop.down()
    assert not is_alive(nginx[1])


def test_a_recycled_process_id_is_never_killed(own_shop: RunningShop) -> None:
    """A stranger that has the number of a recorded process, but not its start, lives on."""
    own_shop.up()
    own_shop.down()
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        state = own_shop.state()
        state["programs"] = {"cart": [stranger.pid, "another-boot/1"]}
        state["supervisor"] = [stranger.pid, "another-boot/1"]
        (own_shop.data_dir / "shop.json").write_text(json.dumps(state))
        assert own_shop.run("status").returncode == 3
        own_shop.down()
        own_shop.up()
        assert stranger.poll() is None
        stranger.kill()


def test_what_cannot_start_refuses_its_callers_until_it_can(own_shop: RunningShop) -> None:
    """Tried again ever more rarely; meanwhile connections are refused, not left waiting."""
    own_shop.up()
    database = own_shop.data_dir / "orders.db"
    kept = {path: path.read_bytes() for path in own_shop.data_dir.glob("orders.db*")}
    for path in kept:
        path.unlink()
    database.write_bytes(b"not a database" * 1000)
    os.kill(own_shop.pids()["orders"][0], signal.SIGKILL)
    log = own_shop.data_dir / "logs" / "shop.log"
    wait_for(lambda: log.read_text().count("orders died") >= 4)
    assert own_shop.get("/api/orders", timeout=4).status_code == 502
    assert own_shop.answers()  # the others do not care
    database.unlink()
    for path, content in kept.items():
        path.write_bytes(content)
    wait_for(lambda: own_shop.answers("/api/health/orders"))


def test_a_worker_counts_on_where_one_that_died_has_ended(own_shop: RunningShop) -> None:
    """Also on a full disk, on which it gets no files of its own; and no death leaves any behind."""
    own_shop.up()
    folder = own_shop.data_dir / "run" / "metrics" / "catalog"
    files = {path.name for path in folder.glob("*.db")}
    metrics = f"{own_shop.app_url('catalog')}/metrics"
    counted = 'http_requests_total{operation="list_categories",status="200"} '
    for asked in range(1, 4):
        assert own_shop.answers("/api/catalog/categories")
        wait_for(lambda asked=asked: f"{counted}{asked}.0" in own_shop.get(metrics).text)
        worker = own_shop.pids()["catalog"][1]
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda gone=worker: gone not in own_shop.pids()["catalog"])
        wait_for(lambda: own_shop.answers(metrics))
    assert {path.name for path in folder.glob("*.db")} == files


def test_what_a_full_disk_did_not_take_is_written_down_later(own_shop: RunningShop) -> None:
    """Else `status` would not know the process of an app that came back meanwhile."""
    own_shop.up()
    pids = own_shop.pids()
    in_the_way = own_shop.data_dir / f"shop.json.{pids['supervisor'][0]}"
    in_the_way.mkdir()
    os.kill(pids["cart"][0], signal.SIGKILL)
    log = own_shop.data_dir / "logs" / "shop.log"
    wait_for(lambda: log.read_text().count("cart ready") == 2)
    assert own_shop.pids()["cart"][0] == pids["cart"][0]
    in_the_way.rmdir()
    wait_for(lambda: is_alive(own_shop.pids()["cart"][0]))


def test_a_log_folder_that_was_removed_is_made_again(own_shop: RunningShop) -> None:
    """By what is started next, which else could not start."""
    own_shop.up()
    shutil.rmtree(own_shop.data_dir / "logs")
    before = own_shop.pids()
    for name in ("cart", "nginx"):
        os.kill(before[name][0], signal.SIGKILL)
    wait_for(lambda: own_shop.answers() and before["cart"][0] not in own_shop.pids()["cart"])
    assert (own_shop.data_dir / "logs" / "cart.log").exists()


def test_memory(own_shop: RunningShop) -> None:
    """All processes together take at most 200 MB after some use."""
    own_shop.up()
    for number in range(50):
        own_shop.post(f"/api/cart/u{number}/add?product_id=1")
        own_shop.get("/api/catalog")
        own_shop.get("/api/orders")
        own_shop.get("/api/payments")
    total_kb = 0
    for pids in own_shop.pids().values():
        for pid in pids:
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            line = next(line for line in rollup.splitlines() if line.startswith("Pss:"))
            total_kb += int(line.split()[1])
    assert total_kb < 200 * 1024


def test_nobody_is_interrupted_by_whom_he_answers(own_shop: RunningShop) -> None:
    """All processes run in batches, Nginx's too."""
    own_shop.up()
    pids = own_shop.pids()
    masters = [pids[name][0] for name in (*APPS, "nginx")]
    everyone = [*pids["supervisor"], *masters, *(pid for pid in masters for pid in children(pid))]
    assert len(everyone) >= 11
    assert {os.sched_getscheduler(pid) for pid in everyone} == {os.SCHED_BATCH}


def test_processes_have_names(own_shop: RunningShop) -> None:
    """`ps` tells them apart."""
    own_shop.up()
    pids = own_shop.pids()
    names = {Path(f"/proc/{pids[name][0]}/comm").read_text().strip() for name in APPS}
    assert names == {f"shop-{name}" for name in APPS}
    assert len(children(pids["supervisor"][0])) == 5
