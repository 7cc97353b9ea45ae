"""Records for every learner: what it takes by its tags, and hard values among them."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from sklearn.utils.validation import has_fit_parameter

import naive
from sqlearn.engine.model.adaptive import Adaptive
from sqlearn.tree import TakesCategories

WIDTH = 3
WEIGHTS = [1.0, 1.0, 1.0, 0.5, 3.0, 0.1, 1e-300, 1e10, 0.0]


def reals(rng, n, level):
    return naive.hard_rows(rng, n, WIDTH, level)


def counts(rng, n, level):
    return np.abs(naive.hard_rows(rng, n, WIDTH, level))


def codes(rng, n, level):
    return rng.integers(0, 3 + 2 * level, (n, WIDTH)).astype(float)


def mixed(rng, n, level):
    numbers = naive.hard_rows(rng, n, 2, level)
    numbers[rng.random((n, 2)) < 0.1] = np.nan
    port = rng.choice(["S", "C", "Q", "", "?"][: 3 + level], n).astype(object)
    port[rng.random(n) < 0.1] = None
    frame = pd.DataFrame({"age": numbers[:, 0], "port": pd.array(port, "str"), "fare": numbers[:, 1]})
    return frame


WORDS = ["free", "prize", "lunch", "cash", "you", "me", "now", "call", "it", "naïve", "naive", "the", "to"]
HARD_WORDS = [
    "\0\0a",
    "\ud800\udfffx",
    "\udcff\udcff",
    "ÅNGSTRÖM",
    "ǅungla",
    "x" * 3000,
    "日本語",
    "a\u0300b",
    '"q"',
    "\\n\\",
]


def texts(rng, n, level):
    """Documents, some of them empty, alike, or of the same words; of level 1 and 2 with letters of all kinds."""
    pool = [*WORDS, *(f"once{rng.integers(1000)}" for _ in range(4)), *(HARD_WORDS if level else [])]
    documents = [" ".join(rng.choice(pool, rng.integers(0, 9))) for _ in range(n)]
    documents = [text if rng.random() < 0.9 else text.replace(" ", "  ").upper() for text in documents]
    if level == 2:
        documents[0] = "long " * 5000
    found = np.empty(n, object)
    found[:] = documents
    return found


def bounded(rng, n, level):
    return np.clip(reals(rng, n, level), -1e150, 1e150)  # beyond 2**500 rounds and neighbours refuse them


# learners whose features are not any reals (or any non-negative ones, which their tags tell)
FEATURES = {
    "CategoricalNB": codes, "MixedNB": mixed, "OneHotEncoder": mixed, "TableModel": mixed, "TextModel": texts,
    "KernelMean": bounded,
}  # fmt: skip


def inner_of(learner):
    """The learner that is inside, or the last step."""
    return learner.steps[-1][1] if hasattr(learner, "steps") else getattr(learner, "learner", learner)


def kind_of(learner) -> str:
    """The name of its class; of a pipeline, that of a model which takes the same rows."""
    if not _has_parts(learner):
        return type(learner).__name__
    tags = learner.__sklearn_tags__().input_tags
    return "TableModel" if tags.categorical else "TextModel" if tags.one_d_array else "Pipeline"


def _has_parts(learner) -> bool:
    return any(hasattr(learner, name) for name in ("steps", "transformers", "transformer_list"))


def takes_weights(learner) -> bool:
    """Whether a learner, or the one inside, learns records of any weight."""
    if _has_parts(learner):
        return learner.takes_weights
    return has_fit_parameter(getattr(learner, "learner", learner), "sample_weight")


@dataclass
class Records:
    """Features, and labels or targets and weights where a learner takes them."""

    X: np.ndarray | pd.DataFrame
    y: np.ndarray | None
    w: np.ndarray | None

    def __len__(self):
        return len(self.X)

    @property
    def given(self) -> dict:
        """The arguments of fit, partial_fit, forget, without and verify."""
        given = {"X": self.X, "y": self.y, "sample_weight": self.w}
        return {name: value for name, value in given.items() if value is not None}

    @property
    def width(self) -> int:
        """Number of features; documents are one."""
        return self.X.shape[1] if self.X.ndim == 2 else 1

    def take(self, index) -> "Records":
        index = np.asarray(index, np.int64)
        X = self.X.iloc[index] if isinstance(self.X, pd.DataFrame) else self.X[index]
        return Records(X, None if self.y is None else self.y[index], None if self.w is None else self.w[index])

    def row(self, i) -> dict:
        """The same arguments for one record on its own, 1-D, and without its weight if that is 1."""
        X = self.X.iloc[i] if isinstance(self.X, pd.DataFrame) else self.X[i]
        given = {"X": X} if self.y is None else {"X": X, "y": self.y[i]}
        return given if self.w is None or self.w[i] == 1.0 else given | {"sample_weight": self.w[i]}

    def relabelled(self, rng) -> "Records":
        """The same records under others' labels."""
        return replace(self, y=self.y[rng.permutation(len(self))])


def joined(parts) -> Records:
    """All of these records."""
    frames = isinstance(parts[0].X, pd.DataFrame)
    X = (
        pd.concat([part.X for part in parts], ignore_index=True)
        if frames
        else np.concatenate([part.X for part in parts])
    )
    y, w = (
        None if parts[0].__dict__[name] is None else np.concatenate([getattr(part, name) for part in parts])
        for name in "yw"
    )
    return Records(X, y, w)


def records_of(learner, rng, n, level=0, weighted=None) -> Records:
    """`n` records for a learner.

    Parameters
    ----------
    level : int
        As for :func:`naive.hard_rows`.
    weighted : bool or None
        Whether weights differ from 1; None: where the learner takes weights.
    """
    tags = learner.__sklearn_tags__()
    adaptive = isinstance(inner_of(learner), Adaptive)
    default = counts if tags.input_tags.positive_only else bounded if learner.keeps_records else reals
    X = FEATURES.get(kind_of(learner), default)(rng, n, level)
    if adaptive and isinstance(X, pd.DataFrame):
        numbers = X.select_dtypes("number").columns
        X[numbers] = X[numbers].clip(-1e150, 1e150)
    y = None
    if learner._target == "label":
        y = rng.permutation(np.arange(n) % 3) * 2 - 1
        if type(learner).__name__ == "Multilabel":
            y = (rng.random((n, 3)) < [0.5, 0.1, 0.8]).astype(int)
    elif learner._target == "value":
        y = naive.hard_rows(rng, n, 1, level)[:, 0]
        if adaptive:  # of Poisson's kind
            least = 1e-150 if type(inner_of(learner)).__name__ == "GammaRegressor" else 0.0
            y = np.clip(np.abs(y), least, 1e150)
        elif isinstance(learner, TakesCategories):  # which refuse products of weights and targets beyond float64
            y = np.clip(y, -1e300, 1e300)
    w = None
    if takes_weights(learner) and weighted is not False:
        w = rng.choice([*WEIGHTS, 1e300] if level else WEIGHTS, n)
        if adaptive:  # rounds stay in float64
            w = np.minimum(w, 1e10)
        elif isinstance(learner, TakesCategories):
            w = np.minimum(w, 1e7)
    return Records(X, y, w)


def tame(learner, n=24, seed=0, **kwargs):
    """Records that every learner can fit."""
    return records_of(learner, np.random.default_rng(seed), n, **kwargs)


def pool_of(learner, rng, n) -> Records:
    """A pool of `n` records: most tame, some hard, some equal, some that cancel, and a class of one row."""
    tame = records_of(learner, rng, n // 2 + 1)
    hard = [records_of(learner, rng, n // 5 + 1, 1), records_of(learner, rng, n // 8 + 1, 2)]
    parts = [tame, *hard, tame.take(rng.integers(0, len(tame), n // 6 + 1))]
    if not learner.__sklearn_tags__().input_tags.positive_only and kind_of(learner) not in FEATURES:
        parts += [replace(part, X=-part.X) for part in hard]  # they cancel; -0.0 among them
    pool = joined(parts)
    pool = pool.take(rng.permutation(len(pool))[:n])
    if learner._target == "label" and pool.y.ndim == 1:
        pool.y[rng.integers(len(pool))] = 99
    return pool
