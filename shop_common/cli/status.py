"""`shop status`: what runs, which versions and databases, and under which addresses."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from shop_common.cli import processes
from shop_common.cli.client import ask
from shop_common.cli.state import Shop, data_dir_option, find_key, load_shop
from shop_common.config import APPS

PARTLY_UP = 1
NOT_RUNNING = 3


@click.command("status")
@data_dir_option
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def command(data_dir: Path, *, as_json: bool) -> None:
    """Say how the shop is; exit code 0: all up, 1: partly, 3: not running."""
    shop = load_shop(data_dir)
    if not shop.is_running():
        left = len(shop.left_over())
        report: dict[str, Any] = {"status": "not running", "data_dir": str(data_dir), "left": left}
        code = NOT_RUNNING
    else:
        report = _report(shop)
        code = 0 if report["status"] == "up" else PARTLY_UP
    if as_json:
        click.echo(json.dumps(report, indent=2))
    else:
        _print(report)
    sys.exit(code)


def _report(shop: Shop) -> dict[str, Any]:
    apps = {app: _app_report(shop, app) for app in APPS}
    nginx = _program(shop, "nginx") | {"ready": ask(f"{shop.address}/")[0] == 200}
    is_up = nginx["ready"] and all(app["ready"] for app in apps.values())
    return {
        "status": "up" if is_up else "partly up",
        "address": f"{shop.address}/",
        "data_dir": str(shop.data_dir),
        "supervisor": {"pid": shop.supervisor.pid if shop.supervisor else None},
        "apps": apps,
        "nginx": nginx,
    }


def _app_report(shop: Shop, app: str) -> dict[str, Any]:
    address = shop.app_address(app)
    status, readiness = ask(f"{address}/readyz")
    # An app that is silent is not asked twice; a first start has no key before all are ready.
    details = ask(f"{address}/admin/status", find_key(shop))[1] if status and shop.ready else {}
    database = readiness.get("database", {}) | details.get("database", {})
    return _program(shop, app) | {
        "ready": status == 200,
        "version": details.get("version"),
        "refusal": details.get("detail"),
        "database": {name: database.get(name) for name in ("engine", "version", "status")},
        "partners": details.get("partners", {}),
        "outbox": details.get("outbox"),
    }


def _program(shop: Shop, name: str) -> dict[str, Any]:
    process = shop.programs.get(name)
    alive = process is not None and processes.is_alive(process)
    return {"pid": process.pid if process and alive else None, "port": shop.port_of(name)}


def _print(report: dict[str, Any]) -> None:
    if report["status"] == "not running":
        click.echo(
            f"No shop that ./shop up started is running in {report['data_dir']}; "
            "of one that systemd runs: systemctl status 'cornershop*'"
        )
        if report["left"]:
            click.echo(f"{report['left']} processes are left of one; ./shop down ends them")
        return
    click.echo(f"The shop is {report['status']}: {report['address']}")
    click.echo(f"  data in {report['data_dir']}, supervisor {report['supervisor']['pid']}")
    for name, program in [*report["apps"].items(), ("nginx", report["nginx"])]:
        ready = "ready" if program["ready"] else "NOT READY"
        database = program.get("database")
        line = (
            f"  {name:<9} {ready:<10} port {program['port']:<6} process {program['pid'] or '-':<8}"
        )
        if database:
            told = (program["version"] or program["refusal"], database["version"])
            line += "  ".join(text for text in (*told, database["status"]) if text)
        click.echo(line)
