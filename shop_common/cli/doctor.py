"""`shop doctor`: do the books balance; what is wrong, and what can be put right safely."""

import json
from collections.abc import Sequence
from pathlib import Path

import click

from shop_common import clock
from shop_common.cli.client import send
from shop_common.cli.databases import open_databases
from shop_common.cli.state import data_dir_option, find_key, load_running, replacing
from shop_common.config import load_config
from shop_common.db import StatementError
from shop_common.doctor import Finding, diagnose, report
from shop_common.errors import BusyError

PATIENCE_S = 10.0


@click.command("doctor")
@data_dir_option
@click.option("--repair", is_flag=True, help="Put right what can be put right safely.")
@click.option("--json", "as_json", is_flag=True, help="The report as JSON.")
@click.option(
    "--patience",
    type=click.FloatRange(0),
    default=PATIENCE_S,
    show_default=True,
    help="Seconds after which a difference is no work in progress any more.",
)
def command(data_dir: Path, repair: bool, as_json: bool, patience: float) -> None:
    """Reconcile orders, payments, stock, carts and messages; exit code 1 if anything is wrong."""
    databases = open_databases(data_dir)
    sweep_after_s = load_config("orders").sweep_after_s
    try:
        findings = diagnose(databases, clock.now, sweep_after_s, patience)
        if repair and findings:
            _repair(data_dir, findings)
            findings = diagnose(databases, clock.now, sweep_after_s, patience)
    except BusyError as error:
        raise click.ClickException(str(error)) from None
    except StatementError as error:
        # As between an upgrade and the first start after it.
        raise click.ClickException(
            f"the databases cannot be read: {error}; ./shop migrate brings them up to date"
        ) from None
    content = report(findings, clock.now())
    text = json.dumps(content, indent=2)
    # Before it is written: a full disk must not hide it.
    click.echo(text if as_json else _describe(findings))
    # Two may run at once: the shop's own, and somebody's by hand.
    with replacing(data_dir / "doctor.json") as file:
        file.write(f"{text}\n".encode())
    if findings:
        raise SystemExit(1)


def _repair(data_dir: Path, findings: Sequence[Finding]) -> None:
    """Send each finding's repair to the running shop; all of them are safe to send twice."""
    shop = load_running(data_dir)
    key = find_key(shop)
    for finding in findings:
        if finding.repair is None:
            continue
        body = json.dumps(finding.repair.body).encode() if finding.repair.body else b""
        answer = send(
            "POST",
            shop.app_address(finding.repair.app) + finding.repair.path,
            key,
            body=[body],
            length=len(body),
            content_type="application/json",
        )
        click.echo(
            f"{finding.kind} {finding.id}: {finding.repair.path} answered {answer.status}", err=True
        )


def _describe(findings: Sequence[Finding]) -> str:
    if not findings:
        return "The books balance"
    lines = [f"{f.kind} {f.id}: {f.detail}\n    {f.remedy}" for f in findings]
    return "\n".join([*lines, f"{len(findings)} findings"])
