"""The arguments and options that several commands have."""

import os
from typing import Any

import click

from sqlearn.commands.pipelines import STEPS as _STEPS

FILE = click.argument("file", metavar="FILE", type=click.Path(exists=True))  # or the folder of a set of stores
TABLE = click.argument("table", metavar="TABLE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")


class _Tables(click.Path):
    """A file, a folder of files, or a pattern, which is left as it is."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        is_pattern = any(sign in value for sign in "*?[") and not os.path.exists(value)
        return value if is_pattern else super().convert(value, param, ctx)


TABLES = click.argument(
    "tables", metavar="TABLE...", nargs=-1, required=True, type=_Tables(exists=True, allow_dash=True)
)


class _IdsFile(click.Path):
    """A file of ids; who passes an id is told so."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            self.fail(
                f"{error.message} This option takes a file with one id per line, not the ids themselves: write them "
                "into a file, or pass them on standard input with `--ids -`.",
                param,
                ctx,
            )


def _stacked(*decorators):
    def decorate(function):
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


READING = _stacked(
    click.option(
        "--header",
        metavar="NAMES",
        help="Names of the columns, separated by commas; 'first' if the first line has the names, even if some look "
        "like numbers; 'none' if no line has names: columns are then called 1, 2, 3, ...",
    ),
    click.option("--delimiter", metavar="CHAR", help="The character that separates columns; detected by default."),
    click.option(
        "--quote",
        type=click.Choice(["none", "double"]),
        help="'double': double quotation marks enclose values; 'none': they are part of the text.",
    ),
    click.option("--encoding", metavar="NAME", help="The encoding of text, such as latin-1; UTF-8 by default."),
    click.option(
        "--decimal",
        metavar="CHAR",
        type=click.Choice([".", ","]),
        help="What stands before the fraction of a number: '.', the default, or ','.",
    ),
    click.option(
        "--missing",
        metavar="TEXT",
        multiple=True,
        help="Text that marks a missing value, beside an empty cell, ?, NA, N/A, n/a, NaN, nan, NULL and null; may be "
        "repeated.",
    ),
    click.option(
        "--no-default-missing",
        is_flag=True,
        help="Only an empty cell, and what --missing names, is missing.",
    ),
    click.option(
        "--booleans",
        metavar="NO,YES",
        multiple=True,
        help="Words for false and true, such as no,yes; may be repeated.",
    ),
    click.option("--line-breaks", is_flag=True, help="Allow line breaks in quoted texts."),
)
STEPS = _stacked(
    click.option(
        "--step",
        metavar="NAME",
        multiple=True,
        help=f"A step in front of the model, such as PCA:n_components=3; may be repeated. One of {', '.join(_STEPS)}.",
    ),
    click.option(
        "--number-step", metavar="NAME", multiple=True, help="A step for the columns of numbers, before those."
    ),
    click.option(
        "--category-step", metavar="NAME", multiple=True, help="A step for the columns of categories, before those."
    ),
    click.option(
        "--column-step",
        metavar="COLS NAME",
        multiple=True,
        type=(str, str),
        help="Columns, separated by commas, and a step for these alone, before those for all.",
    ),
    click.option(
        "--search",
        metavar="K=[V,...]",
        multiple=True,
        help="Choose this parameter of the model by cross-validation; that of a step is STEP__K. May be repeated.",
    ),
    click.option(
        "--keep-records",
        is_flag=True,
        help="Fit all steps to the kept rows when they are read, so that any step may stand in front of any model.",
    ),
)
NAMED = _stacked(
    click.option("--where", metavar="SQL", help="The rows for which this SQL condition over the columns holds."),
    click.option(
        "--ids",
        metavar="IDS",
        type=_IdsFile(exists=True, dir_okay=False, allow_dash=True),
        help="The rows whose ids are in this file, one id per line ('-' reads standard input).",
    ),
    click.option("--encoding", metavar="NAME", help="The encoding of the file of ids; that of the table by default."),
)
ROWS = _stacked(
    NAMED,
    click.option("--dry-run", is_flag=True, help="Count the rows and change nothing."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)
