"""The commands ``sqlearn fit``, ``forget`` and so on, on stores: one function a command.

Results go to standard output, as lines for people or with ``--json`` as one object; progress and questions go to
standard error.
"""

import ast
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import click

from sqlearn.output import drop_output, new_file

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


# ------------------------------------------------------------------------------------------------ in and out


def _tell(as_json: bool, told: dict, lines: list[str]) -> None:
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        for line in lines:
            click.echo(line)


def _tell_receipt(as_json: bool, store, receipt, told: dict | None = None, lines: Sequence[str] = ()) -> None:
    """Print a receipt. The change is made by now, so it is not lost even if nobody takes what is printed."""
    salt = f"Its salt, for an auditor (it is kept nowhere once the state moves on): {receipt.salt}"
    try:
        _tell(as_json, told or _fields(receipt) | {"digest": receipt.digest}, [*lines, str(receipt), salt])
    except OSError as error:
        drop_output()
        raise click.ClickException(
            f"The change is made, but standard output cannot be written: {error.strerror}. {receipt}. {salt}. Until "
            f"the next change, `sqlearn receipts {store.path} --salt` shows both."
        ) from error


def _fields(receipt) -> dict:
    names = "number", "time", "kind", "count", "commitment", "previous", "salt", "signature"
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


def _table_file(path, reading: dict, kept: dict, **more):
    """A table, read as the command says, else as the store's table was (`kept`), else as its beginning shows."""
    from sqlearn.table_files import BOOLEANS, MISSING, TableFile
    from sqlearn.table_source import Source

    source = Source(path)
    alike = not source.is_parquet and "delimiter" in kept and source.suffix in ("", kept["suffix"])
    options: dict[str, Any] = {
        name: kept[name]
        for name in ("missing", "booleans", "line_breaks", *(("header", "delimiter", "quote", "encoding") * alike))
        if name in kept
    }
    if reading["header"] is not None:
        names = next(csv.reader([reading["header"]], skipinitialspace=True), [])
        options["header"] = names[0] if names in (["none"], ["first"]) else names
    if reading["delimiter"] is not None:
        options["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(reading["delimiter"], reading["delimiter"])
    if reading["quote"] is not None:
        options["quote"] = reading["quote"] == "double"
    if reading["encoding"] is not None:
        options["encoding"] = reading["encoding"]
    if reading["missing"]:
        options["missing"] = ("", *reading["missing"])
    if reading["booleans"]:
        pairs = [tuple(word.strip() for word in pair.split(",")) for pair in reading["booleans"]]
        for pair in pairs:
            if len(pair) != 2 or pair[0] == pair[1] or "" in pair:
                raise click.BadParameter("Pass two words with a comma between: no,yes.", param_hint="--booleans")
        options["booleans"] = (*pairs, *BOOLEANS)
    if reading["line_breaks"]:
        options["line_breaks"] = True
    return TableFile(source, **({"missing": MISSING, "booleans": BOOLEANS} | options), **more)


def _table_of(store, path, reading: dict, *, features_only: bool = False):
    """A file's columns as a store has them; others are left out."""
    kinds = {column.name: column.kind for column in store.columns if column.role == "feature" or not features_only}
    labels = {column.name for column in store.columns if column.role == "target" and column.kind == "category"}
    file = _table_file(path, reading, store.reading)
    _tell_detected(file)
    names = [column.name for column in file.columns]
    ignored = [name for name in names if name not in kinds and name != store.id_column]
    if ignored:
        click.echo(f"Left out, as the store does not use them: {', '.join(ignored)}", err=True)
    if store.textual_target:  # even if those of this file look like numbers
        labels = set()
    given = {name: kinds[name] for name in names if name in kinds and name not in labels}
    ids = store.id_column if store.id_column in names else None
    given |= dict.fromkeys(ignored, "drop")
    return file.read_as(kinds=given, ids=ids, textual_ids=store.textual_ids)


def _tell_detected(file) -> None:
    if file.detected:
        click.echo(f"{file.name} is read with this, as it begins: {'; '.join(file.detected)}.", err=True)


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


def _described(columns, keep) -> list[str]:
    width = max(len(column.name) for column in columns)
    lines = []
    for column in columns:
        shown = ", ".join(str(value) if len(str(value)) <= 24 else f"{str(value)[:21]}..." for value in column.examples)
        gaps = f", {column.missing} missing in the first rows" if column.missing else ""
        kind = f"{column.kind}, kept" if column.name in keep else column.kind
        lines.append(f"  {column.name:{width}s}  {kind:8s}  {shown}{gaps}")
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
@click.option("--boolean", metavar="COL", multiple=True, help="Read this column as booleans; may be repeated.")
@click.option("--date", metavar="COL", multiple=True, help="Read this column as dates; may be repeated.")
@click.option("--drop", metavar="COL", multiple=True, help="Leave this column out; may be repeated.")
@click.option(
    "--keep", metavar="COL", multiple=True, help="Keep this column for conditions; the model does not learn from it."
)
@click.option("--suppress", is_flag=True, help="Refuse forgotten ids; keeps their keyed hashes, and needs --id.")
@click.option("--raw", is_flag=True, help="Give numbers to the model as they are: no scaling, no imputing.")
@READING
@JSON
def fit(
    table,
    target,
    model,
    parameters,
    out,
    ids,
    weight,
    number,
    category,
    boolean,
    date,
    drop,
    keep,
    suppress,
    raw,
    as_json,
    **reading,
):
    """Learn TABLE (CSV, TSV, Parquet; '-' is standard input), and keep rows and model in a new FILE.

    Linear models, discriminant analysis, GaussianNB and NearestCentroid see categories as one column each and numbers
    imputed and scaled, all of which forget too; MixedNB takes tables as they are; other models take numbers.
    """
    from sqlearn.storage.feeding import takes_categories
    from sqlearn.store import Store

    learner = _model(model, parameters, raw)
    kinds: dict[str, str] = {}
    for names, kind in (
        (number, "number"),
        (category, "category"),
        (boolean, "boolean"),
        (date, "date"),
        (drop, "drop"),
    ):
        kinds |= dict.fromkeys(names, kind)
    file = _table_file(table, reading, {}, kinds=kinds, ids=ids)
    special = {*target, weight, *keep}
    if not as_json:
        _tell_detected(file)
        click.echo(f"{file.name} has these columns:", err=True)
        for line in _described(file.columns, keep):
            click.echo(line, err=True)
    dates = [c.name for c in file.columns if c.kind == "date" and c.name not in keep]
    if dates:
        raise click.UsageError(
            f"The column {dates[0]!r} holds dates, from which models do not learn. Pass --keep {dates[0]!r} to keep it "
            f"for conditions, --drop {dates[0]!r} to leave it out, or --category {dates[0]!r} to learn from it as text."
        )
    as_categories = {"category", "boolean"} if takes_categories(learner) else {"category"}
    with _progress("Learning") as report:
        store = Store.create(
            out,
            learner,
            file.blocks(report),
            target=list(target) or None,
            id=ids,
            weight=weight,
            categorical=[c.name for c in file.columns if c.kind in as_categories and c.name not in special],
            keep=list(keep),
            booleans={c.name: c.words for c in file.columns if c.kind == "boolean" and c.name not in (weight, *keep)},
            reading=file.reading,
            suppress=suppress,
            signing_key=_signing_key(),
        )
    with store:
        receipt = store.receipts()[-1]
        told = {"file": out, "model": store.model_name, "rows": len(store), "receipt": _fields(receipt)}
        told["columns"] = {column.name: column.kind for column in file.columns}
        learned = f"{store.model_name} learned {len(store):,} rows; they are kept in {out}."
        try:
            _tell(as_json, told, [learned, f"{receipt}"])
        except OSError as error:
            drop_output()
            raise click.ClickException(f"{learned} Standard output cannot be written: {error.strerror}.") from error


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
        _tell_receipt(as_json, store, receipt)


# ----------------------------------------------------------------------------------------------- forgetting


@click.command()
@FILE
@ROWS
@JSON
def forget(file, as_json, **rows):
    """Take rows out of model and FILE, for good."""
    with _opened(file) as store:
        _change(store, store.forget, "Forget", as_json, **rows)


@click.command()
@FILE
@ROWS
@click.option("--to", metavar="VALUE", required=True, help="The new target.")
@click.option("--new", is_flag=True, help="Allow a label that no row has.")
@JSON
def relabel(file, to, new, as_json, **rows):
    """Give rows another target, as if they had been learned with it."""
    with _opened(file) as store:
        _change(store, store.relabel, "Relabel", as_json, **rows, to=_target(store, to), new=new)


def _target(store, to: str) -> Any:
    """A target as its column has it."""
    targets = [column for column in store.columns if column.role == "target"]
    if targets and targets[0].kind == "boolean" and to.lower() in ("true", "false"):
        return to.lower() == "true"
    if store.textual_target:
        return to
    try:
        return float(to)
    except ValueError:
        what = "neither true nor false" if targets and targets[0].kind == "boolean" else "not a number"
        told = f"{to[:100]!r} is {what}, as the targets of {store.path} are."
        raise click.BadParameter(told, param_hint="--to") from None


def _change(store, change, verb: str, as_json: bool, *, where, ids, encoding, dry_run: bool, yes: bool, **more) -> None:
    if (where is None) == (ids is None):
        raise click.UsageError("Say which rows: either --where or --ids.")
    rows: dict[str, Any] = {"where": where} if ids is None else {"ids": _ids(store, ids, encoding)}
    if where is not None and not dry_run:
        with _progress("Looking", len(store)) as report:
            rows = {"ids": store.ids(where=where, progress=report)}  # what is shown is what is changed
    if dry_run or not yes or not rows.get("ids", True):
        with _progress("Looking", len(store)) as report:
            count = change(**rows, **more, dry_run=True, progress=report)
        named = f"{count:,} row{'' if count == 1 else 's'} of {len(store):,}"
        if dry_run or not count:
            none = "No row fulfils the condition. Nothing was changed, and there is no receipt."
            told = f"{verb} would change {named}." if dry_run else none
            _tell(as_json, {"rows": count, "of": len(store)}, [told])
            return
        if not _can_ask():
            raise click.UsageError(f"{verb} changes {named}, and there is nobody to ask. Pass --yes if that is right.")
        click.confirm(f"{verb} {named}?", abort=True, err=True)
    with _progress({"Forget": "Forgetting"}.get(verb, f"{verb}ing"), len(store)) as report:
        receipt = change(**rows, **more, progress=report)
    _tell_receipt(as_json, store, receipt)


def _can_ask() -> bool:
    return sys.stdin.isatty()


def _ids(store, path, encoding: str | None) -> list:
    from sqlearn.table_source import Source, known_encoding

    encoding = known_encoding(encoding or store.reading.get("encoding") or "utf-8")
    source = Source(path)
    with source.errors(), source.raw() as raw:
        content = source.unpacked(raw).read()
    try:
        lines = content.decode("utf-8-sig" if encoding == "utf-8" else encoding).split("\n")
    except UnicodeError as error:
        what = f"The file of ids is not {encoding.upper()}: {error}. Say its encoding with --encoding."
        raise click.BadParameter(what, param_hint="--ids") from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise click.BadParameter("The file of ids is empty: it names no row.", param_hint="--ids")
    return _ids_of(store, ids, "--ids")


def _ids_of(store, texts: Sequence[str], hint: str) -> list:
    """Ids as the store has them."""
    if store.textual_ids:
        return list(texts)
    for number, text in enumerate(texts, 1):
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 100):
            what = f"{text[:100]!r} (id {number}) is not a whole number of 64 bits, as this store's ids are."
            raise click.BadParameter(what, param_hint=hint)
    return [int(text) for text in texts]


# --------------------------------------------------------------------------------------------------- asking


@click.command()
@FILE
@TABLE
@click.option("--out", metavar="FILE", type=click.Path(), help="A new file to write; standard output by default.")
@READING
@JSON
def predict(file, table, out, as_json, **reading):
    """Predict each row of TABLE, as CSV with the rows' ids if they have any."""
    with _opened(file) as store, new_file(out) as output:
        rows = _table_of(store, table, reading, features_only=True)
        name = "prediction"
        writer = None
        found: list[dict] = []
        with _progress("Predicting") as report:
            for block in rows.blocks(report):
                ids = block.pop(store.id_column, None) if rows.has_ids else None
                predictions = store.predict(block).tolist()
                if writer is None and not as_json:  # nothing is written before it is known that the columns fit
                    writer = csv.writer(output, lineterminator="\n")
                    writer.writerow([store.id_column, name] if rows.has_ids else [name])
                for i, value in enumerate(predictions):
                    if writer is not None:
                        writer.writerow([value] if ids is None else [ids[i], value])
                    else:
                        found.append({name: value} if ids is None else {"id": ids[i], name: value})
        if as_json:
            click.echo(json.dumps({"predictions": found}, ensure_ascii=False), file=output)


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
        reading = store.reading
        told = {
            "model": store.model_name,
            "parameters": {name: repr(value) for name, value in store.model.get_params().items()},
            "rows": len(store),
            "id": store.id_column,
            "columns": columns,
            "reading": reading,
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
@click.option("--salt", is_flag=True, help="Show the salt of the last receipt, which an auditor needs.")
@JSON
def receipts(file, check, salt, as_json):
    """The receipts of all changes; with --check, whether any was altered, lost or moved."""
    with _opened(file) as store:
        found = store.receipts()
        checked = store.check_receipts(signing_key=_signing_key()) if check else None
    told: dict = {"receipts": [_fields(receipt) | {"digest": receipt.digest, "salt": None} for receipt in found]}
    lines = [str(receipt) for receipt in found]
    if salt:
        told["receipts"][-1]["salt"] = found[-1].salt
        lines.append(f"The salt of the last: {found[-1].salt}")
    if checked is not None:
        told |= {"whole": bool(checked), "fault": checked.fault}
        lines.append(str(checked))
    _tell(as_json, told, lines)
    if checked is not None and not checked:
        raise click.exceptions.Exit(1)


@contextmanager
def _opened(file: str) -> Iterator:
    from sqlearn.store import Store

    with Store.open(file, signing_key=_signing_key()) as store:
        yield store


def _signing_key() -> bytes | None:
    """What ``sqlearn --signing-key`` was given."""
    return click.get_current_context().find_root().obj


COMMANDS = fit, predict, forget, relabel, learn, verify, info, receipts
