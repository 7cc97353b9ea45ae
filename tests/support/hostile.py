"""Values that a careless or hostile caller may pass: cells, columns, tables, labels and weights."""

import datetime
import decimal
import fractions

import numpy as np
import pandas as pd
import polars as pl
import scipy.sparse as sp

__all__ = ["anything", "column", "scalar", "table"]

SURROGATE, NUL = "\ud800", "a\0"
LAST_YEAR = datetime.date(2025, 1, 1)


class Silent:
    """An object that is nothing but itself."""


class Rude:
    """An object that cannot be shown, hashed or converted."""

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self):
        raise RuntimeError("no repr")


_SCALARS = (
    *(None, float("nan"), float("inf"), -float("inf"), -0.0, 0.0, 1.0, 2, -1, 0.5, 1.5, 3),
    *(5e-324, 2.2250738585072014e-308, 1e308, -1e308, 1.7976931348623157e308, 1e200, 2.0**500, 2.0**53 + 2, 1e19),
    *(10**400, -(10**400), 10**4400, 2**63, 2**63 - 1, -(2**63), 2**64, 2**64 - 1, 2**70, 2**53 + 1, 2**31),
    *(True, False, "", " ", "1", "a", NUL, "\0", SURROGATE, "a" + SURROGATE, "x" * 10_000, "é", "nan", "10**400", "'"),
    *(b"", b"1", b"a\0", bytearray(b"2"), 1j, complex("nan"), decimal.Decimal(1), decimal.Decimal("0.5")),
    *(decimal.Decimal("nan"), decimal.Decimal("snan"), decimal.Decimal("1e400"), fractions.Fraction(1, 3)),
    *(fractions.Fraction(10**400), fractions.Fraction(2), datetime.date(2024, 2, 29), datetime.datetime(2024, 2, 29)),
    *(datetime.timedelta(1), datetime.time(1), LAST_YEAR, pd.NA, pd.NaT, pd.Timestamp("2024-01-01"), pd.Timedelta(1)),
    *(pd.Interval(0, 1), pd.Period("2024"), range(3), slice(1), ..., NotImplemented, int, len, Silent, Silent()),
    *((), [], {}, set(), frozenset({1}), (1,), [1, 2], [[]], [[[1]]], {"a": 1}, {1, 2}, {"a": [1.0]}, [None], ["a"]),
    *(np.float16(1), np.float32(0.1), np.float64(1), np.float64("nan"), np.longdouble(1) / 3, np.longdouble("1e4000")),
    *(np.int8(1), np.uint64(2**63 + 1), np.bool_(True), np.complex128(1), np.str_("a"), np.bytes_(b"a"), np.void(b"a")),
    *(np.datetime64("2024-01-01"), np.datetime64("NaT"), np.timedelta64(1, "s"), np.timedelta64("NaT")),
    *(np.ma.masked, np.array(1.0), np.array("a"), np.array([1.0]), np.zeros((0, 3)), np.zeros((2, 0)), np.ones((1, 1))),
)


def scalar(rng):
    """Any value for one cell; each time a new one, so that nobody else can change it."""
    k = int(rng.integers(len(_SCALARS) + 3))
    if k < len(_SCALARS):
        value, changeable = _SCALARS[k], isinstance(_SCALARS[k], list | dict | set | np.ndarray)
        return value.copy() if changeable and value is not np.ma.masked else value
    if k == len(_SCALARS):
        return Rude()
    if k == len(_SCALARS) + 1:
        return iter([1.0, 2.0])
    nested: list = []
    for _ in range(100):
        nested = [nested]
    return nested


def anything(rng):
    """Any value at all, for an argument that should be something else."""
    if rng.random() < 0.5:
        return scalar(rng)
    kinds = (
        lambda: pd.DataFrame(),
        lambda: pd.DataFrame({"a": []}),
        lambda: pd.Series([], dtype=float),
        lambda: pd.Index([1, 2]),
        lambda: pl.DataFrame(),
        lambda: pl.DataFrame({"a": [1.0, None]}).lazy(),
        lambda: pl.Series("a", [1, 2]),
        lambda: sp.csr_array((2, 3)),
        lambda: sp.coo_array(([1.0], ([1],)), shape=(3,)),
        lambda: np.ma.masked_array([1.0, 2.0, 3.0], [0, 1, 0]),
        lambda: np.rec.array([(1.0, 2)], dtype=[("a", float), ("b", int)]),
        lambda: np.matrix([[1.0, 2.0, 3.0]]),
        lambda: memoryview(b"abc"),
        lambda: np.broadcast_to(1.0, (3, 3)),
        lambda: np.zeros((2, 3, 1)),
        lambda: np.empty(3, object),
        lambda: (row for row in [[1.0, 2.0, 3.0]]),
        lambda: [[1.0, 2.0, 3.0], [1.0]],
        lambda: [[1.0, 2.0, 3.0], 5],
        lambda: [{"a": 1.0}],
        lambda: {"a": [1.0, 2.0], "b": ["x"]},
        lambda: {1: [1.0], None: [2.0]},
        lambda: {"a": 1.0, "b": None, "c": "x"},
        lambda: {"a": {"b": 1}},
        lambda: [[scalar(rng)]],
        lambda: [scalar(rng) for _ in range(3)],
        lambda: dict.fromkeys("abc", scalar(rng)),
    )
    return kinds[rng.integers(len(kinds))]()


def _sparse(rng, x):
    matrix = sp.csr_array(x) if rng.random() < 0.5 else sp.csr_matrix(x)
    return matrix.asformat(rng.choice(["csr", "csc", "coo", "lil", "dok", "bsr", "dia"]))


def _masked(rng, x):
    return np.ma.masked_array(x, rng.random(np.shape(x)) < rng.choice([0.0, 0.2]))


def _read_only(x):
    x = np.array(x)
    x.flags.writeable = False
    return x


def _cast(x, kind):
    """An array cast as numpy can, or as it was."""
    with np.errstate(all="ignore"):
        try:
            return np.asarray(x).astype(kind)
        except (TypeError, ValueError, OverflowError):
            return x


_DTYPES = (
    *("f2", "f4", ">f8", "g", "i1", "u1", "u8", "i8", ">i4", "?", "c16", "O", "U", "S", "M8[s]", "m8[s]", "T", "V8"),
    np.dtypes.StringDType(na_object=None),
)


def _recast(rng, x):
    return _cast(x, _DTYPES[rng.integers(len(_DTYPES))])


def _nullable(rng, frame):
    frame = frame.convert_dtypes() if rng.random() < 0.5 else frame.astype("category")
    if rng.random() < 0.5 and len(frame):
        frame = frame.copy()
        column = rng.integers(frame.shape[1])
        frame[frame.columns[column]] = frame.iloc[:, column].where(rng.random(len(frame)) < 0.8)
    return frame


def _named(rng, frame):
    """A frame under other column names."""
    d = frame.shape[1]
    names = (
        ["a"] * d,
        list(range(d)),
        [SURROGATE + str(j) for j in range(d)],
        ["", *map(str, range(1, d))],
        [1, *map(str, range(1, d))],
        pd.MultiIndex.from_tuples([(j, "x") for j in range(d)]),
        pd.date_range("2024", periods=d),
        list(frame.columns[::-1]),
    )
    return frame.set_axis(names[rng.integers(len(names))], axis=1)


def _made(make, otherwise):
    """What `make` makes, unless pandas, polars or numpy refuse to hold it."""
    try:
        return make()
    except Exception:
        return otherwise


def table(rng, X):
    """Features, an array or a pandas frame: as they are, in another container, with an odd cell, or something else."""
    frame = X if isinstance(X, pd.DataFrame) else pd.DataFrame(X)
    x = np.asarray(X)
    if x.ndim == 1:  # documents
        x = x[:, None]
    n, d = x.shape
    row, column = int(rng.integers(max(n, 1))), int(rng.integers(d))

    def spoilt():
        cells = x.astype(object)
        if n:
            cells[row, column] = scalar(rng)
        return cells

    kinds = (
        lambda: X,
        lambda: spoilt(),
        lambda: spoilt().tolist(),
        lambda: list(spoilt()[row]) if n else [],
        lambda: spoilt()[row] if n else spoilt(),
        lambda: pd.DataFrame(spoilt(), columns=frame.columns),
        lambda: dict(zip(map(str, frame.columns), spoilt().T.tolist(), strict=True)),
        lambda: tuple(map(tuple, spoilt())),
        lambda: spoilt()[row].astype(object) if n else None,
        lambda: _cast(spoilt(), float),
        lambda: _recast(rng, x),
        lambda: _recast(rng, x[row]) if n else None,
        lambda: np.asfortranarray(x),
        lambda: x[::-1, ::-1],
        lambda: _read_only(x),
        lambda: x[:, :, None],
        lambda: x[None],
        lambda: x[:, : d - 1],
        lambda: np.concatenate([x, x], axis=1),
        lambda: x[:0],
        lambda: x.T,
        lambda: x[row] if n else x,
        lambda: x.ravel(),
        lambda: _masked(rng, x),
        lambda: _masked(rng, x[row]) if n else x,
        lambda: _sparse(rng, _cast(np.nan_to_num(_cast(x, float)), float) if x.dtype != object else np.eye(n, d)),
        lambda: _named(rng, frame),
        lambda: _nullable(rng, frame),
        lambda: frame.iloc[row] if n else frame,
        lambda: frame.iloc[:, column],
        lambda: pl.from_pandas(frame.set_axis(list(map(str, frame.columns)), axis=1)),
        lambda: pl.from_pandas(frame.set_axis(list(map(str, frame.columns)), axis=1)).lazy(),
        lambda: iter(x.tolist()),
        lambda: np.matrix(x[:, :]) if x.dtype != object else x,
        lambda: anything(rng),
    )
    return _made(kinds[rng.integers(len(kinds))], X)


def column(rng, y, n=None):
    """Labels, targets or weights: as they are, in another container, with an odd one, or something else."""
    y = np.asarray(y)
    n = len(y) if n is None else n
    row = int(rng.integers(max(n, 1)))

    def spoilt():
        cells = y.astype(object)
        if len(y):
            cells[row % len(y)] = scalar(rng)
        return cells

    kinds = (
        lambda: y,
        lambda: spoilt(),
        lambda: spoilt().tolist(),
        lambda: tuple(spoilt()),
        lambda: pd.Series(spoilt()),
        lambda: pd.Series(spoilt(), dtype="category") if y.ndim == 1 and y.dtype != object else y,
        lambda: pd.Series(y).convert_dtypes() if y.ndim == 1 else pd.DataFrame(y),
        lambda: pd.Series(y).convert_dtypes().where(rng.random(len(y)) < 0.9) if y.ndim == 1 else y,
        lambda: _cast(spoilt(), float),
        lambda: _recast(rng, y),
        lambda: _recast(rng, spoilt()),
        lambda: y[:, None],
        lambda: y[None],
        lambda: np.stack([y, y], axis=-1),
        lambda: y[:-1],
        lambda: np.concatenate([y, y[:1]]),
        lambda: y[:0],
        lambda: y[row % len(y)] if len(y) else y,
        lambda: _masked(rng, y),
        lambda: np.array([(NUL if value else "a") for value in y.ravel()], object),
        lambda: [1, "a"] * (len(y) // 2),
        lambda: pl.Series("y", y.tolist()),
        lambda: _read_only(y)[::-1],
        lambda: sp.csr_array(np.atleast_2d(y)) if y.dtype.kind in "fiub" else y,
        lambda: iter(y.tolist()),
        lambda: set(y.ravel().tolist()),
        lambda: -y if y.dtype.kind in "fi" else y,
        lambda: scalar(rng),
        lambda: anything(rng),
    )
    return _made(kinds[rng.integers(len(kinds))], y)
