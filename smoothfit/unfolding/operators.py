"""What is to be small: matrices L of the truth, by size, derivative or curvature (TUnfold's operators).

S. Schmitt, "TUnfold: an algorithm for correcting migration effects in high energy physics",
JINST 7 (2012) T10003, arXiv:1205.6201. With g_i the density factor of bin i, D the distances between
centres of neighbours and w the mean width of an axis, a row is

* size: g_i x_i;
* derivative: g_{i+1} x_{i+1} - g_i x_i, over D if ``distances``, times w if ``scale``, too;
* curvature: g_{i-1} x_{i-1} - 2 g_i x_i + g_{i+1} x_{i+1}; if ``distances``, with D_p and D_n to the previous
  and the next bin, [g_{i-1} x_{i-1} / D_p - g_i x_i (1/D_p + 1/D_n) + g_{i+1} x_{i+1} / D_n] / (D_p + D_n);
  if ``scale``, too, that times w^2. Bins of one width then give 1/2, -1, 1/2.

Of several axes there is one set of rows an axis. Underflow and overflow are in no row.
"""

from __future__ import annotations

import numpy as np

from .._types import FloatArray, IntArray
from ..errors import ShapeMismatchError
from .binning import Axis, TruthBinning

__all__ = ["NAMES", "operator"]

NAMES = ("size", "derivative", "curvature")
_NEEDED = {"derivative": 2, "curvature": 3}


def _stencil(name: str, axis: Axis, distances: bool, scale: bool) -> FloatArray:
    """(row, inner bin) along one axis, without density factors."""
    n = len(axis.widths)
    mean_width = (axis.edges[-1] - axis.edges[0]) / n if distances and scale else 1.0
    between = axis.distances if distances else np.ones(n - 1)
    # Differences of neighbours, (bin - 1, bin).
    first = (np.eye(n, k=1) - np.eye(n))[:-1] / between[:, None]
    if name == "derivative":
        return first * mean_width
    second = np.diff(first, axis=0)
    return second / (between[:-1] + between[1:])[:, None] * mean_width**2 if distances else second


def _lines(binning: TruthBinning, along: int) -> IntArray:
    """(line, inner bin): positions of the bins of every line of inner bins along an axis."""
    at = np.arange(binning.n_bins).reshape(binning.shape)[tuple(axis.inner for axis in binning.axes)]
    return np.moveaxis(at, along, -1).reshape(-1, at.shape[along])


def operator(
    name: str,
    binning: TruthBinning,
    *,
    density: FloatArray,
    distances: bool = True,
    scale: bool = True,
) -> FloatArray:
    """The matrix L, (row, truth bin), that acts on the truth x.

    Parameters
    ----------
    name
        "size", "derivative" or "curvature".
    density
        (truth bin,): the factors g_i.
    distances, scale
        Whether differences are divided by distances of bins, and multiplied by the mean width (to the
        power of the derivative), so that the unit of the axis drops out. ``scale`` without ``distances``
        changes nothing.

    Raises
    ------
    ShapeMismatchError
        If no axis has enough bins for a derivative or a curvature.

    Examples
    --------
    >>> from smoothfit.unfolding.binning import Axis
    >>> binning = TruthBinning((Axis(np.arange(5.0)),))
    >>> operator("curvature", binning, density=np.ones(4))
    array([[ 0.5, -1. ,  0.5,  0. ],
           [ 0. ,  0.5, -1. ,  0.5]])
    >>> operator("curvature", binning, density=np.ones(4), distances=False)
    array([[ 1., -2.,  1.,  0.],
           [ 0.,  1., -2.,  1.]])
    """
    if name == "size":
        return (np.eye(binning.n_bins) * density)[~binning.is_flow]
    rows = []
    for along, axis in enumerate(binning.axes):
        if len(axis.widths) < _NEEDED[name]:
            continue
        stencil = _stencil(name, axis, distances, scale)
        for line in _lines(binning, along):
            block = np.zeros((len(stencil), binning.n_bins))
            block[:, line] = stencil * density[line]
            rows.append(block)
    if not rows:
        most = max(len(axis.widths) for axis in binning.axes)
        raise ShapeMismatchError(
            f"Regularisation: '{name}' needs at least {_NEEDED[name]} bins beside underflow and overflow, "
            f"the truth has {most}; use 'size', or more bins."
        )
    return np.concatenate(rows)
