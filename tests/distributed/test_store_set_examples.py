"""A set of stores is used as a store is: the examples of all verbs run with a set, too."""

import doctest
import inspect

import pytest

from sqlearn import Store
from sqlearn.distributed import StoreSet
from sqlearn.store import Verbs

VERBS = sorted(name for name, method in inspect.getmembers(Verbs, inspect.isfunction) if not name.startswith("_"))


def test_each_verb_is_that_of_both():
    assert {"learn", "forget", "relabel", "predict", "verify", "rows", "lift", "close"} <= {*VERBS}
    own = {name for name in vars(StoreSet) if not name.startswith("_")}
    assert own == {"create", "open", "rebalance"}
    assert all(getattr(Store, name) is getattr(StoreSet, name) is getattr(Verbs, name) for name in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_its_example_runs_with_a_set(verb):
    text = inspect.getdoc(getattr(Verbs, verb))
    shown = text.replace("from sqlearn import Store", "from sqlearn.distributed import StoreSet as Store")
    assert shown != text
    shown = shown.replace('id="person"', 'id="person", parts=2').replace("<Store ", "<StoreSet ")
    example = doctest.DocTestParser().get_doctest(shown, {}, verb, None, 0)
    found = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example)
    assert found.attempted and not found.failed
