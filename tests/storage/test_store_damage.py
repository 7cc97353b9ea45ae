"""Random damages of stores are noticed or harmless (``make damage`` tries 10,000 of them)."""

import warnings

import numpy as np
import pytest

from damages import CASES, Case, attack
from sqlearn import Store
from sqlearn.errors import StoreCorruptError


def test_no_damage_is_silent_and_none_a_raw_error(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        outcomes, faults = attack(160, 1, tmp_path)
    assert not faults
    assert outcomes["noticed"] > 100 and outcomes["harmless"] > 2


def test_a_damage_that_is_not_looked_for_is_silent(tmp_path, monkeypatch):
    """So that the test above says something: without checksums many are."""
    monkeypatch.setattr("sqlearn.storage.file.slots.first_bad", lambda *given: -1)
    monkeypatch.setattr("sqlearn.storage.upkeep.audit.Audit.finish", lambda audit: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, faults = attack(150, 2, tmp_path, ["people"])
    assert len(faults) > 2


@pytest.mark.parametrize("name", CASES)
def test_pages_of_another_time_are_noticed(name, tmp_path):
    """A write that was lost leaves a page that is whole by itself, but not beside the others."""
    case = Case(name, tmp_path)
    with Store.open(case.path, signing_key=case.key) as store:
        store.forget(ids=store.ids()[:9])
    after = case.path.read_bytes()
    changed = [at for at in range(0, len(after), 4096) if after[at : at + 4096] != case.whole[at : at + 4096]]
    assert len(changed) > 4
    for at in changed[1:]:  # the first page's counters of changes mean nothing
        case.path.write_bytes(after[:at] + case.whole[at : at + 4096] + after[at + 4096 :])
        with pytest.raises(StoreCorruptError), Store.open(case.path) as store:
            if not store.verify():
                raise StoreCorruptError("noticed by the refit")


def test_a_damage_is_found_again_by_its_number(tmp_path):
    """The files are the same each time, with their receipts' hours."""
    for folder in ("first", "again"):
        (tmp_path / folder).mkdir()
    for name in CASES:
        first, again = (Case(name, tmp_path / folder) for folder in ("first", "again"))
        assert first.whole == again.whole
        assert len({case.damaged(np.random.default_rng([0, 1])) for case in (first, again)}) == 1
