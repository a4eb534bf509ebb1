"""The `shop` command: one module a subcommand, read when it is called; an error is one line."""

import os
import sys
from importlib import import_module

import click

from shop_common import __version__
from shop_common.config import ConfigError

COMMANDS = {
    "up": "up",
    "down": "down",
    "status": "status",
    "logs": "logs",
    "migrate": "migrate",
    "import": "import_",
    "export": "export",
    "doctor": "doctor",
    "backup": "backup",
    "bench": "bench",
    "test": "test",
    "nginx-config": "nginx_config",
}


class ShopGroup(click.Group):
    """A group that imports a subcommand's module only when that subcommand is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = import_module(f"{__name__}.{COMMANDS[cmd_name]}").command
        assert isinstance(command, click.Command)
        return command


@click.group(
    cls=ShopGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="Cornershop")
def shop() -> None:
    """Start, stop and look after a Cornershop."""


def _open_standard_streams() -> None:
    """Those that the caller has closed: the next file that is opened would take their places."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def main() -> None:
    """Run the command line; whatever goes wrong is one line on stderr and an exit code above 0."""
    _open_standard_streams()
    arguments = sys.argv[1:] or ["--help"]
    try:
        sys.exit(shop.main(arguments, prog_name="shop", standalone_mode=False) or 0)
    except click.ClickException as error:
        click.echo(f"shop: {error.format_message()}", err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has gone, as in `shop logs | head`
        sys.stderr.close()
        sys.exit(1)
    except (OSError, ConfigError) as error:
        click.echo(f"shop: {error}", err=True)
        sys.exit(1)
