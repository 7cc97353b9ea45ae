"""What commands print: lines or one JSON object on standard output, progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from sqlearn.commands.output import drop_output

if TYPE_CHECKING:
    pass


def tell(as_json: bool, told: dict[Any, Any], lines: list[str]) -> None:
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line)


def tell_receipt(
    as_json: bool, store: Any, receipt: Any, told: dict[Any, Any] | None = None, lines: Sequence[str] = ()
) -> None:
    """Print a receipt. The change is made by now, so it is not lost even if nobody takes what is printed."""
    salt = f"Its salt, for an auditor (it is kept nowhere once the state moves on): {salts(receipt)}"
    try:
        tell(as_json, told or fields(receipt) | {"digest": receipt.digest}, [*lines, str(receipt), salt])
    except OSError as error:
        drop_output()
        raise click.ClickException(
            f"The change is made, but standard output cannot be written: {error.strerror}. {receipt}. {salt}. Until "
            f"the next change, `sqlearn receipts {store.path} --salt` shows both."
        ) from error


def salts(receipt: Any) -> str:
    """The salt of a receipt; of one of a set of stores, those of the parts' receipts that have one."""
    if not hasattr(receipt, "parts"):
        return receipt.salt
    return ", ".join(f"{own.salt} (part {number})" for number, own in receipt.parts.items() if own.salt)


def fields(receipt: Any, *, salt: bool = True) -> dict[Any, Any]:
    """A receipt of a store, or of a set of stores, in JSON's types; without a `salt`, that is null."""
    if hasattr(receipt, "parts"):
        parts = {str(number): fields(own, salt=salt) | {"digest": own.digest} for number, own in receipt.parts.items()}
        return {name: getattr(receipt, name) for name in ("time", "kind", "count", "division")} | {"parts": parts}
    names = "number", "time", "kind", "count", "commitment", "previous", "salt", "signature"
    return {name: getattr(receipt, name) for name in names} | ({} if salt else {"salt": None})


@contextmanager
def progress(label: str, rows: int | None = None) -> Iterator[Callable[..., None]]:
    """A bar on a terminal's standard error, else nothing. Yields what tells it how much is done.

    With a number of `rows`, that takes how many more rows are done; without, how much is done of how much.
    """
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=max(rows or 1, 1), label=label, file=sys.stderr, hidden=hidden) as bar:

        def report(done: int, of: int) -> None:
            bar.length = max(of, 1)
            bar.update(done - bar.pos)

        yield report if rows is None else bar.update
