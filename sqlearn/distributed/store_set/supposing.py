"""What the model of a set would be without some rows: nothing is changed."""

import copy
from typing import Any

from sqlearn.distributed.store_set.editing import SetEditing
from sqlearn.storage.steps import Named
from sqlearn.storage.types import Progress


class SetSupposing(SetEditing):
    """What is asked of a set for the sake of an argument."""

    def _without(self, named: Named, progress: Progress | None) -> Any:
        with self._changing(progress) as change:
            change.signed = False
            places, check = self._places(named, progress, change), self._threads.check
            change.run(lambda part, number: part.forget_rows(*places[number], check), places)
            model = copy.deepcopy(self._changed_whole(change.check))
            change.undo()
            model.state.taken_out = True
            return model
