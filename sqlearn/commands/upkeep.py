"""The commands ``sqlearn compact``, ``rebalance``, ``suppressed``, ``lift``, ``replay``, ``upgrade``."""

from pathlib import Path

import click

from sqlearn.commands.options import FILE, JSON
from sqlearn.commands.output import new_file
from sqlearn.commands.printing import fields, progress, tell, tell_receipt
from sqlearn.commands.stores import ids_of, labels_of, opened, opener, signing_key
from sqlearn.commands.usage import command


@command("FILE")
@FILE
@JSON
def compact(file: str, as_json: bool) -> None:
    """Shrink a store by the disk space of its forgotten rows."""
    with opened(file) as store:
        freed = store.compact()
    files = sorted(Path(file).iterdir()) if Path(file).is_dir() else [Path(file)]
    size = sum(one.stat().st_size for one in files)
    told = [f"{file} has shrunk by {freed / 1e6:,.1f} MB to {size / 1e6:,.1f} MB."]
    tell(as_json, {"freed": freed, "size": size}, told)


@command("FILE --parts N")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, file_okay=False))
@click.option("--parts", metavar="N", type=click.IntRange(1, 999), required=True, help="Into how many stores.")
@JSON
def rebalance(file: str, parts: int, as_json: bool) -> None:
    """Divide a set of stores into another number of stores.

    FILE is the folder of the set. All rows are written anew, beside the old files, which are then deleted.
    """
    with opened(file) as store:
        rows = len(store)
        with progress("Moving", rows) as report:
            store.rebalance(parts, progress=report)
    tell(as_json, {"rows": rows, "parts": parts}, [f"The {rows:,} rows of {file} are in {parts} stores."])


@command("FILE --out LIST")
@FILE
@click.option("--out", metavar="LIST", required=True, type=click.Path(), help="The file to make.")
@JSON
def suppressed(file: str, out: str, as_json: bool) -> None:
    """Write the list of forgotten ids, as keyed hashes, to a file.

    FILE is the store; `sqlearn replay` forgets the ids on LIST in a restored backup of it.
    """
    with opened(file) as store:
        found = store.suppressed()
    with new_file(out) as output:
        output.write(found.as_text())
    if out != "-":
        tell(as_json, {"ids": len(found), "file": out}, [f"The hashes of {len(found):,} ids are in {out}."])


@command("FILE NEWER")
@FILE
@click.argument("newer", metavar="NEWER", type=click.Path(exists=True))
@JSON
def replay(file: str, newer: str, as_json: bool) -> None:
    """Forget in a restored backup what was forgotten since.

    FILE is the backup; NEWER is a newer copy of the store, or the list that `sqlearn suppressed` made of one.
    """
    from sqlearn.errors import StoreError
    from sqlearn.store import Suppressed

    try:
        with opener(newer).open(newer) as store:
            found = store.suppressed()
    except StoreError as error:
        if error.reason not in ("missing", "not a store") or Path(newer).is_dir():
            raise
        found = Suppressed.load(newer)
    with opened(file) as store:
        tell_receipt(as_json, store, store.replay(found))


@command("FILE IDS...")
@FILE
@click.argument("ids", nargs=-1, required=True)
@JSON
def lift(file: str, ids: tuple[str, ...], as_json: bool) -> None:
    """Allow forgotten ids, or in a recommender's store users, to be learned again."""
    with opened(file) as store:
        recommends = any(column.role == "user" for column in store.columns)
        receipt = store.lift(labels_of(store, "user", ids) if recommends else ids_of(store, ids, "IDS"))
        assert receipt is not None  # there are ids
        told = {"lifted": len(ids)} | fields(receipt) | {"digest": receipt.digest}
        noun = ("user" if recommends else "id") + "s" * (len(ids) > 1)
        tell_receipt(as_json, store, receipt, told, [f"{len(ids):,} {noun} may be learned again."])


@command("OLD --out NEW")
@click.argument("old", metavar="OLD", type=click.Path(exists=True, dir_okay=False))
@click.option("--out", metavar="NEW", required=True, type=click.Path(), help="The store to make.")
@JSON
def upgrade(old: str, out: str, as_json: bool) -> None:
    """Make a store of today's format from one of format 1.

    OLD is the store of an earlier version, and is left as it is. NEW has its rows, its ids, its learner and the
    learner's parameters. Receipts are not taken over, and running numbers begin at 0 again.
    """
    from sqlearn.storage.upkeep import OldStore
    from sqlearn.store import Store

    before = OldStore(old)
    with progress("Learning") as report:

        def frames():
            done = 0
            for frame in before.frames():
                yield frame
                done += len(next(iter(frame.values())))
                report(done, before.count)

        made = Store.create(
            out,
            before.learner,
            frames(),
            target=before.named("target") or None,
            id=before.id,
            weight=next(iter(before.named("weight")), None),
            categorical=before.named("feature", "category"),
            signing_key=signing_key(),
        )
    with made as store:
        receipt, equal = store.receipts()[-1], before.had(store.model.canonical_parts())
        state = "equals that of the old one" if equal else "differs from that of the old one: compare the two"
        missing = [f"{before.receipts} receipts", *(["the running numbers of rows"] if before.id is None else [])]
        lines = [
            f"{store.model_name} learned {len(store):,} rows of {old}; they are kept in {out}. Its state {state}.",
            f"Not taken over: {' and '.join(missing)}.",
            f"When you have checked {out}, delete {old} and its backups: they keep what is forgotten from now on.",
        ]
        told = {"file": out, "rows": len(store), "equal": equal, "not_taken_over": missing, "receipt": fields(receipt)}
        tell_receipt(as_json, store, receipt, told, lines)
