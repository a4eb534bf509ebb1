"""Programs that only the system's package manager has; no service is started by getting one."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

POLICY = Path("/usr/sbin/policy-rc.d")

_INSTALLERS = {
    "apt-get": "-o DPkg::Lock::Timeout=300 install -y --no-install-recommends",
    "dnf": "install -y",
    "yum": "install -y",
    "zypper": "--non-interactive install",
    "apk": "add",
    "pacman": "-S --noconfirm",
}


def install(package: str, what: str, service: str = "") -> None:
    """Install a package of the system and start no service. Says what it does, before it does it.

    `service` is what the package brings and nobody asked for: it is not to start at boot either.

    Raises ClickException with what a person can do instead.
    """
    manager = next((name for name in _INSTALLERS if shutil.which(name)), None)
    if manager is None:
        raise click.ClickException(f"{what} is needed, and no package manager was found to get it")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    command = [*sudo, manager, *_INSTALLERS[manager].split(), package]
    by_hand = f"{what} is needed; install it (package {package}) and call ./shop again"
    if sudo and not shutil.which("sudo"):
        raise click.ClickException(by_hand)
    click.echo(f"{what} is not here yet: {' '.join(command)}  (no system service is started)")
    with _no_services():
        done = _run(command)
        if done.returncode and manager == "apt-get":  # an empty or old list of packages
            _run([*sudo, manager, "update"])
            done = _run(command)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise click.ClickException(f"{by_hand}; {' '.join(command)} failed: {' '.join(reason)}")
    if service and shutil.which("systemctl"):
        _run([*sudo, "systemctl", "disable", "--now", service])


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env=environment,
    )  # fmt: skip


@contextmanager
def _no_services() -> Iterator[None]:
    """Debian's packages start their service when they are installed, unless this file forbids it.

    The file allows everything again as soon as this process is gone, however it ends.
    """
    if not shutil.which("dpkg") or POLICY.exists() or not os.access(POLICY.parent, os.W_OK):
        yield
        return
    POLICY.write_text(
        "#!/bin/sh\n# Written by ./shop while it installs a package, and removed by it.\n"
        f"if [ -d /proc/{os.getpid()} ]; then exit 101; fi\n"
    )
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)
