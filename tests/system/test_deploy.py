"""What a server needs: the units, the environment file, and the configuration they use."""

import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from shop_common.cli.nginx import find_nginx
from shop_common.config import SETTINGS
from tests.system.running import APPS, CHECKOUT, RunningShop, wait_for

DEPLOY = CHECKOUT / "deploy"


def test_units_are_sound(tmp_path: Path) -> None:
    """systemd finds nothing to complain of, for each instance."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd is not here")
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("shop", "gunicorn", "nginx"):
        (programs / name).touch(mode=0o755)
    for unit in (DEPLOY / "systemd").iterdir():
        text = unit.read_text()
        for folder in ("/opt/cornershop/.venv/bin/", "/usr/sbin/"):
            text = text.replace(folder, f"{programs}/")
        (tmp_path / unit.name).write_text(text.replace("/opt/cornershop", str(CHECKOUT)))
    template = tmp_path / "cornershop@.service"
    for app in APPS:
        shutil.copy(template, tmp_path / f"cornershop@{app}.service")
    units = [path for path in tmp_path.glob("cornershop*") if path != template]
    assert len(units) == 6
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, units)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    ours = [line for line in checked.stderr.splitlines() if "cornershop" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr


def test_the_target_wants_every_app() -> None:
    """And Nginx."""
    text = (DEPLOY / "systemd" / "cornershop.target").read_text()
    wanted = re.findall(r"cornershop[@-]([a-z]+)\.service", text)
    assert wanted == [*APPS, "nginx"]


def test_the_example_names_every_setting_with_its_default() -> None:
    """In the order of config.py; but none that the units set, for it would overrule them."""
    text = (DEPLOY / "cornershop.env.example").read_text()
    units = "".join(path.read_text() for path in (DEPLOY / "systemd").iterdir())
    set_by_units = re.findall(r"^Environment=([A-Z_]+)=", units, re.M)
    assert re.findall(r"^#([A-Z_]+)=(.*)$", text, re.M) == [
        (setting.name, setting.default) for setting in SETTINGS if setting.name not in set_by_units
    ]


def test_an_app_runs_without_the_supervisor(own_shop: RunningShop) -> None:
    """As a unit runs it: migrate, then gunicorn by itself on its own port, then Nginx.

    The commands reach it where they are told where it is. A reload loses nothing that was counted,
    and while old workers end no new one writes into their files.
    """
    assert own_shop.run("migrate", "catalog").returncode == 0
    told = {"SHOP_PORT_BASE": str(own_shop.port_base), "API_KEY": own_shop.key}
    environment = own_shop.environment | told
    environment |= {"SHOP_APP": "catalog", "SHOP_DATA_DIR": str(own_shop.data_dir)}
    done = own_shop.run("nginx-config", "--port", str(own_shop.port), env=told)
    folder = Path(done.stdout.strip()).parent
    program = find_nginx()
    assert program
    gunicorn = [sys.executable, "-m", "gunicorn"]
    with (
        subprocess.Popen(
            [*gunicorn, "-c", "deploy/gunicorn.conf.py", "apps.catalog:create_app()"],
            cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE,
        ) as app,
        subprocess.Popen(
            [program, "-p", str(folder), "-e", "../../logs/nginx-error.log", "-c", "nginx.conf"]
        ) as nginx,
    ):  # fmt: skip
        try:
            wait_for(lambda: own_shop.answers("/api/health/catalog"))
            assert own_shop.get("/api/catalog/products/1").json()["name"] == "Laptop"
            metrics = own_shop.data_dir / "run" / "metrics" / "catalog"
            assert [path.name for path in metrics.glob("counter_*")] == ["counter_0.db"]
            app.send_signal(signal.SIGHUP)  # `systemctl reload`
            wait_for((metrics / "counter_1.db").exists)
            assert own_shop.get("/api/catalog/products/1").ok
            counted = 'http_requests_total{operation="get_product",status="200"} 2.0'
            wait_for(lambda: counted in own_shop.get(f"{own_shop.app_url('catalog')}/metrics").text)
            assert "Laptop" in own_shop.run("export", env=told).stdout
            assert "set SHOP_PORT_BASE" in own_shop.run("export").stderr
            assert "systemctl" in own_shop.run("status").stdout
        finally:
            nginx.terminate()
            app.terminate()
        assert app.stderr
        assert all(line.startswith(b"{") for line in app.stderr)
        assert app.wait(10) == 0
