"""Short messages, spam and others: generated, from a file, and spam that looks like other messages."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import Bunch

from sqlearn.errors import ParameterError, ShapeError, TableError, shown

__all__ = ["load_sms_spam", "make_hamlike_spam", "make_messages"]

_COMMON = (
    "the you to a and i it is in of for on me my at be your so do not have that will can we just with "
    "this are if get now but or up was all what when know out as like go come time from how no one see "
    "there call send text reply new good day"
).split()
_HAM = [
    line.split()
    for line in (
        "home bus train late traffic station drive leaving way waiting minutes reach pick car road outside "
        "walking stop",
        "dinner lunch eat food hungry cook pizza rice chicken coffee drink bring buy shop milk kitchen tasty order",
        "class exam study lecture notes homework library professor project marks paper semester school "
        "teacher book read",
        "love miss happy sweet kiss dear baby smile dream heart hug sleep night morning tired bed wish feel "
        "sorry thanks",
        "work office boss meeting shift job busy email finish tomorrow client report monday interview salary "
        "team break",
        "party weekend movie game friends tonight music bar dance tickets birthday fun plan saturday watch cinema song",
        "mom dad sister brother family doctor hospital pain wedding house kids uncle visit holiday trip hotel "
        "flight sick",
    )
]
_SPAM = [
    line.split()
    for line in (
        "winner prize claim cash won guaranteed award selected draw code valid congratulations customer reward collect",
        "ringtone mobile free tones download polyphonic club weekly subscription stop logo charged unsubscribe credits",
        "loan debt credit bank approved rates apply mortgage account insurance quote low refinance instant lender",
        "chat singles date dating hot girls meet photo profile adult lonely area members join flirt secret admirer",
        "offer discount sale voucher save shopping deal brand outlet limited exclusive cheap price store delivery gift",
    )
]


def make_messages(n_samples: int = 4000, *, spam: float = 0.15, random_state: int = 0) -> Bunch:
    """Generate short messages in words of English, of which some are spam.

    A message is a bag of words: words that are common in all messages, words of one or two subjects, with frequencies
    that fall as ``1 / rank``, and now and then a word of any subject. Spam has subjects of its own; in one message of
    eight, it has a subject of other messages, too.

    Parameters
    ----------
    n_samples : int, default=4000
        How many messages there are.
    spam : float, default=0.15
        The share of spam, between 0 and 1.
    random_state : int, default=0
        Seed.

    Returns
    -------
    Bunch
        A dictionary whose entries are attributes too:

        data : list of str
            The messages.
        target : ndarray of str
            ``"spam"`` or ``"ham"``.

    Examples
    --------
    >>> from sqlearn.datasets import make_messages
    >>> messages = make_messages(3)
    >>> messages.data[0], str(messages.target[0])
    ('a stop text drive station be a the do late bus late', 'ham')
    """
    if not 0 <= spam <= 1:
        raise ParameterError(f"spam={shown(spam)} is a share between 0 and 1.", value=spam)
    rng = np.random.default_rng(random_state)
    everything = [word for words in (*_HAM, *_SPAM) for word in words]
    found = []
    is_spam = rng.random(n_samples) < spam
    for bad in is_spam:
        own = _SPAM if bad else _HAM
        first = own[rng.integers(len(own))]
        second = _HAM[rng.integers(len(_HAM))] if bad and rng.random() < 0.125 else own[rng.integers(len(own))]
        words = []
        for draw in rng.random(4 + rng.poisson(10 if bad else 8)):
            source = _COMMON if draw < 0.5 else first if draw < 0.75 else second if draw < 0.93 else everything
            words.append(source[_rank(rng, len(source))] if source is not everything else
                         everything[rng.integers(len(everything))])  # fmt: skip
        found.append(" ".join(words))
    return Bunch(data=found, target=np.where(is_spam, "spam", "ham"))


def _rank(rng: np.random.Generator, n: int) -> int:
    """A number below `n`: k with a probability of about 1 / (k + 1)."""
    return min(int((n + 1) ** rng.random()) - 1, n - 1)


def make_hamlike_spam(
    texts: Sequence[str], target: ArrayLike, *, n_samples: int, random_state: int = 0
) -> list[str]:  # fmt: skip
    """Generate spam that looks like other messages, so that a filter that trusts its own verdicts learns it as ham.

    Each is a message of spam between two messages of ham, all drawn from those given.

    Parameters
    ----------
    texts : sequence of str
        Messages.
    target : array-like of str
        Their labels, ``"spam"`` and ``"ham"``.
    n_samples : int
        How many to make.
    random_state : int, default=0
        Seed.

    Returns
    -------
    list of str
        The messages.

    Examples
    --------
    >>> from sqlearn.datasets import make_hamlike_spam
    >>> texts, target = ["win a prize", "see you at lunch", "late again"], ["spam", "ham", "ham"]
    >>> make_hamlike_spam(texts, target, n_samples=1)
    ['late again win a prize late again']
    """
    labels = np.asarray(target)
    if labels.shape != (len(texts),):
        raise ShapeError(
            f"`target` has the shape {labels.shape}, and there are {len(texts):,} texts. Pass a label for each.",
            reason="shape",
        )
    spam, ham = np.flatnonzero(labels == "spam"), np.flatnonzero(labels == "ham")
    if not len(spam) or not len(ham):
        raise ParameterError("There must be messages of spam and of ham. Pass labels 'spam' and 'ham'.")
    rng = np.random.default_rng(random_state)
    between, around = rng.choice(spam, n_samples), rng.choice(ham, (n_samples, 2))
    return [f"{texts[a]} {texts[k]} {texts[b]}" for k, (a, b) in zip(between, around, strict=True)]


def load_sms_spam(file: str | PathLike[str]) -> Bunch:
    """Read the SMS Spam Collection, which you have to download: a label, a tabulator and a message in each line.

    Parameters
    ----------
    file : path
        The file ``SMSSpamCollection``. Quotation marks in it are parts of messages.

    Returns
    -------
    Bunch
        As :func:`make_messages` returns.

    Raises
    ------
    TableError
        If a line has no tabulator, or a label that is neither ham nor spam; `line` is its number.

    Notes
    -----
    The file is at https://archive.ics.uci.edu/dataset/228/sms+spam+collection.

    References
    ----------
    Almeida, Gómez Hidalgo, Yamakami (2011), "Contributions to the Study of SMS Spam Filtering", DocEng.

    Examples
    --------
    >>> from tempfile import NamedTemporaryFile
    >>> from sqlearn.datasets import load_sms_spam
    >>> with NamedTemporaryFile("w") as file:
    ...     _ = file.write("ham\\tOk lar...\\n")
    ...     file.flush()
    ...     load_sms_spam(file.name).data
    ['Ok lar...']
    """
    path = Path(file)
    texts, labels = [], []
    with path.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            label, tabulator, text = line.rstrip("\r\n").partition("\t")
            if not tabulator or label not in ("ham", "spam"):
                raise TableError(
                    f"Line {number} of {path} is not 'ham' or 'spam', a tabulator and a message: {shown(line)}. Pass "
                    "the file SMSSpamCollection.",
                    line=number,
                    reason="file",
                )
            texts.append(text)
            labels.append(label)
    return Bunch(data=texts, target=np.array(labels, "U4"))
