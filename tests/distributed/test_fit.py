"""Fits over pieces: the bytes of one process, whatever the pieces, their order, and what makes the calls."""

import copy
import multiprocessing
import os
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest
from sklearn.base import clone

from forks import CAN_FORK, run_forked
from learners import LEARNERS, name_of, over, over_kinds
from records import pool_of, records_of, tame
from sqlearn import verify
from sqlearn.discriminant_analysis import LinearDiscriminantAnalysis
from sqlearn.distributed import fit
from sqlearn.distributed.learning import together
from sqlearn.errors import (
    DegenerateError,
    InvalidValueError,
    MergeError,
    NotLearnedError,
    ParameterError,
    SqlearnError,
    UnsupportedError,
)
from sqlearn.feature_selection import VarianceThreshold
from sqlearn.linear_model import LinearRegression, Ridge
from sqlearn.naive_bayes import CategoricalNB, GaussianNB, MixedNB, MultinomialNB
from sqlearn.neighbors import NearestCentroid
from sqlearn.preprocessing import QuantileTransformer, StandardScaler

SUMS = [learner for learner in LEARNERS if not learner.keeps_records]


def in_pieces(records, rng, n):
    """These records in `n` pieces, some of which may be empty, in any order."""
    cuts = np.sort(rng.integers(0, len(records) + 1, n - 1))
    order = rng.permutation(len(records))
    parts = [records.take(index) for index in np.split(order, cuts)]
    return [(part.X, part.y, part.w) for part in parts]


def alone(learner, records):
    """The model of one process."""
    return clone(learner).partial_fit(**records.given)


@over_kinds(SUMS)
def test_sums_have_the_digest_of_one_process(learner):
    rng = np.random.default_rng(3)
    pool = pool_of(learner, rng, 60)
    model = fit(clone(learner), in_pieces(pool, rng, 7))
    assert model.digest() == alone(learner, pool).digest()
    gone = rng.permutation(60)[:25]
    model.forget(**pool.take(gone).given)
    assert model.digest() == alone(learner, pool.take(np.setdiff1d(np.arange(60), gone))).digest()


@pytest.mark.parametrize("n", [1, 2, 7, 16, 64])
@over([GaussianNB(), Ridge(), MixedNB()])
def test_no_number_of_pieces_shows(learner, n):
    rng = np.random.default_rng(n)
    pool = pool_of(learner, rng, 90)
    model = fit(clone(learner), in_pieces(pool, rng, n))
    assert model.digest() == alone(learner, pool).digest()
    assert bool(verify(model, *pool.given.values()))  # attributes, too


def test_what_makes_the_calls_does_not_show():
    rng = np.random.default_rng(0)
    pool = pool_of(GaussianNB(), rng, 80)
    pieces, digest = in_pieces(pool, rng, 9), alone(GaussianNB(), pool).digest()
    with ThreadPoolExecutor(3) as threads:
        assert fit(GaussianNB(), pieces, client=threads).digest() == digest
    with ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")) as processes:
        model = fit(GaussianNB(), pieces, client=processes)
        assert model.digest() == digest
    model.forget(*pool.row(3).values())  # the index lies in this process, not in the pool
    assert model.digest() == alone(GaussianNB(), pool.take(np.delete(np.arange(80), 3))).digest()
    with pytest.raises(UnsupportedError, match=r"executor was shut down.*Nothing was changed") as caught:
        fit(model, pieces, client=processes)
    assert caught.value.reason == "rows elsewhere"
    assert model.n_records_ == 79
    with pytest.raises(ParameterError, match=r"`client` cannot be 3\..*dask.distributed.Client"):
        fit(GaussianNB(), pieces, client=3)


@pytest.mark.parametrize("value", [0.0, -3.0, 1e12, 1e308, 5e-324])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_constant_features_are_refused_as_in_one_process(metric, value):
    X, y = np.full((5, 2), value), np.array([0, 0, 1, 1, 1])
    cut = [(X[:2], y[:2]), (X[2:], y[2:])]
    model = NearestCentroid(metric)
    with pytest.raises(DegenerateError, match="zero variance") as one:
        clone(model).fit(X, y)
    with pytest.raises(DegenerateError, match="zero variance") as many:
        fit(model, cut)
    assert str(one.value) == str(many.value) and not hasattr(model, "classes_")
    X[4, 1] = np.nextafter(value, 0.0) if value else 1e-300  # whose squares round to 0
    assert fit(model, cut).digest() == NearestCentroid(metric).fit(X, y).digest()


def end_process():
    """Ends the process that it is called in, as the system does when memory ends."""
    import os

    os._exit(9)


def test_a_broken_pool_is_told():
    model = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    digest = model.digest()
    with ProcessPoolExecutor(1, multiprocessing.get_context("forkserver")) as processes:
        with pytest.raises(
            ParameterError, match=r"cannot be sent to them: .*lambda.*Nothing was changed: pass functions"
        ):
            fit(model, [lambda: ([[0.0]], [0])], client=processes)
        with pytest.raises(UnsupportedError, match=r"A process of the executor ended abruptly.*Nothing was changed"):
            fit(model, [end_process], client=processes)
        with pytest.raises(UnsupportedError, match=r"not usable any ?more\. So the rows cannot be reached"):
            fit(model, [end_process], client=processes)
    assert model.digest() == digest


FORK = """
import os, signal
from concurrent.futures import ThreadPoolExecutor
from sqlearn.distributed import fit
from sqlearn.errors import UnsupportedError
from sqlearn.naive_bayes import GaussianNB
pieces = [([[1.0], [2.0]], [0, 1]), ([[1.0], [3.0]], [0, 1])]
threads = ThreadPoolExecutor(1)
models = [fit(GaussianNB(), pieces, client=client) for client in (None, threads)]
child = os.fork()
signal.alarm(500)
for model in models:
    model.forget([[1.0]], [0])
    assert model.digest() == GaussianNB().fit([[1.0], [2.0], [3.0]], [0, 1, 1]).digest()
if not child:
    try:
        models[1].state.sources[0].workers.submit(int)
    except UnsupportedError as error:
        os._exit(0 if "was forked" in str(error) else 1)
    os._exit(2)
print("child", os.waitpid(child, 0)[1])
"""


@pytest.mark.skipif(not CAN_FORK, reason="processes do not fork here")
def test_a_forked_process_has_threads_of_its_own(tmp_path):
    assert run_forked(FORK, tmp_path) == (0, "child 0\n", "")


def test_all_fits_share_threads():
    pieces = [([[1.0], [2.0]], [0, 1]), ([[1.0], [3.0]], [0, 1])]
    models = [fit(GaussianNB(), pieces)]
    n = threading.active_count()
    models += [fit(GaussianNB(), pieces) for _ in range(3 * os.cpu_count())]
    assert threading.active_count() <= max(n, os.cpu_count() + 1)

    def within():
        inner = fit(GaussianNB(), pieces).forget([[3.0]], [1])
        return np.array([[float(inner.n_records_)]]), [1]

    calls = [within] * (2 * os.cpu_count() + 1)  # more than there are threads, each of which fits
    assert fit(GaussianNB(), calls).theta_.tolist() == [[3.0]]


@pytest.mark.parametrize("learner", [GaussianNB(), Ridge(), StandardScaler(), CategoricalNB()], ids=name_of)
def test_random_verbs_on_the_result(learner):
    rng = np.random.default_rng(7)
    pool = pool_of(learner, rng, 40)
    if pool.w is not None:
        pool.w[0] = 1.0
    first = np.append(0, rng.integers(0, 40, 50))  # of which one counts
    model, plain = fit(clone(learner), in_pieces(pool.take(first), rng, 5)), alone(learner, pool.take(first))
    held = list(first)
    for _ in range(60):
        verb = rng.choice(["forget", "forget", "learn", "one", "relabel", "without", "wrong", "merge"])
        some = rng.permutation(len(held))[: rng.integers(1, 4)].tolist()
        chosen = pool.take([held[i] for i in some])
        if verb == "learn":
            more = rng.integers(0, 40, 3)
            for each in (model, plain):
                each.partial_fit(**pool.take(more).given)
            held += more.tolist()
        elif verb == "merge":
            more = np.append(rng.integers(0, 40, 2), 0)
            one, other = alone(learner, pool.take(more)), fit(clone(learner), in_pieces(pool.take(more), rng, 2))
            model = model.merge(one) if rng.random() < 0.5 else other.merge(model)
            plain.merge(alone(learner, pool.take(more)))
            held += more.tolist()
        elif verb == "relabel" and pool.y is not None:
            new = rng.permutation(pool.y)[: len(some)]
            weight = {} if chosen.w is None else {"sample_weight": chosen.w}
            for each in (model, plain):
                each.relabel(chosen.X, chosen.y, new, **weight).relabel(chosen.X, new, chosen.y, **weight)
        elif verb == "without":
            with model.without(**chosen.given), plain.without(**chosen.given):
                assert model.digest() == plain.digest()
        elif verb == "wrong":
            often = pool.take([held[some[0]]] * (held.count(held[some[0]]) + 40))
            with pytest.raises(NotLearnedError) as ours:
                model.forget(**often.given)
            with pytest.raises(NotLearnedError) as theirs:
                plain.forget(**often.given)
            assert str(ours.value) == str(theirs.value)
        elif verb in ("forget", "one"):
            for each in (model, plain):
                each.forget(**chosen.given if verb == "forget" else chosen.row(0))
            gone = some if verb == "forget" else some[:1]
            held = [row for i, row in enumerate(held) if i not in gone]
        assert model.digest() == plain.digest()
        assert model.n_records_ == len(held)
        if len(held) < 8:
            break
    model.forget(**pool.take(held).given)
    assert model.digest() == plain.emptied().digest()


def test_copies_predict_and_do_not_change():
    records = tame(GaussianNB(), 30)
    records.w[:] = 1.0
    model = fit(GaussianNB(), [(records.X[:9], records.y[:9]), (records.X[9:], records.y[9:])])
    digest, plain = model.digest(), alone(GaussianNB(), records)
    for copied in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model), copy.deepcopy(copy.deepcopy(model))):
        assert copied.digest() == digest
        assert (copied.predict(records.X) == plain.predict(records.X)).all()
        for change in (copied.forget, copied.partial_fit, partial(copied.relabel, y_new=records.y[1])):
            given = {"X": records.X[0], ("y_old" if change.__class__ is partial else "y"): records.y[0]}
            with pytest.raises(UnsupportedError, match=r"lie in 2 pieces, .* to .*, and only the model that") as caught:
                change(**given)
            assert caught.value.reason == "rows elsewhere"
        with pytest.raises(MergeError, match="lie in 2 pieces"):
            copied.merge(plain)
        assert copied.digest() == digest
        assert copied.fit(records.X, records.y).forget(records.X[0], records.y[0]).n_records_ == 29
    assert model.forget(records.X[0], records.y[0]).n_records_ == 29


def test_without_a_ledger_nothing_is_asked():
    records = tame(GaussianNB(), 30)
    model = fit(GaussianNB(ledger=False), [(records.X, records.y)])
    assert model.state.ledger is None
    model = pickle.loads(pickle.dumps(model)).forget(records.X[:9], records.y[:9])
    assert model.digest() == GaussianNB(ledger=False).fit(records.X[9:], records.y[9:]).digest()


# ---------------------------------------------------------------------- all or nothing


def test_a_bad_piece_changes_nothing():
    rng = np.random.default_rng(1)
    records = records_of(GaussianNB(), rng, 80)
    pieces = [(part.X, part.y) for part in (records.take(index) for index in np.split(np.arange(80), 8))]
    model = GaussianNB().fit(records.X[:5], records.y[:5])
    digest = model.digest()
    pieces[6][0][3, 1] = np.inf
    with pytest.raises(InvalidValueError, match=r"piece 6, row 3.*Nothing was changed") as caught:
        fit(model, pieces)
    assert (caught.value.row, caught.value.column, caught.value.reason) == (3, 1, "not finite")
    assert model.digest() == digest
    model.forget(records.X[0], records.y[0])


def test_calls_that_do_not_fit():
    X, y = np.arange(6.0).reshape(3, 2), np.array([0, 1, 0])
    with pytest.raises(TypeError, match=r"Nothing was done: write fit\(learner, data, y="):
        fit(GaussianNB(), [(X, y)], "y")
    with pytest.raises(TypeError, match=r"'target'.*write fit\(learner, data, y="):
        fit(GaussianNB(), [(X, y)], target="y")
    with pytest.raises(UnsupportedError, match=r"pass GaussianNB\(\) instead of GaussianNB"):
        fit(GaussianNB, [(X, y)])


def test_ctrl_c_changes_nothing_and_ends_the_work():
    pieces = [(np.full((1, 1), float(n)), np.array([n % 2])) for n in range(400)]
    model = GaussianNB().fit([[0.0], [1.0]], [0, 1])
    digest, seen = model.digest(), []

    def interrupt(n):
        seen.append(n)
        if len(seen) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(model, pieces, progress=interrupt)
    assert (len(seen), model.digest()) == (3, digest)
    assert fit(model, pieces, progress=seen.append).n_records_ == sum(seen[3:]) == 400


def test_text_and_numbers_of_two_pieces():
    models = [GaussianNB().fit([[0.0], [1.0]], labels) for labels in (["a", "b"], [0, 1])]
    with pytest.raises(InvalidValueError, match="Some pieces have text where others have numbers") as caught:
        together(models)
    assert caught.value.reason == "label"


@pytest.mark.parametrize(
    ("learner", "X", "y"),
    [
        (LinearDiscriminantAnalysis(), [[0.0], [1.0]], [0, 1]),
        (LinearDiscriminantAnalysis(n_components=2), [[0.0], [1.0], [2.0]], [1, 0, 1]),
        (GaussianNB(priors=[0.2, 0.3, 0.5]), [[0.0], [1.0]], [0, 1]),
        (MultinomialNB(alpha=[1.0, 2.0]), [[0.0], [1.0]], [0, 1]),
        (CategoricalNB(min_categories=[3, 4]), [[0], [1]], [0, 1]),
        (VarianceThreshold(), [[1.0], [1.0]], None),
        (Ridge(alpha=[1.0, 2.0]), [[1.0], [2.0]], [0.5, 1.5]),
    ],
    ids=repr,
)
def test_what_fit_refuses_is_refused(learner, X, y):
    X, y = np.array(X), None if y is None else np.array(y)
    with pytest.raises(SqlearnError) as alone:
        clone(learner).fit(X, y)
    model = clone(learner)
    with pytest.raises(SqlearnError) as found:
        fit(model, [(X[:1], y if y is None else y[:1]), (X[1:], y if y is None else y[1:])])
    assert (type(found.value), str(found.value)) == (type(alone.value), str(alone.value))
    assert "_state" not in vars(model)


def test_what_fit_warns_of():
    with pytest.warns(UserWarning, match=r"n_quantiles \(9\) is greater than the total number of samples \(3\)"):
        fit(QuantileTransformer(n_quantiles=9), [np.array([[1.0]]), np.array([[2.0], [3.0]])])


def test_weights_of_zero():
    with pytest.raises(InvalidValueError, match="at least one non-zero number"):
        fit(LinearRegression(), [([[1.0]], [1.0], [0.0]), ([[2.0]], [1.0], [0.0])])


def test_only_estimators_of_this_package():
    from sklearn.naive_bayes import GaussianNB as Peer

    with pytest.raises(UnsupportedError, match=r"not sklearn.naive_bayes.GaussianNB\. Nothing was changed"):
        fit(Peer(), [])
    with pytest.raises(ParameterError, match=r"`memory` is a number of bytes, not 1\.5"):
        fit(GaussianNB(), [], memory=1.5)
    with pytest.raises(ParameterError, match="`progress` must be True or a function"):
        fit(GaussianNB(), [], progress="yes")
