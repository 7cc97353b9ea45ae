"""Error classes: one per kind of failure that a program would handle.

Every error derives from `SqlearnError`, which is a `ValueError`, as scikit-learn's own errors are. Its message states
what happened, which row and column are the first at fault, and what to do; the same facts are attributes, see
`SqlearnError`. An update that raises leaves the model unchanged: its digest is the same as before the call. A model
that was never fitted raises scikit-learn's ``NotFittedError``, which is a `ValueError`, too.

Classes that were merged into others are still imported under their old names, with a `DeprecationWarning`. This will
end with the next release; see ``sqlearn.old_errors``.
"""

from __future__ import annotations

from datetime import date
from numbers import Number
from typing import Any, ClassVar

from sqlearn.messages import listed as listed  # who raises an error often shows values
from sqlearn.messages import shown as shown
from sqlearn.old_errors import MERGED, renamed

__all__ = [
    "BrokenError",
    "BusyError",
    "ConditionError",
    "DegenerateError",
    "DuplicateIdError",
    "FormatError",
    "InvalidValueError",
    "MergeError",
    "NotLearnedError",
    "ParameterError",
    "ShapeError",
    "SqlearnError",
    "StoreBusyError",
    "StoreCorruptError",
    "StoreError",
    "SuppressedIdError",
    "TableError",
    "TooLargeError",
    "UndefinedAttributeError",
    "UnknownIdError",
    "UnknownLabelError",
    "UnsupportedError",
]


class SqlearnError(ValueError):
    """Base class of all errors of this package.

    Parameters
    ----------
    message : str
        What happened, where, and what to do: the text of ``str(error)``.
    row, column, value, reason : int, str, object or None
        See the attributes.

    Attributes
    ----------
    row : int or None
        The first row at fault, counted from 0; None if no row is at fault, or if the row is not known.
    column : str, int or None
        The column at fault, by its name or by its position, counted from 0, as in the message.
    value : object or None
        The value at fault: numbers, text and dates as they were given, anything else as the message shows it, so that
        every error can be pickled.
    reason : str or None
        One of the words in ``reasons`` of the error's class; None for classes without such words.
    line : int or None
        Where the rows come from a file of text: the line of `row`, counted from 1.
    reasons : tuple of str
        The words that ``reason`` may be, an attribute of the class. They do not change within a major version.

    Notes
    -----
    Catch it to handle all errors of sqlearn at once. After an error in an update, the model is unchanged.

    Examples
    --------
    >>> from sqlearn.naive_bayes import GaussianNB
    >>> try:
    ...     GaussianNB().fit([[1.0, 2.0], [3.0, float("nan")]], [0, 1])
    ... except SqlearnError as error:
    ...     print(type(error).__name__, error.reason, error.row, error.column)
    InvalidValueError not finite 1 1
    """

    reasons: ClassVar[tuple[str, ...]] = ()
    line: int | None = None

    def __init__(
        self,
        message: str = "",
        *,
        row: int | None = None,
        column: str | int | None = None,
        value: object = None,
        reason: str | None = None,
    ) -> None:
        super().__init__(message)
        if reason is not None and reason not in self.reasons:
            raise AssertionError(f"{reason!r} is not a reason of {type(self).__name__}: {self.reasons}")
        self.row = None if row is None else int(row)
        self.column = column if column is None or isinstance(column, str) else int(column)
        self.value = value if value is None or isinstance(value, str | bytes | Number | date) else shown(value)
        self.reason = reason


class NotLearnedError(SqlearnError):
    """A row to forget or relabel is not held by the model.

    Raised when a row was never learned, has been forgotten already, was learned with another label or weight, or occurs
    in the batch more often than it was learned. Rows are compared by value, exactly: a difference of one unit in the
    last place makes another row. ``row`` is the first such row; it is None if only the sums show that rows were never
    learned, as they do without a ledger.

    Notes
    -----
    What to do: pass the row as it was learned (before rounding, scaling or conversion to text), with its label and
    its ``sample_weight``; leave out rows that are forgotten. In a scikit-learn ``Pipeline``, the last step learned rows
    as the earlier steps transformed them, and those steps cannot forget: use
    :class:`~sqlearn.compose.TableModel` instead.
    """


class UnknownLabelError(SqlearnError):
    """A label is not among those that are allowed or held.

    Raised when a row to forget or relabel has a label that no row of the model has, or when a label is not among the
    ``classes`` that were given. ``row`` is the first such row, ``value`` its label.

    Notes
    -----
    What to do: compare with ``model.classes_``. New labels may be *learned* at any time.
    """


class InvalidValueError(SqlearnError, TypeError):
    """A feature, label, target or weight has a value that the learner does not take.

    ``row``, ``column`` and ``value`` name the first one. It is a `TypeError` as well, as some such errors of
    scikit-learn are. The reasons:

    - ``"not finite"``: NaN, infinite or masked, where a finite number is needed;
    - ``"not numeric"``: text, a complex number, a date or an object, where a real number is needed;
    - ``"not text"``: a document that is no string;
    - ``"not an integer"``: a category that is not a non-negative integer (CategoricalNB);
    - ``"negative"``: a negative feature, where counts or shares are summed (MultinomialNB, ComplementNB, chi2);
    - ``"out of range"``: a feature beyond 2**500, a target that a loss does not allow, a category beyond those counted;
    - ``"weight"``: a sample weight that is negative or not a number, weights that are all 0 or not supported, or
      weights in the place of ``classes``;
    - ``"label"``: a label that is neither an integer, a boolean nor text, or text beside numbers; in an indicator
      matrix, an entry other than 0 and 1;
    - ``"repeated"``: of recommenders, a pair of user and item that is given twice or held already.

    Notes
    -----
    What to do: impute, convert, encode or drop the value; the message states which of these applies. Every finite
    float64 is accepted and summed exactly. MixedNB and forests take NaN as missing, and categories as they are. To
    change all labels from one type to another, ``relabel`` all rows in one call.
    """

    reasons = ("not finite", "not numeric", "not text", "not an integer", "negative", "out of range", "weight",
               "label", "repeated")  # fmt: skip


class ShapeError(SqlearnError):
    """The input is not a table of the expected shape.

    The reasons:

    - ``"shape"``: `X` is not a two-dimensional table, its rows differ in length, or `X`, `y` and `sample_weight` have
      different numbers of rows;
    - ``"columns"``: other features, feature names or targets than those the model was fitted with;
    - ``"empty"``: a batch without rows;
    - ``"no target"``: ``y`` is missing or None, where a record has a label or a value.

    Notes
    -----
    What to do: pass `X` of shape (n, d), or one row of shape (d,), with ``model.n_features_in_`` columns in the order
    of ``fit``, and n labels or values and n weights. Skip the call when there is nothing to learn or forget.
    """

    reasons = ("shape", "columns", "empty", "no target")


class UnsupportedError(SqlearnError, TypeError):
    """An object is not a model of this package, or its learner does not support an operation.

    It is a `TypeError` as well. The reasons:

    - ``"learner"``: a model that is not a sqlearn estimator;
    - ``"relabel"``: relabelling where records have no labels;
    - ``"sparse"``: sparse rows where only dense ones are supported;
    - ``"rows elsewhere"``: updating a copy of a model whose rows a store or pieces keep; rows that cannot be reached;
    - ``"pilot"``, ``"stages"``: of boosted trees: forgetting a row of the parameter `pilot`; predictions in stages.

    Notes
    -----
    What to do: fit the learner of the same name from this package; call ``toarray`` on sparse rows; change the store.
    """

    reasons = ("learner", "relabel", "sparse", "rows elsewhere", "pilot", "stages")


class DegenerateError(SqlearnError):
    """``fit`` was given rows that scikit-learn's estimator rejects: a single class, a single row, no variance.

    Notes
    -----
    What to do: pass more rows. ``partial_fit`` takes such rows; fitted attributes raise `UndefinedAttributeError` until
    there are more.
    """


class ParameterError(SqlearnError):
    """A parameter has a value for which exact forgetting cannot be guaranteed, or that does not fit the others.

    Raised by ``fit`` for what is not a sum over rows (a median), for what depends on earlier fits (``warm_start``), for
    randomness that cannot be repeated (a ``RandomState`` instance), and for parameters that contradict each other.
    ``value`` is the value at fault, where there is one.

    Notes
    -----
    What to do: choose one of the values that the message names, or scikit-learn's estimator if nothing is forgotten.
    """


class MergeError(SqlearnError):
    """Two models cannot be merged.

    The reasons:

    - ``"itself"``: a model was to be merged with itself;
    - ``"class"``: the models are of different classes;
    - ``"parameters"``: they differ in parameters, keys, features or targets;
    - ``"label"``: one has text as labels or categories, the other numbers;
    - ``"rows elsewhere"``: one is a copy whose rows lie elsewhere; ``"repeated"``: both hold a pair of user and item.

    Notes
    -----
    What to do: fit the parts with clones of one estimator; use ``copy.deepcopy`` if the same rows are meant to count
    twice.
    """

    reasons = ("itself", "class", "parameters", "label", "rows elsewhere", "repeated")


class BrokenError(SqlearnError):
    """An update failed and could not be undone, so the state of the model is inconsistent.

    Every method but ``fit`` raises it from then on. Undoing needs no new arrays and has a reserve of memory, so this
    happens only in a process that has no memory left at all.

    Notes
    -----
    What to do: load the model again, or fit it anew.
    """


class BusyError(SqlearnError):
    """A model was updated or read during another update, or updated inside ``without``.

    Raised inside ``without``, where some rows of the model are set aside; when several threads use one model without a
    lock; and in signal handlers that call the model which they interrupted.

    Notes
    -----
    What to do: leave the ``with model.without(...)`` block first; put a ``threading.Lock`` around all calls of a model
    that threads share, or give each thread a copy.
    """


class TooLargeError(SqlearnError):
    """The state would not fit in memory, or would hold a record more than 2**31 - 1 times.

    Raised before memory is allocated, for instance for the Gram matrix of 100,000 columns; the message states the size.

    Notes
    -----
    What to do: select or hash features first, or use a learner whose state grows linearly with the number of columns.
    If there are too many copies of a record, learn one with a ``sample_weight``, or fit with ``ledger=False``.
    """


class UndefinedAttributeError(SqlearnError, AttributeError):
    """A fitted attribute or prediction is undefined for the records held, or is beyond float64.

    Raised when it is asked for, never by the update that caused it: a model with one class, one row or no row is valid,
    and so is one with a sum beyond 1.8e308. It is an `AttributeError`, too: ``hasattr`` returns False. The reasons:

    - ``"too few records"``: the model holds too few records, classes or distinct values;
    - ``"out of range"``: a value is beyond float64;
    - ``"singular"``: a covariance matrix is singular;
    - ``"priors"``: the parameter ``priors`` does not fit the classes held;
    - ``"too large"``: the attribute would not fit in memory;
    - ``"not updated"``: there is no report of a last update;
    - ``"not encoded"``: the learner takes the table as it is, so that there is no encoded one;
    - ``"not asked"``: the attribute is offered if a parameter asks for it, such as ``oob_score=True``;
    - ``"row order"``, ``"solver"``: it has the order of rows, which a model does not keep, or is of another solver.

    Notes
    -----
    What to do: learn more rows, or forget the row with the extreme value. The attribute is then available again.
    """

    reasons = ("too few records", "out of range", "singular", "priors", "too large", "not updated", "not encoded",
               "not asked", "row order", "solver")  # fmt: skip


class FormatError(SqlearnError):
    """Bytes are not a model of this format: truncated, altered, of another learner or of a later version.

    Notes
    -----
    What to do: load an intact copy, with the version that wrote it or a later one.
    """


class StoreError(SqlearnError):
    """A store cannot do what was asked. The file is unchanged.

    The reasons (subclasses have none but where they list them):

    - ``"missing"``: there is no file at this path;
    - ``"not a store"``: the file is not a store, or its creation was interrupted;
    - ``"exists"``: a store was to be created at a path where a file exists;
    - ``"full"``: the disk is full, or the store has no more places (forgetting needs some space, too: the journal);
    - ``"access"``: the file cannot be read or written: permissions *of the file or of its folder*, a read-only disk, an
      input or output error;
    - ``"version"``: the file has a format that this version does not know;
    - ``"closed"``: the store was closed, or belongs to another thread or process: each needs its own ``Store.open``;
    - ``"unfinished"``: a set of stores was changed in some parts only; its journal has what makes it whole again;
    - ``"argument"``: an argument is of the wrong type or does not fit the others;
    - ``"suppression"``: the list of forgotten ids is not kept by this store, or is another store's;
    - ``"signature"``: the last receipt is signed, and the change was to be made without that key;
    - ``"sqlite"``: the SQLite library failed or lacks a feature.

    Notes
    -----
    What to do: the message states it.
    """

    reasons: ClassVar[tuple[str, ...]] = (
        "missing", "not a store", "exists", "full", "access", "version", "closed", "argument", "suppression",
        "signature", "sqlite", "unfinished",
    )  # fmt: skip


class StoreBusyError(StoreError):
    """Another process or another connection reads or writes the file, and did not finish in time.

    Notes
    -----
    What to do: try again, or open the store with a longer ``timeout``.
    """

    reasons = ()


class StoreCorruptError(StoreError):
    """The file is damaged: truncated, overwritten, or inconsistent.

    Notes
    -----
    What to do: take an intact copy and forget again what was forgotten since; or create the store anew from its source.
    """

    reasons = ()


class UnknownIdError(StoreError):
    """An id names no row of the store, or is given twice. ``value`` is the id.

    Notes
    -----
    What to do: compare with ``store.ids()``. Ids are compared by value and type: the number 7 is not the text "7".
    """

    reasons = ()


class DuplicateIdError(StoreError):
    """A row to learn has the id of another row. ``row`` is the later one, ``value`` the id.

    Notes
    -----
    What to do: give each row an id of its own, or forget the row that has it first.
    """

    reasons = ()


class SuppressedIdError(StoreError):
    """A row to learn has an id that was forgotten, in a store that does not learn such ids again.

    ``row`` is the first such row, ``value`` its id.

    Notes
    -----
    What to do: leave the row out; or, if it may be learned again, take its id off the list with ``Store.lift``.
    """

    reasons = ()


class TableError(StoreError):
    """A table, or a file of one, does not have the columns or values that the store and its learner take.

    The reasons:

    - ``"columns"``: columns are missing, unknown, repeated or of different lengths;
    - ``"value"``: a value does not fit its column; ``row``, ``column`` and ``value`` name it;
    - ``"id"``: an id is missing or of the wrong type; ``row`` and ``value`` name it;
    - ``"target"``: target columns or values do not fit the learner;
    - ``"table"``: the object is not a table;
    - ``"file"``: a file cannot be read (a malformed line, a misfit value, no such file); nothing of it was learned.

    Attributes
    ----------
    line : int or None
        The line of the file, counted from 1; None if the file has no lines or no line is at fault.

    Notes
    -----
    What to do: the message names the column or the line.
    """

    reasons = ("columns", "value", "id", "target", "table", "file")

    def __init__(self, message: str = "", *, line: int | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.line = line


class ConditionError(StoreError):
    """A condition is not an expression over the table's columns, or does more than read them.

    Notes
    -----
    What to do: compare columns with values (``fare = 0 and embarked = 'S'``); text stands in single quotes.
    """

    reasons = ()


def __getattr__(name: str) -> Any:
    if name in MERGED:
        return globals()[renamed(name)]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
