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


# what errors of Python's functions advise to pass, as the command line has it
_OPTIONS = {
    "TableFile(path, decimal=',')": "--decimal ,",
    "TableFile(path, delimiter=...)": "--delimiter",
    "TableFile(path, encoding=...)": "--encoding",
    "TableFile(path, header='first')": "--header first",
    "TableFile(path, header='none')": "--header none",
    "TableFile(path, header=[...])": "--header NAMES",
    "TableFile(path, kinds={...})": "--category",
    "TableFile(path, line_breaks=True)": "--line-breaks",
    "TableFile(path, missing=[...])": "--missing",
    "TableFile(path, quote=False)": "--quote none",
    "StoreSet.open(path, signing_key=...)": "sqlearn --signing-key FILE",
    "Store.open(path, signing_key=...)": "sqlearn --signing-key FILE",
    "a column of dates (datetime64 in a frame)": "--date",
    "a single store (Store.create)": "a single store (without --parts)",
    "pass the learner itself": "pass --raw",
    "`new=True`": "--new",
    "`suppress=True`": "--suppress",
} | {f"`{name}`": f"--{name}" for name in ("id", "item", "keep", "rating", "target", "text", "user", "weight")}


def in_options(message: str) -> str:
    """A message for who calls from Python, for the command line: with options in place of arguments."""
    for argument, option in _OPTIONS.items():
        message = message.replace(argument, option)
    return message
