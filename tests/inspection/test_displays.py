"""Displays: what is computed for them, what they draw, and what they say without matplotlib."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression as Peer

from refusals import COLUMNS, SHAPE, raises
from sqlearn import NotLearnedError, ParameterError, UnsupportedError
from sqlearn.inspection import (
    CoefficientPathDisplay,
    ForgetTimeDisplay,
    InfluenceDisplay,
    RemovalCurveDisplay,
    influence,
    removal_curve,
)
from sqlearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sqlearn.preprocessing import StandardScaler

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).round(2)
T = X @ [1.0, -2.0, 0.5] + RNG.normal(size=40)
ASKED, TARGETS = RNG.normal(size=(9, 3)), RNG.normal(size=9)
GROUPS = np.array(["a", "b", "c", "d"])[RNG.integers(0, 4, 40)]


@pytest.fixture
def plt():
    """pyplot, which draws into memory, and forgets its figures."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    yield plt
    plt.close("all")


def drawn(display, plt):
    """What holds for every display: it has its axes and figure, and can be drawn again, elsewhere."""
    assert display.figure_ is display.ax_.figure
    display.figure_.canvas.draw()
    other = plt.subplots()[1]
    assert display.plot(ax=other) is display and display.ax_ is other


def test_removal_curves(plt):
    model = Ridge().fit(X, T)
    before = model.digest()
    display = RemovalCurveDisplay.from_estimator(model, X, T, ASKED, TARGETS, steps=[0, 4, 9], n_random=2, color="red")
    curve = removal_curve(model, X, T, ASKED, TARGETS, steps=[0, 4, 9])
    assert display.line_.get_ydata().tolist() == curve.score.tolist() and display.line_.get_color() == "red"
    assert display.line_.get_xdata().tolist() == [0, 4, 9]
    for line, random in zip(display.random_lines_, display.random, strict=True):
        assert sorted(random.order.tolist()) == list(range(40)) and line.get_ydata().tolist() == random.score.tolist()
    assert len(display.random) == 2 and model.digest() == before
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["random order", "worst first"]
    drawn(display, plt)
    again = RemovalCurveDisplay.from_estimator(model, X, T, ASKED, TARGETS, steps=[0, 4, 9], n_random=2)
    assert again.random[1].order.tolist() == display.random[1].order.tolist()
    ax = plt.subplots()[1]
    assert RemovalCurveDisplay.from_curve(curve, score_name="R²", ax=ax).ax_ is ax
    assert ax.get_ylabel() == "R²" and ax.get_legend() is None
    for n_random in (-1, 1.5, "all"):
        with pytest.raises(ParameterError, match="n_random"):
            RemovalCurveDisplay.from_estimator(model, X, T, ASKED, TARGETS, n_random=n_random)


def test_influences_of_rows(plt):
    model = Ridge().fit(X, T)
    display = InfluenceDisplay.from_estimator(model, X, T, ASKED, TARGETS, n_named=2)
    found = influence(model, X, T, ASKED, TARGETS)
    assert display.influence.tolist() == found.mean(axis=0).tolist()
    ends = [segment[1] for segment in display.bars_.get_segments()]
    assert np.array(ends).tolist() == np.c_[np.arange(40), found.mean(axis=0)].tolist()
    order = np.argsort(found.mean(axis=0))
    assert sorted(int(text.get_text()) for text in display.ax_.texts) == sorted([*order[:2], *order[-2:]])
    drawn(display, plt)
    alone = InfluenceDisplay.from_influence(found[0, :3], n_named=9)
    assert len(alone.ax_.texts) == 3


def test_influences_of_groups(plt):
    model = Ridge().fit(X, T)
    display = InfluenceDisplay.from_estimator(model, X, T, ASKED, TARGETS, groups=GROUPS, mode="prediction", height=0.5)
    found = influence(model, X, T, ASKED, TARGETS, groups=GROUPS, mode="prediction").mean(axis=0)
    assert sorted(bar.get_width() for bar in display.bars_) == sorted(found.tolist())
    names = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert names == np.array(list("abcd"))[np.argsort(found)].tolist()
    assert "prediction" in display.ax_.get_xlabel()
    drawn(display, plt)
    for given in (np.zeros((2, 3)), np.zeros(3), np.zeros((2, 4, 2))):
        with raises(SHAPE):
            InfluenceDisplay.from_influence(given, groups=list("abcd"))


def test_what_is_drawn_and_named_is_checked(plt):
    model = Ridge().fit(X, T)
    for mode in ("los", None, ["loss"]):
        with pytest.raises(ParameterError, match="mode"):
            InfluenceDisplay.from_influence(np.zeros(3), mode=mode)
        with pytest.raises(ParameterError, match="mode"):
            InfluenceDisplay(influence=np.zeros(3), mode=mode).plot()
    for n_named in (-1, 1.5, "all", None, True):
        with pytest.raises(ParameterError, match="n_named"):
            InfluenceDisplay.from_influence(np.zeros(3), n_named=n_named)
        with pytest.raises(ParameterError, match="n_named"):  # before anything is computed
            InfluenceDisplay.from_estimator(model, X + 1, T, ASKED, TARGETS, n_named=n_named)
        with pytest.raises(ParameterError, match="n_named"):
            CoefficientPathDisplay.from_estimator(model, X, T, groups=GROUPS, n_named=n_named)
    assert not plt.get_fignums()
    assert not InfluenceDisplay.from_influence(np.zeros(3), n_named=0).ax_.texts


def test_coefficient_paths(plt):
    frame = pd.DataFrame(X, columns=["age", "size", "fare"])
    model = Ridge().fit(frame, T)
    before = model.digest()
    display = CoefficientPathDisplay.from_estimator(model, frame, T, groups=GROUPS, n_named=2)
    assert display.groups == ["a", "b", "c"] and model.digest() == before
    for k, step in enumerate(display.coef):
        kept = ~np.isin(GROUPS, display.groups[:k])
        assert step.tobytes() == Ridge().fit(frame[kept], T[kept]).coef_.tobytes()
    assert [line.get_ydata().tolist() for line in display.lines_] == display.coef.T.tolist()
    named = {text.get_text() for text in display.ax_.get_legend().get_texts()}
    assert named < {"age", "size", "fare"} and len(named) == 2
    drawn(display, plt)
    whole = CoefficientPathDisplay.from_estimator(model, frame, T, groups=GROUPS, order=["d", "a", "c", "b"])
    assert np.isnan(whole.coef[-1]).all() and not np.isnan(whole.coef[:-1]).any()  # without all rows
    drawn(whole, plt)
    y = np.arange(40) % 3
    classes = CoefficientPathDisplay.from_estimator(LogisticRegression().fit(X, y), X, y, groups=GROUPS, output=2)
    assert classes.coef[0].tobytes() == LogisticRegression().fit(X, y).coef_[2].tobytes()


def test_refusals_of_coefficient_paths(plt):
    model = Ridge().fit(X, T)
    for order in (["a", "e"], ["a", "a"]):
        with pytest.raises(ParameterError, match="order"):
            CoefficientPathDisplay.from_estimator(model, X, T, groups=GROUPS, order=order)
    for output in (-1, 1, 0.5):
        with pytest.raises(ParameterError, match="output"):
            CoefficientPathDisplay.from_estimator(model, X, T, groups=GROUPS, output=output)
    with raises(SHAPE, match="groups"):
        CoefficientPathDisplay.from_estimator(model, X, T, groups=GROUPS[1:])
    with pytest.raises(ParameterError, match="coef_"):
        CoefficientPathDisplay.from_estimator(StandardScaler().fit(X), X, None, groups=GROUPS)
    with pytest.raises(NotLearnedError):
        CoefficientPathDisplay.from_estimator(model, X + 1, T, groups=GROUPS)
    with raises(COLUMNS, match="name"):
        CoefficientPathDisplay.from_estimator(model, X, T, groups=GROUPS, feature_names=["a"])
    assert not plt.get_fignums()


def test_times(plt):
    told = []
    display = ForgetTimeDisplay.from_estimator(
        LinearRegression(), X, T, sizes=[20, 40], peer=Peer(), n_repeats=2, progress=told.append
    )
    assert display.sizes.tolist() == told == [20, 40] and (display.forget > 0).all() and (display.refit > 0).all()
    assert [line.get_label() for line in display.lines_] == ["refit", "forget a row"]
    assert display.ax_.get_title() == "LinearRegression" and display.ax_.get_xscale() == "log"
    drawn(display, plt)
    assert ForgetTimeDisplay.from_estimator(LinearRegression(), X, T).sizes.tolist() == [6, 9, 15, 24, 40]
    assert ForgetTimeDisplay.from_estimator(StandardScaler(), X, sizes=[9], n_repeats=1).sizes.tolist() == [9]
    for options in ({"sizes": [3]}, {"sizes": [41]}, {"sizes": []}, {"sizes": [9.5]}, {"n_repeats": 0}):
        with pytest.raises(ParameterError, match=next(iter(options))):
            ForgetTimeDisplay.from_estimator(LinearRegression(), X, T, **options)
    with pytest.raises(UnsupportedError):
        ForgetTimeDisplay.from_estimator(Peer(), X, T)


@pytest.mark.parametrize(
    "display",
    [
        RemovalCurveDisplay(removed=np.arange(2), score=np.zeros(2)),
        InfluenceDisplay(influence=np.zeros(3)),
        CoefficientPathDisplay(coef=np.zeros((2, 2)), groups=["a"]),
        ForgetTimeDisplay(sizes=np.arange(1, 3), forget=np.ones(2), refit=np.ones(2)),
    ],
    ids=lambda display: type(display).__name__,
)
def test_matplotlib_is_asked_for_when_it_draws(display, monkeypatch):
    more = {"groups": None} if hasattr(display, "coef") else {}
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=rf"{type(display).__name__}\.plot requires matplotlib. You can install"):
        display.plot()
    with pytest.raises(ImportError, match="from_estimator requires matplotlib"):  # before anything is computed
        display.from_estimator(*[None] * (3 if hasattr(display, "coef") or hasattr(display, "sizes") else 5), **more)
