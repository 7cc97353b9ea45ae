"""What transformers that can undo what they do have in common."""

from typing import Any

from sqlearn.engine.model import Transforms


class Inverts(Transforms):
    """Transformers with an inverse."""

    def inverse_transform(self, X: Any) -> Any:
        """Undo the transformation.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_records, n_features_out)
            What ``transform`` returned.

        Returns
        -------
        array or sparse matrix of shape (n_records, n_features)
            The records as they were, as far as the transformation tells.

        Raises
        ------
        NotFittedError
            If nothing was learned yet.
        SqlearnError
            A subclass that describes the problem.
        """
        return self._answer("inverse_transform", X)
