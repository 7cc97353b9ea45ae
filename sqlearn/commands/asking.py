"""The commands ``sqlearn predict``, ``verify``, ``report``, ``info`` and ``receipts``, which change nothing."""

import csv
import json
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import click

from sqlearn.commands.options import FILE, JSON, READING, TABLE
from sqlearn.commands.output import new_file
from sqlearn.commands.printing import fields, progress, salts, tell
from sqlearn.commands.stores import opened, signing_key
from sqlearn.commands.tables import table_of
from sqlearn.commands.usage import command


@command("FILE TABLE")
@FILE
@TABLE
@click.option("--out", metavar="FILE", type=click.Path(), help="A new file to write; standard output by default.")
@READING
@JSON
def predict(file: str, table: str, out: str | None, as_json: bool, **reading: Any) -> None:
    """Predict the target of each row of a table, and print CSV.

    FILE is the store; TABLE is a CSV, TSV or Parquet file, or '-' for standard input. If TABLE has the column of ids,
    so has the result. If the store has several targets, each has a column of its name. Of a recommender's store the
    result is the score of each pair of user and item, and empty where there is none; covariances give the squared
    Mahalanobis distance of each row.
    """
    with opened(file) as store, new_file(out) as output:
        rows = table_of(store, [table], reading, features_only=True)
        name = "prediction"
        targets = [column.name for column in store.columns if column.part == "target"]
        several = targets if len(targets) > 1 else []
        writer = None
        found: list[dict[Any, Any]] = []
        with progress("Predicting") as report:
            for block in rows.blocks(report):
                ids = block.pop(store.id_column or "", None) if rows.has_ids else None
                predictions = store.predict(block).tolist()
                if writer is None and not as_json:  # nothing is written before it is known that the columns fit
                    writer = csv.writer(output, lineterminator="\n")
                    writer.writerow([*([store.id_column] if rows.has_ids else []), *(several or [name])])
                for i, value in enumerate(predictions):
                    if writer is not None:
                        values = value if several else ["" if value != value else value]
                        writer.writerow([*([] if ids is None else [ids[i]]), *values])
                    else:
                        told = dict(zip(several, value, strict=True)) if several else None if value != value else value
                        found.append({name: told} if ids is None else {"id": ids[i], name: told})
        if as_json:
            click.echo(json.dumps({"predictions": found}, ensure_ascii=False), file=output)


@command("FILE")
@FILE
@JSON
def verify(file: str, as_json: bool) -> None:
    """Check a store for damage, and compare its model with a refit.

    FILE is the store. The model must equal a refit on the rows in the file, byte for byte; if it does not, the exit
    code is 1.
    """
    with opened(file) as store:
        with progress("Verifying", len(store)) as report:
            found = store.verify(progress=report)
        told = {"equal": bool(found), "rows": found.n_records, "digest": found.digest, "difference": found.difference}
        tell(as_json, told, [str(found)])
    if not found:
        raise click.exceptions.Exit(1)


@command("FILE --value VALUE", "FILE --table TABLE")
@FILE
@click.option("--value", "values", metavar="VALUE", multiple=True, help="A value to look for; may be repeated.")
@click.option(
    "--table",
    metavar="TABLE",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="A table of rows whose values, ids too, are looked for.",
)
@READING
@JSON
def report(file: str, values: tuple[str, ...], table: str | None, as_json: bool, **reading: Any) -> None:
    """Search a store's file for values that should be gone.

    FILE is the store. A value is looked for as text and, if it is one, as a number, in every form that it could have in
    the file. If there is a trace of a value that no row holds, the exit code is 1.
    """
    wanted: list[Any] = [*values]
    for value in values:
        with suppress(ValueError):
            wanted.append(float(value))
    with opened(file) as store:
        rows = None if table is None else iter(table_of(store, [table], reading))
        found = store.erasure_report(wanted, rows)
    told = {
        "clean": bool(found),
        "searched": found.searched,
        "findings": [asdict(finding) for finding in found.findings],
        "held": [asdict(finding) for finding in found.held],
        "residue": found.residue,
    }
    tell(as_json, told, [str(found)])
    if not found:
        raise click.exceptions.Exit(1)


@command("FILE")
@FILE
@JSON
def info(file: str, as_json: bool) -> None:
    """Show model, columns, number of rows, and last receipt; of a set of stores also its parts, with their rows."""
    with opened(file) as store:
        receipts = store.receipts()
        columns = {column.name: {"role": column.role, "kind": column.kind} for column in store.columns}
        reading = store.reading
        told = {
            "model": store.model_name,
            "parameters": {name: repr(value) for name, value in store.parameters.items()},
            "rows": len(store),
            "id": store.id_column,
            "columns": columns,
            "reading": reading,
            "digest": store.digest(),
            "receipts": len(receipts),
            "last": fields(receipts[-1], salt=False),
        }
        width = max(map(len, columns), default=0)
        lines = [f"{store.model_name} on {len(store):,} rows"]
        if hasattr(store, "part_lengths"):  # of a set of stores
            rows_of = store.part_lengths()
            told["parts"] = {str(number): n for number, n in rows_of.items()}
            lines.append(f"Parts: {len(rows_of)}, of {min(rows_of.values()):,} to {max(rows_of.values()):,} rows")
        lines.append("Columns:")
        lines += [f"  {name:{width}s}  {column['role']:8s}{column['kind']}" for name, column in columns.items()]
        lines += [f"Ids: {store.id_column or 'running numbers'}", f"Digest: {told['digest']}"]
        lines += [f"Receipts: {len(receipts)}; the last: {receipts[-1]}"]
        tell(as_json, told, lines)


@command("FILE")
@FILE
@click.option(
    "--check", is_flag=True, help="Check that no receipt was altered, removed or moved; exit code 1 if one was."
)
@click.option("--salt", is_flag=True, help="Show the salt of the last receipt, which an auditor needs.")
@JSON
def receipts(file: str, check: bool, salt: bool, as_json: bool) -> None:
    """List the receipts of all changes of a store, and check them."""
    with opened(file) as store:
        found = store.receipts()
        checked = store.check_receipts(signing_key=signing_key()) if check else None
    told: dict[Any, Any] = {"receipts": [fields(receipt, salt=salt) | {"digest": receipt.digest} for receipt in found]}
    lines = [str(receipt) for receipt in found]
    if salt:
        of_set = hasattr(found[-1], "parts")  # where any part's last receipt has one
        told_salts = "; ".join(filter(None, map(salts, found))) if of_set else salts(found[-1])
        lines.append(f"The salt of the last: {told_salts}")
    if checked is not None:
        told |= {"whole": bool(checked), "fault": checked.fault}
        lines.append(str(checked))
    tell(as_json, told, lines)
    if checked is not None and not checked:
        raise click.exceptions.Exit(1)
