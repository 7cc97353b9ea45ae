"""Read-outs as users get them: arrays that refuse to be written to, which would change answers and not the state."""

import numpy as np
import scipy.sparse as sp


def read_only(value):
    """A value with its arrays as views that refuse to be written to; lists, dicts and our own objects included."""
    if isinstance(value, np.ndarray):
        if value.dtype == object and any(isinstance(item, np.ndarray) for item in value.flat):  # an array of arrays
            held = np.empty(value.shape, object)
            for place in np.ndindex(value.shape):
                held[place] = read_only(value[place])
            value = held
        view = value.view()  # the array itself may be part of the state, where kernels expect it as it is
        view.flags.writeable = False
        return view
    if isinstance(value, list | tuple):
        return type(value)(map(read_only, value))
    if isinstance(value, dict):
        return {key: read_only(item) for key, item in value.items()}
    if sp.issparse(value):
        for part in (value.data, *(getattr(value, name) for name in ("indices", "indptr") if hasattr(value, name))):
            part.flags.writeable = False
    return value
