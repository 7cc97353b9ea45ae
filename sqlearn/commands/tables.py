"""Tables as a command line says that they are read."""

import csv
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlearn.store import Store
    from sqlearn.table_files import Source, TableFile, TableFiles


def table_in(
    paths: Sequence[str], reading: dict[Any, Any], kept: dict[Any, Any], **more: Any
) -> "TableFile | TableFiles":
    """A table, read as the command says, else as the store's table was (`kept`), else as its beginning shows."""
    from sqlearn.table_files import table_in

    return table_in(paths, partial(_opened, reading, kept), **more)


def _opened(reading: dict[Any, Any], kept: dict[Any, Any], source: "Source", **more: Any) -> "TableFile":
    from sqlearn.table_files import BOOLEANS, MISSING, TableFile

    alike = not source.is_parquet and "delimiter" in kept and source.suffix in ("", kept["suffix"])
    of_text = "header", "delimiter", "quote", "encoding", "decimal"
    again = "missing", "booleans", "line_breaks", *(of_text * alike)
    options: dict[str, Any] = {name: kept[name] for name in again if name in kept}
    if reading["header"] is not None:
        names = next(csv.reader([reading["header"]], skipinitialspace=True), [])
        options["header"] = names[0] if names in (["none"], ["first"]) else names
    if reading["delimiter"] is not None:
        options["delimiter"] = {"\\t": "\t", "tab": "\t"}.get(reading["delimiter"], reading["delimiter"])
    if reading["quote"] is not None:
        options["quote"] = reading["quote"] == "double"
    if reading["encoding"] is not None:
        options["encoding"] = reading["encoding"]
    if reading["decimal"] is not None:
        options["decimal"] = reading["decimal"]
    if reading["missing"] or reading["no_default_missing"]:
        usual = [""] if reading["no_default_missing"] else options.get("missing", MISSING)
        options["missing"] = (*usual, *reading["missing"])
    if reading["booleans"]:
        pairs = [tuple(word.strip() for word in pair.split(",")) for pair in reading["booleans"]]
        for pair in pairs:
            if len(pair) != 2 or pair[0] == pair[1] or "" in pair:
                raise click.BadParameter("Pass two words with a comma between: no,yes.", param_hint="--booleans")
        options["booleans"] = (*pairs, *BOOLEANS)
    if reading["line_breaks"]:
        options["line_breaks"] = True
    return TableFile(source, **({"missing": MISSING, "booleans": BOOLEANS} | options), **more)


def table_of(
    store: "Store", paths: Sequence[str], reading: dict[Any, Any], *, features_only: bool = False
) -> "TableFile | TableFiles":
    """The columns of a table as a store has them; others are left out."""
    kinds = {column.name: column.kind for column in store.columns if column.part == "feature" or not features_only}
    labels = {column.name for column in store.columns if column.part == "target" and column.kind == "category"}
    file = table_in(paths, reading, store.reading)
    tell_detected(file)
    names = file.names
    ignored = [name for name in names if name not in kinds and name != store.id_column]
    if ignored:
        click.echo(f"Left out, as the store does not use them: {', '.join(ignored)}", err=True)
    if store.textual_target:  # even if those of this file look like numbers
        labels = set()
    given = {name: kinds[name] for name in names if name in kinds and name not in labels}
    ids = store.id_column if store.id_column in names else None
    given |= dict.fromkeys(ignored, "drop")
    return file.read_as(kinds=given, ids=ids, textual_ids=store.textual_ids)


def tell_detected(file: "TableFile | TableFiles") -> None:
    if file.detected:
        click.echo(f"{file.name} is read with this, as it begins: {'; '.join(file.detected)}.", err=True)
