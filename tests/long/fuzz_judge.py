"""What a public call may raise: a judge of errors, by which hostile calls are tried.

Used by fuzz.py, tests/project/test_fuzz.py and whoever has an error to judge.
"""

import re
import traceback
from pathlib import Path

from sklearn.exceptions import NotFittedError
from sklearn.utils._param_validation import InvalidParameterError

import sqlearn
from sqlearn import SqlearnError
from sqlearn.engine.validation import is_worded
from sqlearn.errors import FormatError, ParameterError

__all__ = ["Finding", "attempt", "expect", "hidden_mistake", "judge"]

_HERE = Path(sqlearn.__file__).parent
_MOST = 4000  # characters of a message

# what numpy, pandas and the interpreter say among themselves
_INTERNAL = re.compile(
    r"cannot reshape|could not be broadcast|unhashable|not subscriptable|ufunc|object has no attribute|'NoneType'"
    r"|must be real number|has no len\(\)|not supported between|only length-1|only 0-dimensional|string conversion"
    r"|codec can't|cannot be interpreted|ambiguous|same_kind|too large to convert|isnan|PyObject|requested array"
    r"|no implementation found|truth value|object is not"
)


class Finding(AssertionError):
    """What a call must not do."""


def hidden_mistake(error: BaseException) -> BaseException | None:
    """The first cause of an error that Python raised inside of sqlearn, and further down than where it was caught."""
    cause: BaseException | None = error
    while cause := cause.__cause__:
        frames = [frame for frame, _ in traceback.walk_tb(cause.__traceback__)]
        mine = len(frames) > 1 and _HERE in Path(frames[-1].f_code.co_filename).parents
        unusual = isinstance(error, ParameterError) and isinstance(cause, ArithmeticError)  # of the parameters
        wanted = isinstance(cause, SqlearnError) or (isinstance(cause, ValueError | TypeError) and is_worded(cause))
        if mine and not (unusual or wanted) and type(cause).__module__ == "builtins":
            return cause
    return None


def judge(error: BaseException) -> None:
    """Accept sqlearn's errors, scikit-learn's own two, and ValueError and TypeError that a person wrote.

    Raises
    ------
    Finding
        At any other error, and at one whose cause is a mistake of sqlearn's; and at a text that cannot be printed, is
        long, has fewer than four words (eight, and a full stop, of an error of ours), or quotes what numpy or the
        interpreter say among themselves.
    """
    ours = isinstance(error, SqlearnError)
    if ours and not isinstance(error, FormatError):  # contents that were altered may trip over anything
        if mistake := hidden_mistake(error):
            raise Finding(f"a mistake that looks like a refusal: {mistake!r}") from error
    if not ours and not isinstance(error, NotFittedError | InvalidParameterError):
        misnamed = isinstance(error, TypeError) and "argument: '" in str(error)  # as Python says it
        if not isinstance(error, ValueError | TypeError) or not (misnamed or is_worded(error)):
            raise Finding(f"a raw {type(error).__name__}") from error
    text = str(error)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Finding("a text that cannot be printed") from error
    if ours and len(text) > _MOST:
        raise Finding(f"a text of {len(text)} characters") from error
    sentence = any(line.rstrip().endswith((".", ".)")) for line in text.split("\n"))  # conditions are shown below it
    if len(text.split()) < (8 if ours else 4) or (ours and not sentence):
        raise Finding("a text that is no sentence") from error
    if ours and _INTERNAL.search(text):
        raise Finding(f"a text about internals: {_INTERNAL.search(text)!r}") from error


def attempt(call):
    """What a call returns, or the refusal it raises, judged."""
    try:
        return call(), None
    except Exception as error:
        judge(error)
        return None, error


def expect(true: bool, what: str) -> None:
    if not true:
        raise Finding(what)
