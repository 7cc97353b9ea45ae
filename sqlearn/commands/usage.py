"""A command whose usage, in its help and with its errors, shows each way of calling it as one writes it."""

from collections.abc import Callable
from typing import Any

import click


class _Command(click.Command):
    def __init__(self, *arguments: Any, ways: tuple[str, ...] = (), **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.ways = ways

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for way, prefix in zip(self.ways, ("Usage: ", *["   or: "] * len(self.ways)), strict=False):
            formatter.write_usage(ctx.command_path, f"{way} [OPTIONS]", prefix)


def command(*ways: str) -> Callable[[Callable[..., None]], click.Command]:
    """Decorate a function as a command.

    Parameters
    ----------
    *ways : str
        What follows the command's name, such as "FILE --where SQL".
    """
    return click.command(cls=_Command, ways=ways)
