"""The arguments and options that several commands have."""

import click

__all__ = ["FILE", "JSON", "READING", "ROWS", "TABLE"]


FILE = click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
TABLE = click.argument("table", metavar="TABLE", type=click.Path(exists=True, dir_okay=False, allow_dash=True))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")


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
        help="Names of the columns, with commas between; 'none' if they have none, and are called 1, 2, 3, ...; "
        "'first' if the first line has them, numbers among them.",
    ),
    click.option("--delimiter", metavar="CHAR", help="What separates columns; detected by default."),
    click.option(
        "--quote", type=click.Choice(["none", "double"]), help="Whether quotation marks enclose texts, or are text."
    ),
    click.option("--encoding", metavar="NAME", help="The encoding of text, such as latin-1; UTF-8 by default."),
    click.option("--missing", metavar="TEXT", multiple=True, help="What stands for a missing value; may be repeated."),
    click.option(
        "--booleans",
        metavar="NO,YES",
        multiple=True,
        help="Words for false and true, such as no,yes; may be repeated.",
    ),
    click.option("--line-breaks", is_flag=True, help="Allow line breaks in quoted texts."),
)
ROWS = _stacked(
    click.option("--where", metavar="SQL", help="The rows for which this SQL condition over the columns holds."),
    click.option(
        "--ids",
        metavar="FILE",
        type=click.Path(exists=True, dir_okay=False, allow_dash=True),
        help="The rows with these ids, one a line ('-' reads standard input).",
    ),
    click.option("--encoding", metavar="NAME", help="The encoding of the file of ids; that of the table by default."),
    click.option("--dry-run", is_flag=True, help="Count the rows and change nothing."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)
