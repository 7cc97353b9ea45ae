"""A map of one row alone, as a model in force keeps it: the same image of a row in every batch and position.

A map that goes through BLAS, or pads its rows to one length, gives a row other bits in a batch than alone. What a row
is mapped to *alone* is its image. A sample of rows tells whether batches give the same; where they do not, rows are
mapped one by one.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import scipy.sparse as sp
from sklearn.frozen import FrozenEstimator
from sklearn.kernel_approximation import RBFSampler

from sqlearn.engine.identity import HashKey, digest_dense, digest_sparse
from sqlearn.engine.maps.fourier import map_fourier, scale_of
from sqlearn.engine.maps.preparation import prepared
from sqlearn.engine.maps.walk import walked
from sqlearn.errors import FormatError, ParameterError, ShapeError, shown

NAME_WORDS = 8  # of a record: four for the row, four for its image
_HALF = NAME_WORDS // 2
_DENSE = 1024  # images of more columns are hashed by their non-zeros
_AT_ONCE = 1024  # rows
_SAMPLE = 12
_BATCHES = (2, 3, 7, 12, 33)
_KEY = HashKey(b"sqlearn: rows in front of a fixed map")

Rows = Any  # float64[n, d], a CSR array, a list of n texts, or object[n, c]
Image = Any  # float64[n, D] or a CSR array


class FixedMap:
    """A fixed map, which does not change, and is a parameter in force.

    Attributes
    ----------
    transform : object
        What maps rows.
    kind : {"numbers", "sparse", "text", "table"}
        What a row is.
    width : int
        Number of its columns.
    names : tuple of str or None
        Names of them.
    fingerprint : str or None
        What names the map, if the user does.
    by_row : bool
        Whether rows are mapped one by one.
    own : bool
        Whether this package evaluates it, with bits that no batch changes.
    image_width : int
        Number of columns of an image.
    digest : str
        Hex digest of what the map computes.
    """

    def __init__(
        self, transform: Any, kind: str, width: int, names: tuple[str, ...] | None, fingerprint: str | None
    ) -> None:
        self.transform, self.kind, self.width, self.names = transform, kind, width, names
        self.fingerprint = fingerprint
        self.by_row, self.image_width, self.digest = True, 0, ""
        self.own = type(_thawed(transform)) is RBFSampler and kind == "numbers"
        self._call = self._fourier if self.own else self._verb()
        self._frames = kind in ("numbers", "table") and hasattr(_thawed(transform), "feature_names_in_")

    @classmethod
    def of(
        cls, transform: Any, rows: Rows, kind: str, names: tuple[str, ...] | None, fingerprint: str | None, by_row: bool
    ) -> "tuple[FixedMap, Image, bool]":
        """The map in force for rows like these, their image, and whether batches were found to give other bits.

        Raises
        ------
        ParameterError
            Where it learns from rows, has no identity, or gives one row two images.
        """
        width = 1 if kind == "text" else int(rows.shape[1])
        if isinstance(transform, cls):  # of a model that was fitted
            return transform, transform._checked(rows, kind, width), False
        found = cls(prepared(transform, kind, width, fingerprint is None), kind, width, names, fingerprint)
        images, differs = found._probe(rows, by_row)
        return found, images, differs

    def _checked(self, rows: Rows, kind: str, width: int) -> Image:
        """The images of rows, if they are like those that it was found for, and it has not changed since."""
        if (kind, width) != (self.kind, self.width):
            raise ParameterError(
                f"The map {self!r} was found for rows of {self.width} columns ({self.kind}), and these have {width} "
                f"({kind}). Nothing was changed: pass the transformer itself.",
                value=self,
            )
        if self._identity() != self.digest:
            raise ParameterError(
                f"The transformer of {self!r} was changed after the fit: its images are no longer those that were "
                "learned. Nothing was changed: fit anew, with the transformer itself.",
                value=self,
            )
        return self.images(rows, checked=True)

    def __deepcopy__(self, memo: dict[int, Any]) -> "FixedMap":
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        given = self.transform, self.kind, self.width, self.names, self.fingerprint
        return restored, (given, self.by_row, self.image_width, self.digest)

    def arguments(self) -> dict[str, Any]:
        """What :meth:`made_again` is given, by name."""
        names = "transform", "kind", "width", "names", "fingerprint", "by_row", "image_width", "digest"
        return {name: getattr(self, name) for name in names}

    @classmethod
    def made_again(
        cls, transform: Any, kind: str, width: int, names: Any, fingerprint: str | None, by_row: bool, image_width: int,
        digest: str,
    ) -> "FixedMap":  # fmt: skip
        """A map whose transformer comes with its parameters alone: it learns nothing, or is frozen.

        Raises
        ------
        FormatError
            When it is another one: of another version, or altered.
        """
        ready = prepared(transform, kind, width, copied=False)
        return restored((ready, kind, width, names, fingerprint), by_row, image_width, digest)

    def __repr__(self) -> str:
        return f"<{type(_thawed(self.transform)).__name__}, fixed, {self.digest[:16]}>"

    def described(self) -> list[Any]:
        """What stands for it in headers."""
        return ["map", self.kind, self.image_width, self.digest]

    # ------------------------------------------------------------------ images

    def images(self, rows: Rows, checked: bool = False) -> Image:
        """The images of rows, each as if it were alone; `checked` compares some of them."""
        if not _size(rows):
            return np.empty((0, self.image_width))
        if self.by_row and not self.own:
            found = _stacked([self._image(_taken(rows, [i])) for i in range(_size(rows))])
        else:
            starts = range(0, _size(rows), _AT_ONCE)
            found = _stacked([self._image(_taken(rows, range(i, min(i + _AT_ONCE, _size(rows))))) for i in starts])
            if checked:
                self._compare(rows, found)
        return found

    def _compare(self, rows: Rows, found: Image) -> None:
        n = _size(rows)
        for i in {0, n // 2, n - 1}:
            if _bits(self._image(_taken(rows, [i])), 0) != _bits(found, i):
                raise ParameterError(
                    f"The transformer gives row {i} (counted from 0) other bits in a batch of {n} rows than alone, "
                    "which the rows of fit did not show. Nothing was changed: set row_by_row=True, and fit anew.",
                    row=i,
                )

    def one(self, X: Any) -> tuple[Image, np.ndarray] | None:
        """The image of one row in a plain form, and the words that name its record; None for any other form."""
        if self.kind == "text":
            if type(X) is not str:
                return None
            rows: Rows = [X]
        elif self.kind == "numbers" and type(X) is np.ndarray and X.shape == (self.width,) and X.dtype.kind in "fiub":
            rows = np.add(X, 0.0, dtype=np.float64)[None]
            if not np.isfinite(rows).all():
                return None
        else:
            return None
        with np.errstate(all="ignore"):  # what is not finite is refused
            image = self._image(rows)
        return image, self._name_of_one(rows, image)

    def computes_as(self, transform: Any, fingerprint: str | None) -> bool:
        """Whether a model of these parameters would map rows as this does."""
        if isinstance(transform, FixedMap):
            return transform.digest == self.digest
        try:
            ready = prepared(transform, self.kind, self.width, copied=False)
            return FixedMap(ready, self.kind, self.width, self.names, fingerprint)._identity() == self.digest
        except ParameterError:
            return False

    @property
    def function(self) -> Callable[[Any], Any]:
        """What is called with rows."""
        return self._verb()

    def names_out(self, names: Any) -> np.ndarray:
        """Names of the columns of an image."""
        if hasattr(self.transform, "get_feature_names_out"):
            try:
                return np.asarray(self.transform.get_feature_names_out(names), object)
            except (AttributeError, TypeError, ValueError):  # HashingVectorizer has none, others none for some steps
                pass
        return np.array([f"x{j}" for j in range(self.image_width)], object)

    def _image(self, rows: Rows) -> Image:
        """What the map makes of rows, with the bits that it gives them in this batch."""
        given = self._framed(rows) if self._frames else rows.copy()
        found, n = self._call(given), _size(rows)
        if sp.issparse(found):
            image: Image = sp.csr_array(found, dtype=np.float64)
            image.sum_duplicates()
        else:
            if hasattr(found, "detach") and hasattr(found, "cpu"):  # a tensor
                found = found.detach().cpu()
            image = np.asarray(found)
            if image.dtype.kind not in "fiub":
                raise ParameterError(
                    f"The transformer returned {shown(found)}, which is no array of numbers. Nothing was changed: have "
                    "it return one row of numbers for each row.",
                    value=found,
                )
            image = np.add(image, 0.0, dtype=np.float64, order="C")
        if image.ndim != 2 or image.shape[0] != n or (self.image_width and image.shape[1] != self.image_width):
            wanted = f"({n}, {self.image_width or 'number of features'})"
            raise ShapeError(
                f"The transformer returned the shape {image.shape} for {n} rows, and {wanted} was expected. Nothing "
                "was changed: have it return one row of numbers for each row, always of one length.",
                reason="shape",
            )
        return image

    def _framed(self, rows: Rows) -> Any:
        """Rows as a frame, for what was fitted to one."""
        fitted = _thawed(self.transform).feature_names_in_
        columns = {name: rows[:, j].copy() for j, name in enumerate(fitted)}
        return nw.from_dict(columns, backend="pandas").to_native()

    def _verb(self) -> Callable[[Any], Any]:
        for verb in ("transform", "encode"):
            if callable(getattr(self.transform, verb, None)):
                return getattr(self.transform, verb)
        return self.transform

    def _fourier(self, rows: np.ndarray) -> np.ndarray:
        """What an RBFSampler computes, by this package's kernel."""
        fitted = _thawed(self.transform)
        return map_fourier(rows, fitted.random_weights_, fitted.random_offset_, scale_of(fitted.n_components))

    # ------------------------------------------------------------------ what a sample tells

    def _probe(self, rows: Rows, by_row: bool) -> tuple[Image, bool]:
        """Decide how rows are mapped, and map these; also, whether batches gave other bits than rows alone."""
        n = _size(rows)
        sample = sorted({i * (n - 1) // (_SAMPLE - 1) for i in range(_SAMPLE)})
        alone = [_bits(self._measured(_taken(rows, [i])), 0) for i in sample]
        self.digest = self._identity()
        for i, bits in zip(sample, alone, strict=True):
            if _bits(self._image(_taken(rows, [i])), 0) != bits:
                raise ParameterError(
                    f"The transformer is not deterministic: row {i} (counted from 0) has another image each time. "
                    "Nothing was changed: pass a map whose image depends on the row alone.",
                    row=i,
                )
        images, differs = None, False
        if not self.own and not by_row:
            differs = not all(self._agrees(rows, sample, alone, size) for size in _BATCHES)
            if not differs:
                self.by_row = False
                images = self.images(rows)
                differs = self.by_row = any(_bits(images, i) != bits for i, bits in zip(sample, alone, strict=True))
        if self._identity() != self.digest:
            raise ParameterError(
                "The transformer changes while it maps rows: its parameters or attributes are others afterwards. "
                "Nothing was changed: pass `fingerprint`, a text that names what it computes, if its images do not "
                "depend on that.",
                value=self.transform,
            )
        return (images if images is not None and not differs else self.images(rows)), differs

    def _measured(self, rows: Rows) -> Image:
        image = self._image(rows)
        self.image_width = image.shape[1]
        if not self.image_width:
            raise ShapeError("The transformer returned rows without columns. Nothing was changed.", reason="shape")
        return image

    def _agrees(self, rows: Rows, sample: list[int], alone: list[bytes], size: int) -> bool:
        """Whether each row of the sample has the same bits in a batch of this size, in several positions."""
        step = max(1, size // 2)
        for first in range(0, len(sample), step):
            places = [(first + k) % len(sample) for k in range(size)]
            images = self._image(_taken(rows, [sample[place] for place in places]))
            if any(_bits(images, k) != alone[place] for k, place in enumerate(places)):
                return False
        return True

    def _identity(self) -> str:
        if self.fingerprint is not None:
            return hashlib.blake2b(b"fingerprint " + self.fingerprint.encode(), digest_size=32).hexdigest()
        return walked(self.transform).hex()

    # ------------------------------------------------------------------ names

    def names_of(self, rows: Rows, images: Image) -> np.ndarray:
        """The words that name records, uint64[n, NAME_WORDS]: of the rows, and of their images.

        With the image in it, a row whose image has other bits on another machine is refused there, not taken for the
        one that was learned.
        """
        if self.kind == "text":
            of_rows = _of_texts(rows)
        elif self.kind == "table":
            of_rows = np.concatenate([np.zeros((0, _HALF), np.uint64), *map(_of_cells, rows)])
        else:
            of_rows = _of_numbers(rows, dense=self.kind == "numbers")
        return np.concatenate([of_rows, _of_numbers(images, dense=self.image_width <= _DENSE)], axis=1)

    def _name_of_one(self, rows: Rows, image: Image) -> np.ndarray:
        of_row = _of_texts(rows)[0] if self.kind == "text" else _words(_KEY.hash_of(rows[0]))
        if self.image_width > _DENSE:
            of_image = _of_non_zeros(image)
        else:
            of_image = _words(_KEY.hash_of(image.toarray()[0] + 0.0 if sp.issparse(image) else image[0]))
        return np.concatenate([of_row, of_image])


def restored(given: tuple[Any, ...], by_row: bool, image_width: int, digest: str) -> FixedMap:
    """A map from a file, compared with what it was.

    Raises
    ------
    FormatError
        When it is another one: of another version, or altered.
    """
    found = FixedMap(*given)
    found.by_row, found.image_width, found.digest = by_row, image_width, digest
    try:
        same = found._identity() == digest
    except ParameterError as error:
        raise FormatError(f"The transformer of this model cannot be compared with what it was. {error}") from error
    if not same:
        raise FormatError(
            f"The transformer of this model, {type(_thawed(found.transform)).__name__}, is not the one that it was "
            "fitted with: its package has another version here, its source has changed, or the bytes were altered. "
            "Load the model with the versions that wrote it, or fit it anew."
        )
    return found


def _thawed(transform: Any) -> Any:
    return transform.estimator if isinstance(transform, FrozenEstimator) else transform


def _size(rows: Rows) -> int:
    return len(rows) if isinstance(rows, list) else int(rows.shape[0])


def _taken(rows: Rows, index: Any) -> Rows:
    return [rows[i] for i in index] if isinstance(rows, list) else rows[np.asarray(index, np.int64)]


def _stacked(parts: list[Image]) -> Image:
    if len(parts) == 1:
        return parts[0]
    if any(map(sp.issparse, parts)):
        return sp.csr_array(sp.vstack(parts, format="csr"))
    return np.concatenate(parts)


def _bits(images: Image, i: int) -> bytes:
    """The bits of one image, whether it is sparse or not."""
    if sp.issparse(images) and images.shape[1] > _DENSE:
        start, stop = images.indptr[i : i + 2]
        at, values = images.indices[start:stop].astype(np.int64), images.data[start:stop]
    elif images.shape[1] > _DENSE:
        at, values = np.arange(images.shape[1]), images[i]
    else:
        row = images[[i]].toarray()[0] + 0.0 if sp.issparse(images) else images[i]
        return bytes(row.tobytes())
    kept = values != 0.0
    return bytes(at[kept].tobytes() + values[kept].tobytes())


def _words(digest: bytes) -> np.ndarray:
    return np.frombuffer(digest, np.uint64)[:_HALF]


def _of_texts(texts: list[str]) -> np.ndarray:
    contents = [_KEY.hash_of(text.encode("utf-8", "surrogatepass")) for text in texts]
    return np.frombuffer(b"".join(contents), np.uint64).reshape(len(texts), -1)[:, :_HALF]


def _of_cells(row: np.ndarray) -> np.ndarray:
    return _words(walked(row.tolist()))[None]


def _of_non_zeros(image: Image) -> np.ndarray:
    """What :func:`_of_numbers` gives one row, by its non-zeros."""
    at, values = (image.indices, image.data) if sp.issparse(image) else (np.arange(image.shape[1]), image[0])
    if not values.all():
        kept = values.nonzero()[0]
        at, values = at[kept], values[kept]
    message = np.empty(1 + 2 * len(at), np.uint64)
    message[0], message[1::2], message[2::2] = len(at), at, values.view(np.uint64)
    return _words(_KEY.hash_of(message))


def _of_numbers(values: Any, dense: bool) -> np.ndarray:
    """Digests of rows of numbers, uint64[n, 4], by all of their values or by the non-zeros."""
    n = values.shape[0]
    found, no_tail = np.empty((n, 6), np.uint64), np.empty((n, 0), np.uint64)
    if not dense:
        x = sp.csr_array(values, dtype=np.float64, copy=True)
        x.sum_duplicates()
        x.eliminate_zeros()
        digest_sparse(x.data, x.indices.astype(np.int64), x.indptr.astype(np.int64), no_tail, _KEY.state, found)
    else:
        for start in range(0, n, _AT_ONCE):
            at = slice(start, start + _AT_ONCE)
            rows = values[at].toarray() if sp.issparse(values) else values[at]
            digest_dense(np.add(rows, 0.0, order="C"), no_tail[at], _KEY, found[at])
    return found[:, :_HALF]
