"""The commands ``sqlearn fit``, ``forget`` and so on, on stores: one function a command.

Results go to standard output, as lines for people or with ``--json`` as one object; progress and questions go to
standard error.
"""

from sqlearn.commands.asking import info, predict, receipts, report, verify
from sqlearn.commands.changing import forget, relabel
from sqlearn.commands.learning import fit, learn
from sqlearn.commands.recommending import recommend, similar_items
from sqlearn.commands.supposing import suspects, what_if
from sqlearn.commands.upkeep import compact, lift, rebalance, replay, suppressed, upgrade
from sqlearn.commands.warming import warm_up

__all__ = ["COMMANDS"]

COMMANDS = (
    fit, predict, recommend, similar_items, suspects, what_if, forget, relabel, learn, verify, report, info, receipts,
    compact, rebalance, suppressed, replay, lift, upgrade, warm_up,
)  # fmt: skip
