"""Pickles and stores of earlier commits: opened with all they held, or refused with an error that says what to do."""

import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from fixed import cases
from make_frozen import FORGOTTEN, PREDICTED, answers, frozen_cases, stores, table
from refusals import VERSION, raises
from sqlearn import FormatError, NotLearnedError, Store, cli, verify

FROZEN = Path(__file__).resolve().parents[1] / "frozen"
ENTRIES = {
    path.parent / name: entry
    for path in sorted(FROZEN.glob("*/index.json"))
    for name, entry in json.loads(path.read_text("utf-8")).items()
}
PICKLES = [path for path in ENTRIES if path.suffix == ".pickle"]
STORES = [path for path in ENTRIES if path.suffix == ".gz"]


def name(path: Path) -> str:
    return str(path.relative_to(FROZEN))


def now(entry) -> str:
    """The digest of what an old file holds, which is another than then where less is kept of a learner."""
    return entry.get("digest_now", entry["digest"])


def check_answers(found, kept):
    """Labels are the same; numbers agree to rounding, as BLAS differs from machine to machine."""
    found, kept = np.asarray(found), np.asarray(kept)
    assert found.shape == kept.shape and found.dtype.kind == kept.dtype.kind
    if found.dtype.kind == "f":
        np.testing.assert_allclose(found, kept, rtol=1e-9, atol=1e-12)
    else:
        np.testing.assert_array_equal(found, kept)


def check_refusal(entry, read):
    with raises(FormatError, VERSION) as refused:
        read()
    assert len(entry["refused"].split()) >= 3, "words of the message that say what to do"
    assert entry["refused"] in str(refused.value)


def test_every_file_is_in_an_index():
    files = {path for path in FROZEN.glob("*/*") if path.name != "index.json" and path.parent.name != "__pycache__"}
    assert files == set(ENTRIES)
    assert len(PICKLES) >= 30 and len(STORES) >= 4


@pytest.mark.parametrize("path", PICKLES, ids=name)
def test_pickles(path):
    entry, case = ENTRIES[path], (cases() | frozen_cases())[path.stem]
    if "refused" in entry:
        check_refusal(entry, lambda: pickle.loads(path.read_bytes()))
        return
    model, start = pickle.loads(path.read_bytes()), case.n_forgotten
    check_answers(answers(model, case.given(start, start + PREDICTED)["X"]), entry["predictions"])
    if "digest" not in entry:  # it learned nothing from records
        assert not hasattr(model, "forget")
        return
    assert model.digest() == now(entry)
    assert model.n_records_ == entry["n_records"]
    assert verify(model, **case.given(start))
    assert verify(model.forget(**case.given(start, start + 1)), **case.given(start + 1))
    if case.learner.get_params().get("ledger", True):
        digest = model.digest()
        with pytest.raises(NotLearnedError):
            model.forget(**case.given(start, start + 1))
        assert model.digest() == digest
    assert model.partial_fit(**case.given(start, start + 1)).digest() == now(entry)


@pytest.mark.parametrize("path", STORES, ids=name)
def test_stores(path, tmp_path, capsys):
    entry, case = ENTRIES[path], stores()[path.name.partition(".")[0]][1]
    file = tmp_path / "old.sqlearn"
    file.write_bytes(gzip.decompress(path.read_bytes()))
    if "refused" in entry:
        check_refusal(entry, lambda: Store.open(file))
        content, kept = file.read_bytes(), file
        file = tmp_path / "new.sqlearn"
        assert cli.main(["upgrade", str(kept), "--out", str(file), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["equal"] and told["rows"] == entry["n_records"] and told["not_taken_over"] == ["2 receipts"]
        assert kept.read_bytes() == content
    rows = table(case)
    first = {column: values[FORGOTTEN : FORGOTTEN + PREDICTED] for column, values in rows.items()}
    with Store.open(file) as store:
        assert store.digest() == now(entry)
        assert sorted(store.ids()) == sorted(rows["id"][FORGOTTEN:])
        assert len(store) == entry["n_records"]
        check_answers(store.predict(first), entry["predictions"])
        assert store.verify()
        gone = rows["id"][FORGOTTEN]
        assert store.forget(ids=[gone]).count == 1
        assert store.verify()
        assert gone not in store.ids()
        assert store.erasure_report(values=[gone] if isinstance(gone, str) else [])
        store.learn({column: values[FORGOTTEN : FORGOTTEN + 1] for column, values in rows.items()})
        assert store.digest() == now(entry)
    with Store.open(file) as store:
        assert store.digest() == now(entry)


@pytest.mark.parametrize("path", STORES[:2], ids=name)
def test_damaged_stores_of_format_1(path, tmp_path, capsys):
    """What is cut or overwritten is refused, or the new store says that its state is not that of the old one."""
    whole, random = gzip.decompress(path.read_bytes()), np.random.default_rng(0)
    old, new = tmp_path / "old", tmp_path / "new"
    for turn in range(40):
        at = int(random.integers(len(whole)))
        old.write_bytes(whole[:at] if turn % 4 == 0 else whole[:at] + random.bytes(40) + whole[at + 40 :])
        code = cli.main(["upgrade", str(old), "--out", str(new), "--json"])
        shown = capsys.readouterr()
        assert code == 1 or (code == 0 and "equal" in json.loads(shown.out))
        if code == 1:
            assert shown.err.startswith("Error: ") and not new.exists()
        new.unlink(missing_ok=True)
    old.write_bytes(whole)
    old.with_name("old-journal").write_bytes(b"pages")
    assert cli.main(["upgrade", str(old), "--out", str(new)]) == 1
    assert "open it once with the version of sqlearn that wrote it" in capsys.readouterr().err
    assert cli.main(["upgrade", __file__, "--out", str(new)]) == 1 and not new.exists()
    assert "is not a store of format 1" in capsys.readouterr().err
