"""The store of a command, and ids as it has them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlearn.store import Store


@contextmanager
def opened(file: str, *, recommends: bool = False) -> Iterator[Any]:
    """The store in a file, or the set of stores in a folder; only a store can be one that `recommends`."""
    if recommends and Path(file).is_dir():
        raise click.ClickException(f"{file} is a folder, and no set of stores is one of a recommender. Name its store.")
    with opener(file).open(file, signing_key=signing_key()) as store:
        yield store


def opener(file: str) -> Any:
    """What opens a file, or a folder."""
    if Path(file).is_dir():
        from sqlearn.distributed import StoreSet

        return StoreSet
    from sqlearn.store import Store

    return Store


def signing_key() -> bytes | None:
    """What ``sqlearn --signing-key`` was given."""
    return click.get_current_context().find_root().obj


def ids_in(store: "Store", path: str, encoding: str | None) -> list[Any]:
    from sqlearn.table_files import Source, known_encoding

    encoding = known_encoding(encoding or store.reading.get("encoding") or "utf-8")
    source = Source(path)
    with source.errors(), source.raw() as raw:
        content = source.unpacked(raw).read()
    try:
        lines = content.decode("utf-8-sig" if encoding == "utf-8" else encoding).split("\n")
    except UnicodeError as error:
        what = f"The file of ids is not {encoding.upper()}: {error}. Pass its encoding with --encoding."
        raise click.BadParameter(what, param_hint="--ids") from error
    ids = [line.strip() for line in lines if line.strip()]
    if not ids:
        raise click.BadParameter("The file of ids is empty: it names no row.", param_hint="--ids")
    return ids_of(store, ids, "--ids")


def named_rows(
    store: "Store",
    where: str | None,
    ids: str | None,
    encoding: str | None,
    users: Sequence[str] = (),
    items: Sequence[str] = (),
) -> dict[str, Any]:
    """What names rows, as the store's methods take it."""
    recommends = any(column.role == "user" for column in store.columns)
    if [where is None, ids is None, not users, not items].count(False) != 1:
        either = "one of --where, --ids, --user or --item" if recommends else "either --where or --ids"
        raise click.UsageError(f"Name the rows: pass {either}.")
    if users or items:
        role, labels = ("user", users) if users else ("item", items)
        if not recommends and store.path.is_dir():
            raise click.UsageError(f"{store.path} is not the store of a recommender, so that it has no {role}s.")
        return {f"{role}s": labels_of(store, role, labels)}
    return {"where": where} if ids is None else {"ids": ids_in(store, ids, encoding)}


def as_predicted(store: "Store", values: Any) -> list[Any]:
    """What a model predicts, or has learned as targets, as `Store.predict` gives it."""
    booleans = any(column.part == "target" and column.labels == (False, True) for column in store.columns)
    return (values.astype(bool) if booleans else values).tolist()


def labels_of(store: "Store", role: str, texts: Sequence[str]) -> list[Any]:
    """Users or items (`role`: "user" or "item") as the store has them."""
    return [store.label_of(role, text) for text in texts]


def ids_of(store: "Store", texts: Sequence[str], hint: str) -> list[Any]:
    """Ids as the store has them."""
    if store.textual_ids:
        return list(texts)
    for number, text in enumerate(texts, 1):
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdecimal() and len(digits) < 100):
            what = f"{text[:100]!r} (id {number}) is not a whole number of 64 bits, as this store's ids are."
            raise click.BadParameter(what, param_hint=hint)
    return [int(text) for text in texts]
