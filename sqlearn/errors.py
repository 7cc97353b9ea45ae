"""What can go wrong, one class per kind.

Every error derives from `SqlearnError`, which is a `ValueError` as scikit-learn's own refusals are. A message says what
happened, which row was the first offending one, and what to do. Whatever is raised by an update, the model is the model
from before the call: its digest has not changed. A model that was never fitted raises scikit-learn's
``NotFittedError``, a `ValueError` too.
"""

__all__ = [
    "BrokenError",
    "BusyError",
    "ConditionError",
    "DegenerateError",
    "DuplicateIdError",
    "EmptyBatchError",
    "FormatError",
    "LabelError",
    "LearnerError",
    "MergeError",
    "MissingTargetError",
    "NegativeValueError",
    "NonFiniteError",
    "NotAStoreError",
    "NotIntegerError",
    "NotLearnedError",
    "NotNumericError",
    "OutOfRangeError",
    "ParameterError",
    "ReadOutError",
    "ShapeError",
    "SqlearnError",
    "StoreAccessError",
    "StoreBusyError",
    "StoreClosedError",
    "StoreCorruptError",
    "StoreError",
    "StoreExistsError",
    "StoreFullError",
    "StoreVersionError",
    "SuppressedIdError",
    "TableError",
    "TableFileError",
    "TooLargeError",
    "UnknownIdError",
    "UnknownLabelError",
    "WeightError",
    "WidthError",
]

_MOST = 120  # characters of a value that a message shows


def shown(value) -> str:
    """A value as a message shows it: one printable line of its repr, cut short; never an error of its own."""
    if isinstance(value, int) and value.bit_length() > 10_000:  # more digits than Python writes
        return f"a whole number of {value.bit_length():,} bits"
    try:
        plain = next((kind for kind in (str, bytes, float) if isinstance(value, kind)), None)  # not np.float64(0.5)
        text = plain.__repr__(value) if plain else " ".join(repr(value).split())
    except Exception:  # a repr is code of the caller's; the message is about the value and not about its repr
        text = f"an object of type {type(value).__name__}, which cannot be shown"
    if len(text) > _MOST:
        text = f"{text[: _MOST - 40]}...{text[-20:]} ({len(text):,} characters)"
    return text.encode("utf-8", "backslashreplace").decode()


class SqlearnError(ValueError):
    """Base class of all errors of this package.

    Notes
    -----
    Catch it to tell sqlearn's refusals from other `ValueError`; the model is unchanged when it comes from an update.
    """


class NotLearnedError(SqlearnError):
    """A row to forget or relabel is not held by the model.

    Raised when a row was never learned, has been forgotten already, was learned with another label or weight, or stands
    in the batch more often than it was learned. Rows are compared by value, exactly: one unit in the last place makes
    another row.

    Notes
    -----
    What to do: pass the row as it was learned (before rounding, scaling or a trip through text), with its label and
    its ``sample_weight``; leave out rows that are gone. The learner at the end of a scikit-learn ``Pipeline`` was
    taught rows as the steps before it made them, and those steps cannot forget: use
    :class:`~sqlearn.compose.TableModel` instead.
    """


class UnknownLabelError(SqlearnError):
    """A label is none of those that are allowed or held.

    Raised when a row to forget or relabel carries a label that no row of the model has, or when a label is missing from
    the ``classes`` that were given.

    Notes
    -----
    What to do: compare with ``model.classes_``. New labels may be *learned* at any time.
    """


class LabelError(SqlearnError, TypeError):
    """A label is of a kind that a classifier cannot hold.

    Raised for what is neither a number nor a string, for numbers with a fraction, for strings beside numbers, and for
    an indicator matrix with other entries than 0 and 1. It is a `TypeError` as well, as such refusals of scikit-learn
    are.

    Notes
    -----
    What to do: pass integers, booleans or strings, all of one kind; use a regressor for numbers with a fraction. To
    turn all labels from one kind to another, ``relabel`` all rows in one call.
    """


class MissingTargetError(SqlearnError):
    """``y`` was left out, or None, where a record carries a label or a value.

    Notes
    -----
    What to do: pass one label or value a row; ``forget`` needs those that were learned.
    """


class ShapeError(SqlearnError):
    """Input is not a table of rows, or `X`, `y` and `sample_weight` have different numbers of rows.

    Notes
    -----
    What to do: pass `X` of shape (n, d), or one row of shape (d,), with n labels or values and n weights. Rows of
    unequal length are not a table.
    """


class LearnerError(SqlearnError, TypeError):
    """An object is not a model of this package, or its learner has no such operation.

    Raised by ``verify`` for other packages' models, and for what makes no sense for a kind of learner: relabelling
    where there are no labels, sparse rows where only dense ones are taken. It is a `TypeError` as well.

    Notes
    -----
    What to do: fit the learner of the same name from this package; call ``toarray`` on sparse rows.
    """


class DegenerateError(SqlearnError):
    """``fit`` was given rows of which scikit-learn's makes no model: a single class, a single row, no variance.

    Notes
    -----
    What to do: pass more rows. ``partial_fit`` takes such rows, and read-outs say `ReadOutError` until there are more.
    """


class WidthError(SqlearnError):
    """A row has other columns than the model: another number of features or of targets, or other feature names.

    Notes
    -----
    What to do: pass rows with ``model.n_features_in_`` columns, in the order of ``fit``, and as many targets as were
    learned; one row may be given as 1-D.
    """


class NonFiniteError(SqlearnError):
    """A value is NaN or infinite where a finite number is needed.

    Every finite float64 is accepted and summed exactly; what is not finite has no exact sum.

    Notes
    -----
    What to do: impute or drop the value. MixedNB takes NaN as missing and does not count it.
    """


class NegativeValueError(SqlearnError):
    """A feature is negative where a learner sums counts or shares (MultinomialNB, ComplementNB, chi2).

    Notes
    -----
    What to do: drop such rows, or use a learner that takes any number, as GaussianNB and f_classif do.
    """


class NotNumericError(SqlearnError, TypeError):
    """A value is a string, a complex number or an object where a real number is needed.

    It is a `TypeError` as well, as some such refusals of scikit-learn are.

    Notes
    -----
    What to do: convert the column to numbers, or encode it; MixedNB takes categories as they are, in the columns that
    `categorical_features` names. A dict is not a row: pass its values, in the order of the columns.
    """


class EmptyBatchError(SqlearnError):
    """A batch holds no row at all.

    Notes
    -----
    What to do: leave the call out when there is nothing to learn or forget; the usual cause is a filter that matched no
    row.
    """


class NotIntegerError(SqlearnError):
    """A category is not a non-negative integer, where a learner counts categories by their codes (CategoricalNB).

    Notes
    -----
    What to do: encode the column first, for instance with scikit-learn's ``OrdinalEncoder``; or use MixedNB, which
    takes categories as they are.
    """


class OutOfRangeError(SqlearnError):
    """A value or a target lies where this learner cannot take it.

    Raised for features beyond 2**500 in learners that ask their records in rounds, and for targets that a loss does
    not allow (negative counts).

    Notes
    -----
    What to do: scale such a feature down, or take the row out; the message names it.
    """


class ParameterError(SqlearnError):
    """A parameter has a value for which exact forgetting cannot be guaranteed, or that does not fit the others.

    Raised by ``fit`` for what is not a sum over rows (a median), for what remembers earlier fits (``warm_start``), for
    randomness that cannot be repeated (a ``RandomState`` instance), and for what does not go together.

    Notes
    -----
    What to do: choose one of the values that the message names; or scikit-learn's estimator, if nothing is forgotten.
    """


class MergeError(SqlearnError):
    """Two models cannot be merged.

    Raised when they are of different classes, parameters, keys, widths or feature names, or when a model is
    merged with itself.

    Notes
    -----
    What to do: fit the shards with clones of one estimator; use ``copy.deepcopy`` if the same rows are really
    meant to count twice.
    """


class BrokenError(SqlearnError):
    """An update failed, and undoing it failed too, so the model is neither what it was nor what it should be.

    Every call but ``fit`` says so from then on. Undoing asks for no arrays, and has a reserve for all else, so this
    needs a process whose memory is used up to the last small object.

    Notes
    -----
    What to do: read the model from its source again, or fit it anew.
    """


class BusyError(SqlearnError):
    """An update was tried where another is under way, or the model was asked while one was.

    Raised inside ``without``, where the model is lent out in another state; when several threads use one model without
    taking turns; and by signal handlers that call the model which they interrupted.

    Notes
    -----
    What to do: leave the ``with model.without(...)`` block first; put a ``threading.Lock`` around all calls of a model
    that threads share, or give each thread a copy.
    """


class TooLargeError(SqlearnError):
    """The state would not fit in memory, or would hold a record more often than a ledger counts.

    Raised before memory is taken, for instance for the Gram matrix of 100,000 columns; the message names the size. Also
    raised for copy 2,147,483,648 of one record.

    Notes
    -----
    What to do: select or hash features first, or use a learner whose state grows with the number of columns and not
    with its square. Where there are too many copies, learn one row with a ``sample_weight``
    instead, or fit with ``ledger=False``.
    """


class ReadOutError(SqlearnError, AttributeError):
    """A fitted attribute or prediction that the rows held cannot give, or that float64 cannot hold.

    Raised when it is asked for, never by the update that led there: a model left with one class, one row or none, or
    with a sum beyond 1.8e308, is a legal state. It is an `AttributeError` as well, so that ``hasattr`` answers False.

    Notes
    -----
    What to do: learn more rows, or forget the row that took a value out of range; the read-out is then there again.
    """


class WeightError(SqlearnError):
    """A sample weight is negative, or is not a number; or weights were passed in the place of ``classes``.

    Notes
    -----
    What to do: give weights of at least 0; to take a row away again, ``forget`` it with the weight it was learned with.
    """


class FormatError(SqlearnError):
    """Bytes that are not a model of this format: torn, altered, of another learner or of a later version.

    Notes
    -----
    What to do: load an intact copy, with the version that wrote it or a later one.
    """


class StoreError(SqlearnError):
    """A store cannot do what was asked. The kinds of trouble are subclasses; the file is as it was before.

    Notes
    -----
    What to do: the message says it.
    """


class NotAStoreError(StoreError):
    """A file is missing, is not a store, or is one whose making was interrupted.

    Notes
    -----
    What to do: check the path; make a store with ``Store.create``. What an interrupted one left behind may be deleted.
    """


class StoreExistsError(StoreError):
    """A store was to be created where a file is already.

    Notes
    -----
    What to do: choose another path, or delete the file first if it is not needed.
    """


class StoreBusyError(StoreError):
    """Another process or another connection reads or writes the file, and did not finish in time.

    Notes
    -----
    What to do: try again, or open the store with a longer ``timeout``.
    """


class StoreFullError(StoreError):
    """The disk is full.

    Notes
    -----
    What to do: make room on the disk and try again. Forgetting takes room for a moment too: the journal.
    """


class StoreAccessError(StoreError):
    """The file cannot be read or written: permissions, a read-only disk, an input or output error.

    Notes
    -----
    What to do: check the permissions of the file *and of its folder*, where the journal is written.
    """


class StoreCorruptError(StoreError):
    """The file is damaged: cut short, overwritten, or its contents do not fit together.

    Notes
    -----
    What to do: take an intact copy and forget again what was forgotten since; or make the store anew from its source.
    """


class StoreVersionError(StoreError):
    """The file was written in a format that this version does not read.

    Notes
    -----
    What to do: update sqlearn if the format is newer. If it is older, make the store anew from the table that it was
    made of, without the rows that were forgotten since: there is no conversion.
    """


class StoreClosedError(StoreError):
    """The store was closed, or belongs to another thread or process.

    Notes
    -----
    What to do: open the file again with ``Store.open``; each thread and process needs a store of its own.
    """


class UnknownIdError(StoreError):
    """An id names no row of the store, or is given twice.

    Notes
    -----
    What to do: compare with ``store.ids()``; ids are compared by value and kind: the number 7 is not the text "7".
    """


class DuplicateIdError(StoreError):
    """A row to learn has the id of another row.

    Notes
    -----
    What to do: give each row an id of its own, or forget the row that has it first.
    """


class SuppressedIdError(StoreError):
    """A row to learn has an id that was forgotten, in a store that refuses to learn such ids again.

    Notes
    -----
    What to do: leave the row out; or, if it may be learned again, take its id off the list with ``Store.lift``.
    """


class TableError(StoreError):
    """A table does not have the columns, or the kinds of values, that the store or its learner takes.

    Notes
    -----
    What to do: the message names the column.
    """


class TableFileError(StoreError):
    """A file of a table cannot be read: a malformed line, a value that does not fit its column, no such file.

    Notes
    -----
    What to do: the message names the line. Nothing of the file has been learned.
    """


class ConditionError(StoreError):
    """A condition is not an expression over the table's columns, or asks for more than reading them.

    Notes
    -----
    What to do: compare columns with values (``fare = 0 and embarked = 'S'``); text stands in single quotes.
    """
