"""NIST's Statistical Reference Datasets."""

import math
import re
from fractions import Fraction
from pathlib import Path

import numpy as np

NIST = sorted((Path(__file__).resolve().parents[1] / "nist").glob("*.dat"))
POLYNOMIALS = {"Filip": 10, "Pontius": 2} | {
    f"Wampler{k}": 5 for k in range(1, 6)
}  # of those whose model is a polynomial


def read_nist(path):
    """Certified coefficients, design (as float64 has it) and response of a problem."""
    text = path.read_text("ascii")
    lines = text.splitlines()
    certified = [float(found[1]) for line in lines if (found := re.match(r" +B\d+ +(\S+)", line))]
    first = int(re.search(r"Data +\(lines (\d+)", text)[1])
    data = np.array([line.split() for line in lines[first - 1 :] if line.strip()], dtype=float)
    x = data[:, 1:] ** np.arange(1, POLYNOMIALS.get(path.stem, 1) + 1)
    return certified, np.vectorize(Fraction, otypes=[object])(x), np.vectorize(Fraction, otypes=[object])(data[:, :1])


def digits(found, truth):
    """How many decimal digits are right, of the worst number."""
    error = max(abs(Fraction(f) - Fraction(t)) / abs(Fraction(t)) for f, t in zip(found, truth, strict=True))
    return -math.log10(error) if error else math.inf
