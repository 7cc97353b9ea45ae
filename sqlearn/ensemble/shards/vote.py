"""What answers for an ensemble: its members' votes, of scikit-learn's kind."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if

from sqlearn.errors import UndefinedAttributeError, shown


class Vote(BaseEstimator):
    """Members that vote.

    Attributes
    ----------
    estimators_ : list of estimators
        The members.
    names_ : list
        The names of their shards.
    weights_ : float64[n_members]
        Weights of their votes, positive.
    """

    estimators_: list[Any]
    names_: list[Any]
    weights_: np.ndarray

    def _votes(self, method: str, X: Any, combined: Callable[[Any, np.ndarray], np.ndarray]) -> np.ndarray:
        """The weighted mean of what `combined` makes of each member and of its answer.

        It is divided at the end: shares of whole weights that are equal are equal then. Rounding does not take it out
        of the range of the members' answers: what all of them say is what is returned.
        """
        # by a power of two, which is exact: the weights add up to less than 1, so that no sum overflows
        scale = -int(np.frexp(self.weights_.max())[1]) - len(self.weights_).bit_length()
        weights = np.ldexp(self.weights_, scale).tolist()
        total: Any = 0.0
        low: Any = np.inf
        high: Any = -np.inf
        for name, weight, member in zip(self.names_, weights, self.estimators_, strict=True):
            try:
                found = combined(member, np.asarray(getattr(member, method)(X)))
            except Exception as error:  # an estimator is anybody's code
                raise _unanswered(name, member, method, error) from error
            total, low, high = total + weight * found, np.minimum(low, found), np.maximum(high, found)
        mean: np.ndarray = np.clip(total / sum(weights), low, high)
        return mean


def _unanswered(name: Any, member: Any, method: str, error: Exception) -> UndefinedAttributeError:
    return UndefinedAttributeError(
        f"The member of the shard {shown(name)}, {type(member).__name__}, cannot answer {method}: {error} A member "
        "knows only the records of its shard: where it meets categories that these do not have, an encoder needs "
        "handle_unknown='ignore', or the shard more records.",
        reason="too few records",
    )


def is_soft(vote: Any) -> bool:
    """Whether a vote has probabilities, for ``available_if``."""
    if vote.voting == "soft":
        return True
    raise AttributeError(f"predict_proba is not available when voting={vote.voting!r}")


class ClassifierVote(ClassifierMixin, Vote):
    """A vote on labels.

    Parameters
    ----------
    voting : {"soft", "hard"}, default="soft"
        Whether probabilities are averaged, or labels counted.

    Attributes
    ----------
    classes_ : array[n_classes]
        All labels, sorted.
    """

    classes_: np.ndarray

    def __init__(self, voting: str = "soft") -> None:
        self.voting = voting

    def predict(self, X: Any) -> np.ndarray:
        """Return the label with the greatest share of the votes, the first one of equal shares.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        ndarray of shape (n_records,)
            Labels.
        """
        shares = self._probabilities(X) if self.voting == "soft" else self._votes("predict", X, self._counted)
        found: np.ndarray = self.classes_[shares.argmax(axis=1)]
        return found

    @available_if(is_soft)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the means of the members' probabilities.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records, n_classes)
            Probabilities; a member gives none to labels that its shard does not have.
        """
        return self._probabilities(X)

    def _probabilities(self, X: Any) -> np.ndarray:
        return self._votes("predict_proba", X, self._spread)

    def _spread(self, member: Any, found: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(found), len(self.classes_)))
        whole[:, self._places(member.classes_)] = found
        return whole

    def _counted(self, member: Any, found: np.ndarray) -> np.ndarray:
        whole = np.zeros((len(found), len(self.classes_)))
        labels, codes = np.unique(found, return_inverse=True)
        whole[np.arange(len(found)), self._places(labels)[codes]] = 1.0
        return whole

    def _places(self, labels: np.ndarray) -> np.ndarray:
        places = {label: place for place, label in enumerate(self.classes_.tolist())}
        return np.array([places[label] for label in np.asarray(labels).tolist()], np.int64)


class RegressorVote(RegressorMixin, Vote):
    """The mean of predictions."""

    def predict(self, X: Any) -> np.ndarray:
        """Return the mean of the members' predictions.

        Parameters
        ----------
        X : array-like or frame of shape (n_records, n_features)
            Records.

        Returns
        -------
        float64 ndarray of shape (n_records,)
            Predictions.
        """
        return self._votes("predict", X, lambda member, found: found.reshape(len(found)).astype(np.float64))
