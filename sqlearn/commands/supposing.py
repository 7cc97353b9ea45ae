"""The commands ``sqlearn what-if`` and ``suspects``: what models without some rows say, and nothing is changed."""

import csv
import json
import math
from typing import TYPE_CHECKING, Any

import click

from sqlearn.commands.options import FILE, JSON, NAMED
from sqlearn.commands.output import new_file
from sqlearn.commands.printing import progress
from sqlearn.commands.stores import as_predicted, named_rows, opened
from sqlearn.commands.usage import command
from sqlearn.errors import UnknownIdError

if TYPE_CHECKING:
    from sqlearn.store import Store

_TRIES = 5


@command("FILE --where SQL", "FILE --ids IDS")
@FILE
@NAMED
@click.option(
    "--attribute",
    "attributes",
    metavar="NAME",
    multiple=True,
    help="A fitted attribute to compare, by its name with the underscore; may be repeated. By default the intercept "
    "and the coefficients, of models that have them.",
)
@click.option("--predictions", is_flag=True, help="Print what both models predict for each row of the store, as CSV.")
@click.option("--out", metavar="FILE", type=click.Path(), help="A new file to write, as CSV or, with --json, as JSON.")
@JSON
def what_if(
    file: str, attributes: tuple[str, ...], predictions: bool, out: str | None, as_json: bool, **named: Any
) -> None:
    """Show what a store's model would be without some rows, and change nothing.

    FILE is the store. Scores, predictions and coefficients of the model are shown beside those of the model that
    `sqlearn forget` would leave.
    """
    with opened(file) as store, new_file(out) as output:
        if any(column.role == "user" for column in store.columns):
            raise click.ClickException(
                f"{store.path} is a store of {store.model_name}, whose scores are of pairs and not of rows. Compare "
                "recommendations in Python: store.model_without(users=[...])."
            )
        rows = named_rows(store, **named)
        from sqlearn.commands.comparing import fitted, scored, table
        from sqlearn.storage.table import predicting

        ids, models, held = _of_one_day(store, rows)
        told: dict[str, Any] = {"rows": len(ids), "of": len(held.ids)}
        if predictions:
            pairs = list(
                zip(held.ids, *(as_predicted(store, predicting(model)(held.X)) for model in models), strict=True)
            )
            cells = [[store.id_column or "id", "with", "without"], *pairs]
            told["predictions"] = [
                dict(zip(("id", "with", "without"), map(_in_json, pair), strict=True)) for pair in pairs
            ]
        else:
            lines, groups = list(scored(models, held, {*ids})), list(fitted(models, store.features, attributes))
            every = sum(groups, lines)
            cells = [["number", "with", "without", "change"], *([*line, line.change] for line in every)]
            told["numbers"] = {
                line.what: {"with": _in_json(line.before), "without": _in_json(line.after)} for line in every
            }
        if as_json:
            click.echo(json.dumps(told, ensure_ascii=False), file=output)
        elif predictions or out is not None:
            csv.writer(output, lineterminator="\n").writerows(cells)
        else:
            click.echo(f"Without {told['rows']:,} of {told['of']:,} rows (nothing is changed):")
            for line in table(lines, groups):
                click.echo(line)


@command("FILE")
@FILE
@click.option("--top", metavar="N", type=click.IntRange(1), help="How many rows; by default 20, or all with --out.")
@click.option("--out", metavar="FILE", type=click.Path(), help="A new file to write, as CSV or, with --json, as JSON.")
@JSON
def suspects(file: str, top: int | None, out: str | None, as_json: bool) -> None:
    """Rank a store's rows by how badly models that never saw them explain their targets.

    FILE is the store; nothing is changed. The ids of the most suspect rows are printed as CSV, with their labels or
    values, with those that the model without the row suggests, and with scores. Wrong labels come first; rows that are
    merely odd come, too: look at them before you `sqlearn relabel` or `forget` any.
    """
    with opened(file) as store, new_file(out) as output:
        from sklearn.base import clone

        from sqlearn.inspection import suspects as ranked

        rows, model = store.rows(), clone(store.model)
        if "ledger" in model.get_params(deep=False):  # the store's is its rows
            model.set_params(ledger=True)
        given = {name: rows[name] for name in ("X", "y", "sample_weight") if rows[name] is not None}
        with progress("Leaving out", len(rows.ids)) as report:
            found = ranked(model.fit(**given), rows.X, rows.y, sample_weight=rows.sample_weight, progress=report)
        targets = [column.name for column in store.columns if column.part == "target"]
        names = [store.id_column or "id", *targets, *(f"suggested {name}" for name in targets), "score"]
        values = [as_predicted(store, values) for values in (found.given, found.label)]
        several = len(targets) > 1
        cells = []
        for i in found.order[: top or (20 if out is None else None)].tolist():
            told = [value for both in values for value in (both[i] if several else [both[i]])]
            cells.append([rows.ids[i], *told, float(found.score[i])])
        if as_json:
            lines = [dict(zip(names, map(_in_json, line), strict=True)) for line in cells]
            click.echo(json.dumps({"suspects": lines}, ensure_ascii=False), file=output)
        else:
            csv.writer(output, lineterminator="\n").writerows([names, *cells])


def _of_one_day(store: "Store", named: dict[str, Any]) -> tuple[list[Any], tuple[Any, Any], Any]:
    """Ids of the rows named, the models with and without them, and all rows.

    These are several transactions, between which another process may change the store: then they are begun anew.
    """
    for _ in range(_TRIES):
        last = store.receipts()[-1]
        try:
            ids = named.get("ids")
            if ids is None:
                with progress("Looking", len(store)) as report:
                    ids = store.ids(**named, progress=report)
            if not ids:
                raise click.ClickException("No row fulfils the condition, so there is nothing to leave out.")
            found = ids, (store.model, store.model_without(ids=ids)), store.rows()
        except UnknownIdError:  # of a row that was there, perhaps
            if store.receipts()[-1].digest == last.digest:
                raise
            continue
        if store.receipts()[-1].digest == last.digest:
            return found
    raise click.ClickException(
        f"Another process changed {store.path} each time that its models were compared. Nothing was changed by this "
        "command: run it again when the other is done."
    )


def _in_json(value: Any) -> Any:
    """A number that JSON knows: null stands for the others, such as the score of the only row of a class."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
