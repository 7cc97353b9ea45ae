"""The commands ``sqlearn fit`` and ``learn``."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from sqlearn.commands.models import MODELS, model_of
from sqlearn.commands.options import FILE, JSON, READING, STEPS, TABLES
from sqlearn.commands.output import drop_output
from sqlearn.commands.pipelines import Given, built
from sqlearn.commands.printing import fields, progress, tell, tell_receipt
from sqlearn.commands.stores import opened, signing_key
from sqlearn.commands.tables import table_in, table_of, tell_detected
from sqlearn.commands.usage import command, in_options
from sqlearn.errors import ParameterError


def _printed(value: Any) -> str:
    """A value on one line: line breaks and other characters that do not print as Python writes them in strings."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


def _described(columns, keep) -> list[str]:
    names = [_printed(column.name) for column in columns]
    width = max(map(len, names), default=0)
    lines = []
    for name, column in zip(names, columns, strict=True):
        printed = map(_printed, column.examples)
        shown = ", ".join(value if len(value) <= 24 else f"{value[:21]}..." for value in printed)
        gaps = f", {column.missing} missing in the first rows" if column.missing else ""
        kind = f"{column.kind}, kept" if column.name in keep else column.kind
        lines.append(f"  {name:{width}s}  {kind:8s}  {shown}{gaps}")
    return lines


@contextmanager
def _keeping_helps(so: bool) -> Iterator[None]:
    """Where steps do not fit together, say that they do over kept records."""
    try:
        yield
    except ParameterError as error:
        if not so:
            raise
        raise click.ClickException(
            f"{in_options(str(error))} With --keep-records, any step may stand in front of any model: all are fitted "
            "anew when they are read."
        ) from error


def _with_labels(file, learner, roles: dict[str, str | None], category: tuple[str, ...], ids: str | None):
    """The same file; users and items that are whole numbers are read as such, and others as text."""
    from sqlearn.storage.table import found_names

    found = found_names([column.name for column in file.columns if column.kind != "drop"], learner, roles)
    rating = found.pop("rating", None)
    whole = file.whole({*found.values()} - {*category})
    kinds = {column.name: column.kind for column in file.columns}
    kinds |= {name: "whole" if name in whole else "category" for name in found.values()}
    kinds |= {} if rating is None else {rating: "number"}
    return file.read_as(kinds=kinds, ids=ids)


@command("TABLE... --model NAME --out FILE [--target COL] [--id COL]")
@TABLES
@click.option(
    "--target",
    metavar="COL",
    multiple=True,
    help="The column to predict; may be repeated for models of several. Not for models without one, as KMeans.",
)
@click.option(
    "--model",
    metavar="NAME",
    required=True,
    help=f"One of {', '.join(MODELS)}; or, to keep what it learns, one of the steps. NAME:K=V,K=V sets parameters.",
)
@click.option("--param", "parameters", metavar="K=V", multiple=True, help="A parameter of the model; may be repeated.")
@click.option("--out", metavar="FILE", required=True, type=click.Path(), help="The store to make.")
@click.option(
    "--parts",
    metavar="N",
    type=click.IntRange(1, 999),
    help="Make FILE a folder, a set of so many stores, among which the rows are divided.",
)
@click.option("--id", "ids", metavar="COL", help="The column of ids; without one, rows are numbered from 0.")
@click.option("--weight", metavar="COL", help="The column of sample weights.")
@click.option("--user", metavar="COL", help="Of EASE and ItemKNN: the column of users; by default user or userId.")
@click.option("--item", metavar="COL", help="Of EASE and ItemKNN: the column of items; by default item or movieId.")
@click.option("--rating", metavar="COL", help="Of recommenders with ratings: their column; by default rating.")
@click.option("--number", metavar="COL", multiple=True, help="Read this column as numbers; may be repeated.")
@click.option("--category", metavar="COL", multiple=True, help="Read this column as categories; may be repeated.")
@click.option("--boolean", metavar="COL", multiple=True, help="Read this column as booleans; may be repeated.")
@click.option("--date", metavar="COL", multiple=True, help="Read this column as dates; may be repeated.")
@click.option(
    "--text",
    metavar="COL",
    multiple=True,
    help="Learn from the documents in this column, with a TextModel of the model; or, with --keep, only keep them.",
)
@click.option("--drop", metavar="COL", multiple=True, help="Leave this column out; may be repeated.")
@click.option(
    "--keep", metavar="COL", multiple=True, help="Keep this column for conditions; the model does not learn from it."
)
@click.option(
    "--suppress",
    is_flag=True,
    help="Refuse to learn forgotten ids again; needs --id. Of recommenders: forgotten users.",
)
@click.option("--raw", is_flag=True, help="Pass numbers to the model as they are, without scaling and imputing.")
@STEPS
@READING
@JSON
def fit(
    tables: tuple[str, ...],
    target: tuple[str, ...],
    model: str,
    parameters: tuple[str, ...],
    out: str,
    parts: int | None,
    ids: str | None,
    weight: str | None,
    user: str | None,
    item: str | None,
    rating: str | None,
    number: tuple[str, ...],
    category: tuple[str, ...],
    boolean: tuple[str, ...],
    date: tuple[str, ...],
    text: tuple[str, ...],
    drop: tuple[str, ...],
    keep: tuple[str, ...],
    suppress: bool,
    raw: bool,
    step: tuple[str, ...],
    number_step: tuple[str, ...],
    category_step: tuple[str, ...],
    column_step: tuple[tuple[str, str], ...],
    search: tuple[str, ...],
    keep_records: bool,
    as_json: bool,
    **reading: Any,
) -> None:
    """Learn a table, and keep its rows and the model in a new store.

    TABLE is a CSV, TSV or Parquet file, or '-' for standard input; a folder of such files, a pattern such as
    'part-?.parquet', or several files are one table, read block by block. FILE is the store to make.

    MixedNB, trees, forests and boosted trees take tables as they are. BernoulliNB, CategoricalNB, ComplementNB,
    KernelMean, MultinomialNB, OneClassSVM, covariances and models whose names end in CV take columns of numbers. For
    all other models categories are encoded as one column each, and numbers are imputed and scaled, unless --raw is
    given; these steps forget, too.

    With --text COL, BernoulliNB, ComplementNB, MultinomialNB and NearestCentroid learn from documents, which are cut
    into words as scikit-learn does: the vocabulary forgets, too. --param sets what cuts them, such as
    ngram_range=(1,2) or stop_words=english, and the model's own parameters.

    Steps in front of the model forget with it: --step NAME for all columns, one after the other; before these,
    --number-step and --category-step for the columns of numbers and of categories, and --column-step COLS NAME for
    some. NAME:K=V,K=V sets parameters. With steps, numbers are neither imputed nor scaled unless a step does it;
    categories are encoded as one column each unless a step takes them.

    EASE and ItemKNN recommend: they learn who likes what, from columns of users, items and, for ItemKNN, ratings.
    """
    from sqlearn.storage.table import takes_categories, takes_interactions

    of_text, given = bool({*text} - {*keep}), Given(step, number_step, category_step, column_step, search, keep_records)
    learner = model_of(model, parameters, raw or bool(given), text=of_text and not given)
    given.checked(of_text)
    kinds: dict[str, str] = {}
    for names, kind in (
        (number, "number"),
        (category, "category"),
        (boolean, "boolean"),
        (date, "date"),
        (text, "text"),
        (drop, "drop"),
    ):
        kinds |= dict.fromkeys(names, kind)
    file = table_in(tables, reading, {}, kinds=kinds, ids=ids)
    words = {c.name for c in file.columns if c.kind == "category"} - {*category}
    if learner.target == "value" and not words.isdisjoint(target):  # one word among numbers: it is the mistake
        numbers = dict.fromkeys(words.intersection(target), "number")
        file = file.read_as(kinds={c.name: c.kind for c in file.columns} | numbers, ids=ids)
    roles: dict[str, Any] = {"user": user, "item": item, "rating": rating}
    if takes_interactions(learner):
        file = _with_labels(file, learner, roles, category, ids)
    special = {*target, weight, *keep}
    if not as_json:
        tell_detected(file)
        click.echo(f"{file.name} has these columns:", err=True)
        for line in _described(file.columns, keep):
            click.echo(line, err=True)
        for doubt in file.doubts:
            click.echo(f"Note: {in_options(doubt)}.", err=True)
    dates = [c.name for c in file.columns if c.kind == "date" and c.name not in keep]
    if dates:
        raise click.UsageError(
            f"The column {dates[0]!r} holds dates, from which models do not learn. Pass --keep {dates[0]!r} to keep it "
            f"for conditions, --drop {dates[0]!r} to leave it out, or --category {dates[0]!r} to learn from it as text."
        )
    if given:
        features = [c for c in file.columns if c.name not in {*special, ids}]
        categorical = [column.name for column in features if column.kind == "category"]
        numeric = [column.name for column in features if column.kind in ("number", "boolean")]
        learner = built(learner, given, numeric, categorical, of_text)
    as_categories = {"category", "boolean"} if takes_categories(learner) and not given else {"category"}
    with progress("Learning") as report, _keeping_helps(bool(given) and not keep_records and not of_text):
        store = _created(
            parts,
            roles,
            out,
            learner,
            file.blocks(report),
            target=list(target) or None,
            id=ids,
            weight=weight,
            categorical=None
            if takes_interactions(learner)
            else [c.name for c in file.columns if c.kind in as_categories and c.name not in special],
            keep=list(keep),
            text=list(text),
            booleans={c.name: c.words for c in file.columns if c.kind == "boolean" and c.name not in (weight, *keep)},
            reading=file.reading,
            suppress=suppress,
            signing_key=signing_key(),
        )
    with store:
        receipt = store.receipts()[-1]
        told = {"file": out, "model": store.model_name, "rows": len(store), "receipt": fields(receipt)}
        told["columns"] = {column.name: column.kind for column in file.columns}
        learned = f"{store.model_name} learned {len(store):,} rows; they are kept in {out}."
        try:
            tell(as_json, told, [learned, f"{receipt}"])
        except OSError as error:
            drop_output()
            raise click.ClickException(f"{learned} Standard output cannot be written: {error.strerror}.") from error


def _created(parts: int | None, roles: dict[str, Any], out: str, learner: Any, blocks: Any, **named: Any) -> Any:
    """A store, or a set of so many."""
    if parts is None:
        from sqlearn.store import Store

        return Store.create(out, learner, blocks, **roles, **named)
    from sqlearn.distributed import StoreSet

    if any(roles.values()):
        raise click.UsageError("No set of stores is one of a recommender: leave --parts out, or --user and --item.")
    return StoreSet.create(out, learner, blocks, **named, parts=parts)


@command("FILE TABLE...")
@FILE
@TABLES
@READING
@JSON
def learn(file: str, tables: tuple[str, ...], as_json: bool, **reading: Any) -> None:
    """Add the rows of a table to a store, and learn them.

    FILE is the store; TABLE is a CSV, TSV or Parquet file, or '-' for standard input; or several files, as for `fit`.
    """
    with opened(file) as store:
        rows = table_of(store, tables, reading)
        with progress("Learning") as report:
            receipt = store.learn(rows.blocks(report))
        tell_receipt(as_json, store, receipt)
