"""The commands ``sqlearn fit``, ``forget`` and so on, on stores: one function a command.

Results go to standard output, as lines for people or with ``--json`` as one object; progress and questions go to
standard error.
"""

import ast
import csv
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

__all__ = ["COMMANDS", "MODELS"]

# module of each model, and whether tables are encoded for it; imported when it is asked for
MODELS = {
    "BayesianRidge": ("linear_model", True),
    "BernoulliNB": ("naive_bayes", False),
    "CategoricalNB": ("naive_bayes", False),
    "ComplementNB": ("naive_bayes", False),
    "ElasticNet": ("linear_model", True),
    "GaussianMixture": ("mixture", True),
    "GaussianNB": ("naive_bayes", True),
    "KMeans": ("cluster", True),
    "Lasso": ("linear_model", True),
    "LinearDiscriminantAnalysis": ("discriminant_analysis", True),
    "LinearRegression": ("linear_model", True),
    "LinearSVC": ("svm", True),
    "LogisticRegression": ("linear_model", True),
    "MixedNB": ("naive_bayes", False),
    "MultinomialNB": ("naive_bayes", False),
    "NearestCentroid": ("neighbors", True),
    "PoissonRegressor": ("linear_model", True),
    "QuadraticDiscriminantAnalysis": ("discriminant_analysis", True),
    "Ridge": ("linear_model", True),
    "RidgeClassifier": ("linear_model", True),
}

FILE = click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
TABLE = click.argument("table", metavar="TABLE", type=click.Path(exists=True, dir_okay=False))
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")


def _stacked(*decorators):
    def decorate(function):
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


READING = _stacked(
    click.option("--header", metavar="NAMES", help="Names of the columns, with commas between, if no line has them."),
    click.option("--delimiter", metavar="CHAR", help="What separates columns, if not a comma (a tab in .tsv)."),
    click.option("--missing", metavar="TEXT", multiple=True, help="What stands for a missing value; may be repeated."),
    click.option("--line-breaks", is_flag=True, help="Allow line breaks in quoted texts."),
)
ROWS = _stacked(
    click.option("--where", metavar="SQL", help="The rows for which this SQL condition over the columns holds."),
    click.option(
        "--ids",
        metavar="FILE",
        type=click.File("r", encoding="utf-8-sig"),
        help="The rows with these ids, one a line ('-' reads standard input).",
    ),
    click.option("--dry-run", is_flag=True, help="Count the rows and change nothing."),
    click.option("--yes", is_flag=True, help="Do not ask."),
)


# ------------------------------------------------------------------------------------------------ in and out


def _tell(as_json: bool, told: dict, lines: list[str]) -> None:
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line)


def _tell_receipt(as_json: bool, receipt) -> None:
    told = _fields(receipt) | {"digest": receipt.digest}
    lines = [str(receipt), f"Its salt, for an auditor (it is kept nowhere once the state moves on): {receipt.salt}"]
    _tell(as_json, told, lines)


def _fields(receipt) -> dict:
    names = "number", "time", "kind", "count", "commitment", "previous", "salt"
    return {name: getattr(receipt, name) for name in names}


@contextmanager
def _progress(label: str, rows: int | None = None):
    """A bar on a terminal's standard error, else nothing. Yields what tells it how much is done.

    With a number of `rows`, that takes how many more rows are done; without, how much is done of how much.
    """
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=max(rows or 1, 1), label=label, file=sys.stderr, hidden=hidden) as bar:

        def report(done: int, of: int) -> None:
            bar.length = max(of, 1)
            bar.update(done - bar.pos)

        yield report if rows is None else bar.update


def _table_file(path, reading: dict, **more):
    from sqlearn.table_files import MISSING, TableFile

    header = reading["header"]
    return TableFile(
        path,
        header=None if header is None else next(csv.reader([header], skipinitialspace=True)),
        delimiter={"\\t": "\t", "tab": "\t"}.get(reading["delimiter"], reading["delimiter"]),
        missing=("", *reading["missing"]) if reading["missing"] else MISSING,
        line_breaks=reading["line_breaks"],
        **more,
    )


def _table_of(store, path, reading: dict, *, features_only: bool = False):
    """A file's columns as a store has them; others are left out."""
    kinds = {column.name: column.kind for column in store.columns if column.role == "feature" or not features_only}
    labels = {column.name for column in store.columns if column.role == "target" and column.kind == "category"}
    names = [column.name for column in _table_file(path, reading).columns]
    ignored = [name for name in names if name not in kinds and name != store.id_column]
    if ignored:
        click.echo(f"Left out, as the store does not use them: {', '.join(ignored)}", err=True)
    if store.textual_target:  # even if those of this file look like numbers
        labels = set()
    given = {name: kinds[name] for name in names if name in kinds and name not in labels}
    ids = store.id_column if store.id_column in names else None
    given |= dict.fromkeys(ignored, "drop")
    return _table_file(path, reading, kinds=given, ids=ids, textual_ids=store.textual_ids)


def _model(name: str, parameters: tuple[str, ...], raw: bool):
    names = {known.lower(): known for known in MODELS}
    known = names.get(name.lower())
    if known is None:
        raise click.BadParameter(f"{name!r} is none of {', '.join(MODELS)}.", param_hint="--model")
    module, encoded = MODELS[known]
    learner = getattr(import_module(f"sqlearn.{module}"), known)()
    given = {}
    for parameter in parameters:
        key, sign, text = parameter.partition("=")
        if not sign or key not in learner.get_params():
            raise click.BadParameter(
                f"{parameter!r} is not NAME=VALUE with one of {known}'s parameters: {', '.join(learner.get_params())}.",
                param_hint="--param",
            )
        try:
            given[key] = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            given[key] = text
    try:
        learner.set_params(**given)._validate_params()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--param") from error
    if raw or not encoded:
        return learner
    from sqlearn.compose import TableModel

    return TableModel(learner)


def _described(columns) -> list[str]:
    width = max(len(column.name) for column in columns)
    lines = []
    for column in columns:
        shown = ", ".join(str(value) if len(str(value)) <= 24 else f"{str(value)[:21]}..." for value in column.examples)
        gaps = f", {column.missing} missing in the first rows" if column.missing else ""
        lines.append(f"  {column.name:{width}s}  {column.kind:8s}  {shown}{gaps}")
    return lines


# ------------------------------------------------------------------------------------------------- learning


@click.command()
@TABLE
@click.option("--target", metavar="COL", multiple=True, help="The column to predict; none for models without one.")
@click.option("--model", metavar="NAME", required=True, help=f"One of {', '.join(MODELS)}.")
@click.option("--param", "parameters", metavar="K=V", multiple=True, help="A parameter of the model; may be repeated.")
@click.option("--out", metavar="FILE", required=True, type=click.Path(), help="The store to make.")
@click.option("--id", "ids", metavar="COL", help="The column of ids; without one, rows are numbered from 0.")
@click.option("--weight", metavar="COL", help="The column of sample weights.")
@click.option("--number", metavar="COL", multiple=True, help="Read this column as numbers; may be repeated.")
@click.option("--category", metavar="COL", multiple=True, help="Read this column as categories; may be repeated.")
@click.option("--drop", metavar="COL", multiple=True, help="Leave this column out; may be repeated.")
@click.option("--raw", is_flag=True, help="Give numbers to the model as they are: no scaling, no imputing.")
@READING
@JSON
def fit(table, target, model, parameters, out, ids, weight, number, category, drop, raw, as_json, **reading):
    """Learn TABLE (CSV, TSV, Parquet), and keep rows and model in a new FILE.

    Linear models, discriminant analysis, GaussianNB and NearestCentroid see categories as one column each and numbers
    imputed and scaled, all of which forget too; MixedNB takes tables as they are; other models take numbers.
    """
    from sqlearn.store import Store

    learner = _model(model, parameters, raw)
    kinds = dict.fromkeys(number, "number") | dict.fromkeys(category, "category") | dict.fromkeys(drop, "drop")
    file = _table_file(table, reading, kinds=kinds, ids=ids)
    special = {*target, weight}
    if not as_json:
        click.echo(f"{table} has these columns:", err=True)
        for line in _described(file.columns):
            click.echo(line, err=True)
    categories = [c.name for c in file.columns if c.kind == "category" and c.name not in special]
    with _progress("Learning") as report:
        store = Store.create(
            out,
            learner,
            file.blocks(report),
            target=list(target) or None,
            id=ids,
            weight=weight,
            categorical=categories,
        )
    with store:
        receipt = store.receipts()[-1]
        told = {"file": out, "model": store.model_name, "rows": len(store), "receipt": _fields(receipt)}
        told["columns"] = {column.name: column.kind for column in file.columns}
        _tell(as_json, told, [f"{store.model_name} learned {len(store):,} rows; they are kept in {out}.", f"{receipt}"])


@click.command()
@FILE
@TABLE
@READING
@JSON
def learn(file, table, as_json, **reading):
    """Learn the rows of TABLE as well."""
    with _opened(file) as store:
        rows = _table_of(store, table, reading)
        with _progress("Learning") as report:
            receipt = store.learn(rows.blocks(report))
        _tell_receipt(as_json, receipt)


# ----------------------------------------------------------------------------------------------- forgetting


@click.command()
@FILE
@ROWS
@JSON
def forget(file, where, ids, dry_run, yes, as_json):
    """Take rows out of model and FILE, for good."""
    with _opened(file) as store:
        _change(store, store.forget, "Forget", where, ids, dry_run, yes, as_json)


@click.command()
@FILE
@ROWS
@click.option("--to", metavar="VALUE", required=True, help="The new target.")
@JSON
def relabel(file, where, ids, to, dry_run, yes, as_json):
    """Give rows another target, as if they had been learned with it."""
    with _opened(file) as store:
        value: Any = to
        if not store.textual_target:
            try:
                value = float(to)
            except ValueError:
                told = f"{to!r} is no number, as the targets of {file} are."
                raise click.BadParameter(told, param_hint="--to") from None
        _change(store, store.relabel, "Relabel", where, ids, dry_run, yes, as_json, to=value)


def _change(store, change, verb: str, where, ids, dry_run: bool, yes: bool, as_json: bool, **more) -> None:
    if (where is None) == (ids is None):
        raise click.UsageError("Say which rows: either --where or --ids.")
    rows = {"where": where} if ids is None else {"ids": _ids(store, ids)}
    if dry_run or not yes:
        with _progress("Looking", len(store)) as report:
            count = change(**rows, **more, dry_run=True, progress=report)
        named = f"{count:,} row{'' if count == 1 else 's'} of {len(store):,}"
        if dry_run:
            _tell(as_json, {"rows": count, "of": len(store)}, [f"{verb} would change {named}."])
            return
        if not sys.stdin.isatty():
            raise click.UsageError(f"{verb} changes {named}, and there is nobody to ask. Pass --yes if that is right.")
        click.confirm(f"{verb} {named}?", abort=True, err=True)
    with _progress({"Forget": "Forgetting"}.get(verb, f"{verb}ing"), len(store)) as report:
        receipt = change(**rows, **more, progress=report)
    _tell_receipt(as_json, receipt)


def _ids(store, lines) -> list:
    try:
        ids = [line.rstrip("\r\n") for line in lines]
    except UnicodeDecodeError as error:
        raise click.BadParameter(f"The file of ids is not UTF-8: {error}.", param_hint="--ids") from error
    ids = [line for line in ids if line]
    if store.textual_ids:
        return ids
    for number, line in enumerate(ids, 1):
        if not line.strip().removeprefix("-").isdecimal():
            what = f"{line!r} (id {number}) is no whole number, as this store's ids are."
            raise click.BadParameter(what, param_hint="--ids")
    return [int(line) for line in ids]


# --------------------------------------------------------------------------------------------------- asking


@click.command()
@FILE
@TABLE
@click.option("--out", metavar="FILE", type=click.File("w", encoding="utf-8"), default="-", help="Where to write.")
@READING
@JSON
def predict(file, table, out, as_json, **reading):
    """Predict each row of TABLE, as CSV with the rows' ids if they have any."""
    with _opened(file) as store:
        rows = _table_of(store, table, reading, features_only=True)
        name = "prediction"
        writer = None if as_json else csv.writer(out, lineterminator="\n")
        if writer:
            writer.writerow([store.id_column, name] if rows.has_ids else [name])
        found: list[dict] = []
        with _progress("Predicting") as report:
            for block in rows.blocks(report):
                ids = block.pop(store.id_column, None) if rows.has_ids else None
                for i, value in enumerate(store.predict(block).tolist()):
                    if writer:
                        writer.writerow([value] if ids is None else [ids[i], value])
                    else:
                        found.append({name: value} if ids is None else {"id": ids[i], name: value})
        if as_json:
            click.echo(json.dumps({"predictions": found}, ensure_ascii=False), file=out)


@click.command()
@FILE
@JSON
def verify(file, as_json):
    """Refit on the rows on file and compare, byte for byte; exit code 1 on a difference."""
    with _opened(file) as store:
        with _progress("Verifying", len(store)) as report:
            found = store.verify(progress=report)
        told = {"equal": bool(found), "rows": found.n_records, "digest": found.digest, "difference": found.difference}
        _tell(as_json, told, [str(found)])
    if not found:
        raise click.exceptions.Exit(1)


@click.command()
@FILE
@JSON
def info(file, as_json):
    """What FILE holds: model, columns, rows, last receipt."""
    with _opened(file) as store:
        receipts = store.receipts()
        columns = {column.name: {"role": column.role, "kind": column.kind} for column in store.columns}
        told = {
            "model": store.model_name,
            "parameters": {name: repr(value) for name, value in store.model.get_params().items()},
            "rows": len(store),
            "id": store.id_column,
            "columns": columns,
            "digest": store.digest(),
            "receipts": len(receipts),
            "last": _fields(receipts[-1]) | {"salt": None},
        }
        width = max(map(len, columns))
        lines = [f"{store.model_name} on {len(store):,} rows", "Columns:"]
        lines += [f"  {name:{width}s}  {column['role']:8s}{column['kind']}" for name, column in columns.items()]
        lines += [f"Ids: {store.id_column or 'running numbers'}", f"Digest: {told['digest']}"]
        lines += [f"Receipts: {len(receipts)}; the last: {receipts[-1]}"]
        _tell(as_json, told, lines)


@click.command()
@FILE
@click.option("--check", is_flag=True, help="Walk the chain; exit code 1 if it is broken.")
@JSON
def receipts(file, check, as_json):
    """The receipts of all changes; with --check, whether any was altered, lost or moved."""
    with _opened(file) as store:
        found = store.receipts()
        checked = store.check_receipts() if check else None
    told: dict = {"receipts": [_fields(receipt) | {"digest": receipt.digest, "salt": None} for receipt in found]}
    lines = [str(receipt) for receipt in found]
    if checked is not None:
        told |= {"whole": bool(checked), "fault": checked.fault}
        lines.append(str(checked))
    _tell(as_json, told, lines)
    if checked is not None and not checked:
        raise click.exceptions.Exit(1)


@contextmanager
def _opened(file: str) -> Iterator:
    from sqlearn.store import Store

    with Store.open(file) as store:
        yield store


COMMANDS = fit, predict, forget, relabel, learn, verify, info, receipts
