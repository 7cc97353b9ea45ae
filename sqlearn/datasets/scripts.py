"""Scripts of web pages, harmless and malicious ones, generated."""

import re
from importlib.resources import files

import numpy as np
from sklearn.utils import Bunch

from sqlearn.errors import ParameterError, shown

__all__ = ["make_scripts"]

_FAMILIES = "spray", "frame", "decoder", "redirect", "plugin"
_NAMES = (
    "init menu item link form button image page panel tab slide timer value result list index node parent child field "
    "handler event target source request response data text title name size width count offset state option key user"
).split()
_CALLED = re.compile(r"\b(eval|unescape|setTimeout|parseInt)\(")
_PLACE = re.compile(r"@([@nhsabcd])")


def make_scripts(n_samples: int = 2000, *, malicious: float = 0.25, random_state: int = 0) -> Bunch:
    """Generate scripts of web pages, in JavaScript, harmless ones and malicious ones of five families.

    A script consists of some snippets of usual code; a malicious one has one to three of its family in it. Harmless
    code uses ``eval``, ``unescape``, ``iframe`` and ``ActiveXObject``, too, and both hide names of functions now and
    then. The snippets do nothing: whatever they would load or run is missing.

    Parameters
    ----------
    n_samples : int, default=2000
        How many scripts there are.
    malicious : float, default=0.25
        The share of malicious ones, between 0 and 1.
    random_state : int, default=0
        Seed.

    Returns
    -------
    Bunch
        A dictionary whose entries are attributes too:

        data : list of str
            The scripts.
        target : ndarray of str
            ``"malicious"`` or ``"harmless"``.
        family : ndarray of str
            ``"spray"``, ``"frame"``, ``"decoder"``, ``"redirect"`` or ``"plugin"``; empty for harmless scripts.

    Examples
    --------
    >>> from sqlearn.datasets import make_scripts
    >>> scripts = make_scripts(8)
    >>> scripts.family
    array(['', '', 'redirect', 'spray', '', '', '', ''], dtype='<U8')
    """
    if not 0 <= malicious <= 1:
        raise ParameterError(f"malicious={shown(malicious)} is a share between 0 and 1.", value=malicious)
    rng = np.random.default_rng(random_state)
    snippets = _snippets()
    harmless, either = snippets["harmless"], snippets["either"]
    found, families = [], []
    for bad in rng.random(n_samples) < malicious:
        family = _FAMILIES[rng.integers(len(_FAMILIES))] if bad else ""
        script = [harmless[k] for k in rng.integers(0, len(harmless), 1 + rng.poisson(3))]
        added = [either[k] for k in rng.integers(0, len(either), rng.binomial(2, 0.4 if bad else 0.1))]
        if bad:
            own = snippets[family]
            added += [own[k] for k in rng.choice(len(own), rng.integers(1, 4), replace=False)]
        for snippet in added:
            script.insert(int(rng.integers(0, len(script) + 1)), snippet)
        hiding = 0.5 if bad else 0.05
        found.append("\n".join(_filled(snippet, rng, hide=rng.random() < hiding) for snippet in script))
        families.append(family)
    labels = np.array(["malicious" if family else "harmless" for family in families], "U9")
    return Bunch(data=found, target=labels, family=np.array(families, "U8"))


def _snippets() -> dict[str, list[str]]:
    """Snippets by kind: harmless ones, those that packers and obfuscators of both sides write, those of each family.

    In them, @n is a number, @h a digit of 16 bits, @s a text, and @a to @d are names, the same ones throughout.
    """
    found: dict[str, list[str]] = {}
    for line in files("sqlearn").joinpath("data", "snippets.txt").read_text("utf-8").splitlines():
        kind, _, snippet = line.partition("\t")
        found.setdefault(kind, []).append(snippet)
    return found


def _filled(snippet: str, rng: np.random.Generator, *, hide: bool) -> str:
    """A snippet with names, numbers and texts in it; with `hide`, names of functions may be hidden."""
    names = [_NAMES[k] for k in rng.integers(0, len(_NAMES), 4)]
    short = rng.random(4) < 0.3  # as minifiers leave them, or obfuscators
    names = [_letters(rng, 2) if short[k] else name for k, name in enumerate(names)]

    def value(place: re.Match[str]) -> str:
        kind = place[1]
        if kind == "@":
            return "\\" if snippet.startswith("eval") else "@"
        if kind == "n":
            return str(rng.integers(2, 1000))
        if kind == "h":
            return f"{rng.integers(0, 1 << 16):04x}"
        return _letters(rng, int(rng.integers(4, 12))) if kind == "s" else names["abcd".index(kind)]

    return _PLACE.sub(value, _hidden(snippet, rng) if hide else snippet)


def _hidden(snippet: str, rng: np.random.Generator) -> str:
    """A snippet in which some names of functions are put together from parts of texts."""

    def parts(word: re.Match[str]) -> str:
        if rng.random() < 0.5:
            return word[0]
        at = int(rng.integers(1, len(word[1])))
        return f"this['{word[1][:at]}' + '{word[1][at:]}']("

    return _CALLED.sub(parts, snippet)


def _letters(rng: np.random.Generator, n: int) -> str:
    return "".join(chr(97 + k) for k in rng.integers(0, 26, n))
