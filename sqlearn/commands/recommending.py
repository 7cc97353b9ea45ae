"""The commands ``sqlearn recommend`` and ``similar-items``, for stores of recommenders."""

import csv
import json
import sys
from typing import Any

import click

from sqlearn.commands.options import FILE, JSON
from sqlearn.commands.stores import labels_of, opened
from sqlearn.commands.usage import command

_NUMBER = click.option(
    "-n", "--number", "n", metavar="N", type=click.IntRange(1), default=10, show_default=True, help="How many items."
)


@command("FILE --user LABEL")
@FILE
@click.option("--user", metavar="LABEL", required=True, help="For whom.")
@_NUMBER
@click.option("--all", "liked", is_flag=True, help="Also items that the user has already.")
@JSON
def recommend(file: str, user: str, n: int, liked: bool, as_json: bool) -> None:
    """Print the items with the best scores for a user, as CSV.

    FILE is the store of a recommender: of EASE or ItemKNN.
    """
    with opened(file, recommends=True) as store:
        (label,) = labels_of(store, "user", [user])
        found = store.recommend(label, n, filter_already_liked_items=not liked)
        _tell(store, as_json, {"user": label}, "score", *found)


@command("FILE --item LABEL")
@FILE
@click.option("--item", metavar="LABEL", required=True, help="To which item.")
@_NUMBER
@JSON
def similar_items(file: str, item: str, n: int, as_json: bool) -> None:
    """Print the items that are most similar to an item, as CSV.

    FILE is the store of a recommender: of EASE or ItemKNN.
    """
    with opened(file, recommends=True) as store:
        (label,) = labels_of(store, "item", [item])
        _tell(store, as_json, {"item": label}, "similarity", *store.similar_items(label, n))


def _tell(store, as_json: bool, asked: dict[str, Any], name: str, items, scores) -> None:
    pairs = list(zip(items.tolist(), scores.tolist(), strict=True))
    if as_json:
        found = [{"item": item, name: score} for item, score in pairs]
        click.echo(json.dumps(asked | {"items": found}, ensure_ascii=False))
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([next(column.name for column in store.columns if column.role == "item"), name])
    writer.writerows(pairs)
