"""A slow twin of the recommenders: plain Python over a dict of interactions, with fractions."""

import math
from decimal import Decimal
from fractions import Fraction

NAN = float("nan")


def sort_key(label):
    return isinstance(label, str), label


def step_of(ratings) -> Fraction:
    """The largest number of which all ratings are multiples."""
    ratings = [Fraction(Decimal(repr(float(rating)))) for rating in ratings]
    scale = math.lcm(*(rating.denominator for rating in ratings))
    common = math.gcd(*(int(rating * scale) for rating in ratings))
    return Fraction(common, scale) if common else Fraction(1)


class NaiveItemKNN:
    """What `ItemKNN` answers, for interactions as a dict: (user, item) to rating."""

    def __init__(self, held, *, max_nbrs=20, min_nbrs=1, min_sim=1e-6, save_nbrs=None, rated=True, step=None):
        self.max_nbrs, self.min_nbrs, self.min_sim, self.save_nbrs = max_nbrs, min_nbrs, min_sim, save_nbrs
        self.rated = rated
        self.users = sorted({user for user, _ in held}, key=sort_key)
        self.items = sorted({item for _, item in held}, key=sort_key)
        self.step = Fraction(Decimal(repr(step))) if step else step_of(held.values()) if rated else Fraction(1)
        self.of_item = {item: {} for item in self.items}
        for (user, item), rating in held.items():
            k = Fraction(Decimal(repr(float(rating)))) / self.step if rated else Fraction(1)
            assert k.denominator == 1
            self.of_item[item][user] = int(k)
        self.count = {item: len(users) for item, users in self.of_item.items()}
        self.total = {item: sum(users.values()) for item, users in self.of_item.items()}

    def mean(self, item) -> float:
        return float(self.step * self.total[item] / self.count[item])

    def root(self, item) -> float:
        n = self.count[item]
        if not self.rated:
            return math.sqrt(n)
        spread = n * sum(k * k for k in self.of_item[item].values()) - self.total[item] ** 2
        return math.sqrt(float(n)) * math.sqrt(float(spread))

    def term(self, i, j) -> Fraction:
        """The product of the centred columns of two items, times both numbers of ratings; or how many have both."""
        both = self.of_item[i].keys() & self.of_item[j].keys()
        if not self.rated:
            return Fraction(len(both))
        mean_i, mean_j = (Fraction(self.total[item], self.count[item]) for item in (i, j))
        products = ((self.of_item[i][user] - mean_i) * (self.of_item[j][user] - mean_j) for user in both)
        return sum(products, Fraction(0)) * self.count[i] * self.count[j]

    def similarity(self, i, j) -> float:
        term = self.term(i, j)
        assert term.denominator == 1
        return min(1.0, float(term) / (self.root(i) * self.root(j))) if term > 0 else 0.0

    def neighbours(self, item) -> dict:
        """The saved neighbours of an item, with their similarities."""
        found = {j: self.similarity(item, j) for j in self.items if j != item}
        found = {j: similarity for j, similarity in found.items() if similarity >= self.min_sim}
        nearest = sorted(found, key=lambda j: (-found[j], sort_key(j)))
        return {j: found[j] for j in nearest[: self.save_nbrs]}

    def scores(self, user) -> dict:
        """The scores of all items for a user."""
        hers = [item for item in self.items if user in self.of_item[item]]
        saved = {item: self.neighbours(item) for item in hers}
        return {target: self._score(user, hers, saved, target) for target in self.items}

    def _score(self, user, hers, saved, target) -> float:
        found = {item: saved[item][target] for item in hers if target in saved[item]}
        nearest = sorted(found, key=lambda item: -found[item])[: self.max_nbrs]  # stable: ties in the order of labels
        if len(nearest) < self.min_nbrs:
            return NAN
        total = weight = 0.0
        for item in hers:
            if item in nearest:
                n = self.count[item]
                value = (self.of_item[item][user] * n - self.total[item]) / n if self.rated else 1.0
                total += found[item] * value
                weight += found[item]
        return total / weight * float(self.step) + self.mean(target) if self.rated else weight


def weights(held, regularization, rated=False):
    """EASE's weights in fractions, as lists of floats."""
    users, items = (sorted({pair[k] for pair in held}, key=sort_key) for k in (0, 1))
    rows = [[Fraction(Decimal(repr(float(held[u, i])))) if rated and (u, i) in held else Fraction((u, i) in held)
             for i in items] for u in users]  # fmt: skip
    n = len(items)
    gram = [[sum((row[a] * row[b] for row in rows), Fraction(0)) for b in range(n)] for a in range(n)]
    for a in range(n):
        gram[a][a] += Fraction(regularization)
    inverse = inverted(gram)
    return [[0.0 if a == b else float(-inverse[a][b] / inverse[b][b]) for b in range(n)] for a in range(n)]


def inverted(matrix):
    """The inverse of a matrix of fractions, by Gauss and Jordan."""
    n = len(matrix)
    rows = [[*row, *(Fraction(a == b) for b in range(n))] for a, row in enumerate(matrix)]
    for a in range(n):
        pivot = next(b for b in range(a, n) if rows[b][a])
        rows[a], rows[pivot] = rows[pivot], rows[a]
        rows[a] = [value / rows[a][a] for value in rows[a]]
        for b in range(n):
            if b != a and rows[b][a]:
                rows[b] = [x - rows[b][a] * y for x, y in zip(rows[b], rows[a], strict=True)]
    return [row[n:] for row in rows]
