"""Values by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..layout import Layout
from . import inputs

__all__ = ["Values"]


class Values(dict[str, Any]):
    """{variable name: value}; a Variable or a sub-name is a key, too.

    Scalars are floats, array variables arrays. Bin parameters are there if they were given.
    """

    def __init__(self, layout: Layout, values: Any) -> None:
        given = np.asarray(values) if not isinstance(values, dict) else None
        vector = inputs.values(layout, values)
        super().__init__()
        for variable in layout.variables:
            found = vector[list(variable.indices)]
            self[variable.name] = float(found[0]) if variable.is_scalar else found
        if given is not None and given.shape[-1] > layout.n_params:
            for name, value in zip(layout.bin_parameters, vector[layout.n_params :], strict=True):
                self[name] = float(value)
        self._layout, self._vector = layout, vector

    def __missing__(self, key: Any) -> Any:
        at = self._layout.positions(key)
        variable = self._layout.variable(key)
        if variable is not None and not variable.is_scalar:
            return self._vector[at]
        return float(self._vector[at[0]])
