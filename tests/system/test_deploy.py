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


def arguments(unit: str, app: str, data_dir: Path | str = "") -> list[str]:
    """What the unit passes to its program."""
    text = (DEPLOY / "systemd" / f"cornershop{unit}.service").read_text()
    command = text.partition("\nExecStart=")[2].partition("\n")[0].replace("%i", app)
    return command.replace("/var/lib/cornershop", str(data_dir)).split()[1:]


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


def test_the_docs_and_the_units_mean_the_same_places() -> None:
    """What they tell a person to make is what the units look for."""
    docs = (CHECKOUT / "docs" / "operations.md").read_text()
    for unit in ("cornershop@.service", "cornershop-nginx.service"):
        text = (DEPLOY / "systemd" / unit).read_text()
        for line, told in (
            ("User=cornershop", "--create-home cornershop\n"),
            ("Environment=SHOP_DATA_DIR=/var/lib/cornershop", "--home-dir /var/lib/cornershop "),
            ("WorkingDirectory=/opt/cornershop", "git clone . /opt/cornershop "),
            ("EnvironmentFile=/etc/cornershop.env", "env.example /etc/cornershop.env "),
        ):
            assert f"\n{line}\n" in text, (unit, line)
            assert told in docs
    assert "nginx-config --port 8080\n" in text
    assert "ExecStart=/usr/sbin/nginx " in text


def test_gunicorn_is_told_what_the_settings_say(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "gunicorn", "--print-config", *arguments("@", "catalog")],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env={
            "SHOP_APP": "catalog", "SHOP_DATA_DIR": str(tmp_path), "SHOP_PORT_BASE": "9001",
            "APP_WORKERS": "3", "APP_THREADS": "5", "LOG_LEVEL": "ERROR",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = dict(re.findall(r"^(\w+) += (.*)$", done.stdout, re.M))
    assert (told["workers"], told["threads"], told["bind"]) == ("3", "5", "['127.0.0.1:9002']")
    assert "'level': 'ERROR'" in told["logconfig_dict"]


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
    assert done.stdout == f"{own_shop.data_dir}/run/nginx/nginx.conf\n"
    program = find_nginx()
    assert program
    with (
        subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *arguments("@", "catalog")],
            cwd=CHECKOUT, env=environment, stderr=subprocess.PIPE,
        ) as app,
        subprocess.Popen(
            [program, *arguments("-nginx", "", own_shop.data_dir)]
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
