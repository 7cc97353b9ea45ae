"""The commands ``sqlearn forget`` and ``relabel``: rows are named, counted and asked about before they are changed."""

import sys
from typing import Any

import click

from sqlearn.commands.options import FILE, JSON, ROWS
from sqlearn.commands.printing import progress, tell, tell_receipt
from sqlearn.commands.stores import named_rows, opened
from sqlearn.commands.usage import command

_NONE = "No row fulfils the condition. Nothing was changed, and there is no receipt."
_SAME = "All these rows have this target already. Nothing was changed, and there is no receipt."


@command("FILE --where SQL", "FILE --ids IDS", "FILE --user LABEL", "FILE --item LABEL")
@FILE
@ROWS
@click.option(
    "--user",
    "users",
    metavar="LABEL",
    multiple=True,
    help="In a recommender's store: all rows of this user; may be repeated.",
)
@click.option(
    "--item",
    "items",
    metavar="LABEL",
    multiple=True,
    help="In a recommender's store: all rows of this item; may be repeated.",
)
@JSON
def forget(file: str, as_json: bool, dry_run: bool, yes: bool, **named: Any) -> None:
    """Erase rows from a store and from its model, for good.

    FILE is the store. The number of rows is shown, and you are asked before anything changes.
    """
    with opened(file) as store:
        _change(store, store.forget, "Forget", as_json, named_rows(store, **named), dry_run=dry_run, yes=yes)


@command("FILE --where SQL --to VALUE", "FILE --ids IDS --to VALUE")
@FILE
@ROWS
@click.option(
    "--to",
    metavar="VALUE",
    required=True,
    multiple=True,
    help="The new target; repeated, one for each target column in order.",
)
@click.option("--new", is_flag=True, help="Allow a label that no row has.")
@JSON
def relabel(
    file: str, to: tuple[str, ...], new: bool, as_json: bool, dry_run: bool, yes: bool, **named: Any
) -> None:  # fmt: skip
    """Give rows another target, as if they had been learned with it.

    FILE is the store. The number of rows is shown, and you are asked before anything changes.
    """
    with opened(file) as store:
        asked = {"dry_run": dry_run, "yes": yes}
        rows = named_rows(store, **named)
        _change(store, store.relabel, "Relabel", as_json, rows, **asked, to=_targets(store, to), new=new)


def _targets(store, to: tuple[str, ...]) -> list[Any]:
    """New targets as their columns have them."""
    columns = [column for column in store.columns if column.part == "target"]
    if columns and len(to) != len(columns):
        names = ", ".join(repr(column.name) for column in columns)
        told = (
            f"{store.path} has the target column{'s' * (len(columns) > 1)} {names}: pass --to once for each, in order."
        )
        raise click.BadParameter(told, param_hint="--to")
    if store.textual_target:
        return [*to]
    kinds = [column.kind for column in columns] or [""] * len(to)
    return [_target(store, value, kind == "boolean") for value, kind in zip(to, kinds, strict=True)]


def _target(store, to: str, boolean: bool) -> Any:
    if boolean and to.lower() in ("true", "false"):
        return to.lower() == "true"
    try:
        return float(to)
    except ValueError:
        what = "neither true nor false" if boolean else "not a number"
        told = f"{to[:100]!r} is {what}, as the targets of {store.path} are."
        raise click.BadParameter(told, param_hint="--to") from None


def _change(store, change, verb: str, as_json: bool, rows: dict[str, Any], *, dry_run: bool, yes: bool, **more) -> None:
    where = rows.get("where")
    if where is not None and not dry_run:
        with progress("Looking", len(store)) as report:
            rows = {"ids": store.ids(where=where, progress=report)}  # what is shown is what is changed
    nothing = _SAME if rows.get("ids") else _NONE
    if dry_run or not yes or not rows.get("ids", True):
        with progress("Looking", len(store)) as report:
            count = change(**rows, **more, dry_run=True, progress=report)
        named = f"{count:,} row{'' if count == 1 else 's'} of {len(store):,}"
        if dry_run or not count:
            told = f"{verb} would change {named}." if dry_run else nothing
            tell(as_json, {"rows": count, "of": len(store)}, [told])
            return
        if not _can_ask():
            raise click.UsageError(
                f"{verb} changes {named}, and standard input is not a terminal. Pass --yes to confirm."
            )
        click.confirm(f"{verb} {named}?", abort=True, err=True)
    with progress({"Forget": "Forgetting"}.get(verb, f"{verb}ing"), len(store)) as report:
        receipt = change(**rows, **more, progress=report)
    if receipt is None:
        tell(as_json, {"rows": 0, "of": len(store)}, [nothing])
    else:
        tell_receipt(as_json, store, receipt)


def _can_ask() -> bool:
    return sys.stdin.isatty()
