"""What can go wrong, one class a kind.

Every error derives from `SqlearnError`, which is a `ValueError` as scikit-learn's own refusals are. A message says what
happened, which row was the first offending one, and what to do. Whatever is raised by an update, the model is the model
from before the call: its digest has not changed. A model that was never fitted raises scikit-learn's
``NotFittedError``, a `ValueError` too.
"""

__all__ = [
    "BusyError",
    "EmptyBatchError",
    "FormatError",
    "MergeError",
    "NegativeValueError",
    "NonFiniteError",
    "NotIntegerError",
    "NotLearnedError",
    "NotNumericError",
    "OutOfRangeError",
    "ParameterError",
    "ReadOutError",
    "SqlearnError",
    "TooLargeError",
    "UnknownLabelError",
    "WeightError",
    "WidthError",
]


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
    its ``sample_weight``; leave out rows that are gone.
    """


class UnknownLabelError(SqlearnError):
    """A label is none of those that are allowed or held.

    Raised when a row to forget or relabel carries a label that no row of the model has, or when a label is missing from
    the ``classes`` that were given.

    Notes
    -----
    What to do: compare with ``model.classes_``. New labels may be *learned* at any time.
    """


class WidthError(SqlearnError):
    """A row has another number of features than the model.

    Notes
    -----
    What to do: pass rows with ``model.n_features_in_`` columns, in the order of ``fit``; one row may be given as 1-D.
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


class NotNumericError(SqlearnError):
    """A value is a string where a number is needed.

    Notes
    -----
    What to do: convert the column to numbers, or encode it; MixedNB takes categories as they are, in the columns that
    `categorical_features` names.
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
    """A parameter has a value for which exact forgetting cannot be guaranteed.

    Raised by ``fit`` for what is no sum over rows (a median), for what remembers earlier fits (``warm_start``), and for
    randomness that cannot be repeated (a ``RandomState`` instance).

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


class BusyError(SqlearnError):
    """An update was tried inside ``without``, where the model is lent out in another state.

    Notes
    -----
    What to do: leave the ``with model.without(...)`` block first, or update a copy of the model.
    """


class TooLargeError(SqlearnError):
    """The state would not fit in memory.

    Raised before memory is taken, for instance for the Gram matrix of 100,000 columns; the message names the size.

    Notes
    -----
    What to do: select or hash features first, or use a learner whose state grows with the number of columns and not
    with its square.
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
    """A sample weight is negative, or weight times feature is beyond the range of float64.

    Notes
    -----
    What to do: give weights of at least 0; to take a row away again, ``forget`` it with the weight it was learned with.
    """


class FormatError(SqlearnError):
    """Bytes that are no model of this format: torn, altered, of another learner or of a later version.

    Notes
    -----
    What to do: load an intact copy, with the version that wrote it or a later one.
    """
