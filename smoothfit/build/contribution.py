"""Channel contributions: the yields of a process in one channel, with what acts on them there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from .._checks import as_floats, check_choice, check_finite, check_name, describe, plural
from .._types import FloatArray
from ..effects import CODE2, EMPTY_RATE, Effect, GmN
from ..effects.shape import NORMALISED
from ..errors import DuplicateNameError, InvalidTypeError, InvalidValueError, ShapeMismatchError
from ..layout import AxisInfo
from ..render import Face, ShownInFull, one_line
from .arguments import (
    SHAPE_KINDS,
    UNMIXED,
    check_integrals,
    read_add_fn,
    read_lnn,
    read_nuisance,
    read_scale,
    read_scale_fn,
    read_systematic,
    resolve_axis,
)
from .changes import Tracked
from .declarations import Declaration, Scale, ScaleFn, Shape, Systematic, read_only
from .faces import contribution_face, tally
from .histograms import as_histogram, read_template, same_axes
from .lowering import entries, rates
from .selection import read_region
from .variable import Variable

if TYPE_CHECKING:
    from .process import Process

__all__ = ["ChannelContrib"]


class ChannelContrib(Tracked, ShownInFull):
    """The yields of a process in one channel.

    Parameters
    ----------
    channel
        Name of the channel, which is declared by being used.
    yields
        Shape (bin,), or (sub-process, bin) for an array process: numbers, or a histogram (a list
        of histograms is one a sub-process, and so are the categories of the first of several axes; the
        bins of other axes follow one another, under- and overflow are left out). One number is one bin.
        Negative yields are allowed.
    sumw2
        Variances of the yields from limited Monte Carlo statistics, in the shape of the yields, or a
        histogram that has them; by default those of the yields' histogram, none for an array.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError
        For yields or variances that are not numbers, not finite, negative (variances) or of the
        wrong shape.

    Examples
    --------
    >>> contrib = ChannelContrib("SR", [50.0, 1.0], sumw2=[5.0, 0.1])
    >>> contrib.add_lnN(Variable("lumi", 0.0, nuisance=True), 1.05)
    ChannelContrib('SR', 2 bins, sumw2, effects: lnN lumi)
    """

    def __init__(self, channel: str, yields: Any, sumw2: Any = None) -> None:
        self._fill(channel, yields, sumw2, owner=None)

    @classmethod
    def _for_process(cls, owner: str, channel: str, yields: Any, sumw2: Any) -> ChannelContrib:
        """Make the contribution that a process was given directly; errors name that process."""
        self = cls.__new__(cls)
        self._fill(channel, yields, sumw2, owner=owner)
        return self

    def _fill(self, channel: str, yields: Any, sumw2: Any, *, owner: str | None) -> None:
        self._channel = check_name("ChannelContrib: channel", channel)
        self._owner = owner
        self._process: Process | None = None
        self._effects: list[Declaration] = []
        what = f"{self._what}: yields"
        template = read_template(yields, what)
        self._is_array = template.values.ndim == 2
        self._yields = read_only(np.atleast_2d(check_finite(what, template.values)))
        self._axes = template.axes
        self._row_names = template.rows
        variances = template.variances if sumw2 is None else sumw2
        self._sumw2: FloatArray | None = None
        self._covariance: FloatArray | None = None
        if variances is not None:
            self._sumw2, self._covariance = self._read_sumw2(variances)

    # -- what it is ------------------------------------------------------------------------------

    @property
    def channel(self) -> str:
        """Name of the channel."""
        return self._channel

    @property
    def yields(self) -> FloatArray:
        """Nominal yields, shape (sub-process, bin) also for a plain process."""
        return self._yields

    @property
    def sumw2(self) -> FloatArray | None:
        """Variances of the yields, shape (sub-process, bin), or None."""
        return self._sumw2

    @property
    def covariance(self) -> FloatArray | None:
        """Covariances of the sub-processes' yields, (sub-process, sub-process, bin), or None."""
        return self._covariance

    @property
    def is_array(self) -> bool:
        """Whether yields were given as (sub-process, bin)."""
        return self._is_array

    @property
    def n_sub(self) -> int:
        """Number of sub-processes; 1 for a plain process."""
        return int(self._yields.shape[0])

    @property
    def n_bins(self) -> int:
        """Number of bins."""
        return int(self._yields.shape[1])

    @property
    def axes(self) -> tuple[AxisInfo, ...]:
        """Axes that the bins run over, the last one fastest, where yields were a histogram."""
        return self._axes

    @property
    def edges(self) -> FloatArray | None:
        """Edges of the bins, where yields were a histogram and its bins have one axis."""
        return self._axes[0].edges if len(self._axes) == 1 else None

    @property
    def axis_label(self) -> str | None:
        """Label of the axis, where yields were a histogram that has one; of several axes, all labels."""
        labels = [axis.label for axis in self._axes]
        return ", ".join(label or "?" for label in labels) if any(labels) else None

    @property
    def row_names(self) -> tuple[str, ...] | None:
        """Names of the sub-processes, where yields were a histogram with categories for them."""
        return self._row_names

    @property
    def effects(self) -> tuple[Declaration, ...]:
        """What acts on the yields in this channel alone, in the order of the calls."""
        return tuple(self._effects)

    @property
    def process(self) -> Process | None:
        """The process that it belongs to; None until it was added to one."""
        return self._process

    @property
    def _what(self) -> str:
        """How messages name this object."""
        owner = self._owner if self._process is None else self._process.name
        return f"ChannelContrib '{self._channel}'" + (f" of '{owner}'" if owner is not None else "")

    def _attach(self, process: Process) -> None:
        """Called by the process, after its checks."""
        self._process = process

    # -- what acts on it -------------------------------------------------------------------------

    def scale_by(
        self, variable: Variable, *, axis: str | None = None, bins: Any = None, sub_procs: Any = None
    ) -> ChannelContrib:
        """Multiply the yields by a variable.

        A variable of one component scales everything; of several, the sub-processes of an array
        process if there are as many, else the bins. ``axis="bin"`` or ``"process"`` asks for one.
        ``bins`` and ``sub_procs`` restrict it (see :meth:`add_effect`), and the components to that.

        Raises
        ------
        ShapeMismatchError
            Where the number of components fits neither.

        Examples
        --------
        >>> ChannelContrib("SR", [50.0, 1.0]).scale_by(Variable("mu", [1.0, 1.0])).effects[0].axis
        'bin'
        """
        what = f"{self._what}: scale_by"
        scale = read_scale(what, variable, axis, read_region(what, sub_procs, bins))
        return self._declare(what, scale, f"scale_by('{scale.variable.name}')")

    def scale_by_fn(
        self,
        fn: Callable[..., Any],
        *variables: Variable,
        axis: str | None = None,
        bins: Any = None,
        sub_procs: Any = None,
    ) -> ChannelContrib:
        """Multiply the yields by a function of variables, traceable by JAX.

        ``fn`` gets one array a variable (0-d for a scalar one). Its result has shape
        (sub-process, bin), or broadcasts to it; a 1-D result follows the rule of ``scale_by``.
        ``bins`` and ``sub_procs`` restrict it (see :meth:`add_effect`); the result may then be that of the
        restricted region only.

        Examples
        --------
        >>> mu = Variable("mu", 1.0)
        >>> ChannelContrib("SR", [50.0, 1.0]).scale_by_fn(lambda mu: mu**2, mu)
        ChannelContrib('SR', 2 bins, effects: scale_by_fn mu)
        """
        what = f"{self._what}: scale_by_fn"
        declaration = read_scale_fn(what, fn, variables, axis, read_region(what, sub_procs, bins))
        return self._declare(what, declaration, f"scale_by_fn('{declaration.label}')")

    def add_by_fn(
        self,
        fn: Callable[..., Any],
        *variables: Variable,
        axis: str | None = None,
        bins: Any = None,
        sub_procs: Any = None,
    ) -> ChannelContrib:
        """Add the result of a function of variables, in events, to the nominal yields.

        It is added with the changes of shape, before all factors multiply; Monte Carlo errors stay as
        they are. Arguments and the shape of the result are those of :meth:`scale_by_fn`.

        Examples
        --------
        >>> extra = Variable("extra", 0.0)
        >>> ChannelContrib("SR", [50.0, 1.0]).add_by_fn(lambda x: x * jnp.array([2.0, 1.0]), extra)
        ChannelContrib('SR', 2 bins, effects: add_by_fn extra)
        """
        what = f"{self._what}: add_by_fn"
        declaration = read_add_fn(what, fn, variables, axis, read_region(what, sub_procs, bins))
        return self._declare(what, declaration, f"add_by_fn('{declaration.label}')")

    def add_effect(
        self, effect: Effect, variable: Variable, *, bins: Any = None, sub_procs: Any = None
    ) -> ChannelContrib:
        """Multiply the yields by an effect of one variable, such as ``LnN(1.05)``.

        Parameters
        ----------
        effect
            An object of :mod:`smoothfit.effects`. If it has several numbers, one a sub-process acted on.
        variable
            A variable of one component, constrained as the effect needs.
        bins
            Bins it acts on: indices, a slice, or one flag a bin; all by default.
        sub_procs
            Sub-processes it acts on, names or indices; all by default. Names are known once the
            contribution belongs to a process.

        Raises
        ------
        InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError, DuplicateNameError
            For something that is no effect, a variable it cannot act through, a region that does not exist,
            an effect of that kind and variable that acts there already.

        Examples
        --------
        >>> from smoothfit.effects import LnN
        >>> tail = Variable("tail", 0.0, nuisance=True)
        >>> ChannelContrib("SR", [50.0, 1.0]).add_effect(LnN(1.3), tail, bins=[1])
        ChannelContrib('SR', 2 bins, effects: lnN tail)
        """
        what = f"{self._what}: add_effect"
        declaration = read_systematic(what, effect, variable, read_region(what, sub_procs, bins))
        return self._declare(what, declaration, f"add_effect('{declaration.variable.name}')")

    def add_lnN(
        self,
        variable: Variable,
        kappa: Any,
        *,
        interpolation: str = "combine",
        bins: Any = None,
        sub_procs: Any = None,
    ) -> ChannelContrib:
        """Add a log-normal uncertainty of the normalisation: :meth:`add_effect` of an ``LnN``.

        Parameters
        ----------
        variable
            A nuisance of one component.
        kappa
            One number: yields times kappa at theta = +1 and 1 / kappa at -1. Or a pair
            (down, up): the yield ratios at -1 and +1, each a number or one a sub-process.
        interpolation
            "combine" (default), "talk", "code1" or "code4"; they differ for asymmetric kappas.
        bins, sub_procs
            Where it acts; everywhere by default.

        Raises
        ------
        InvalidValueError, ShapeMismatchError, InvalidTypeError, DuplicateNameError
            For a kappa that is not positive, of the wrong length, or a variable used twice.

        Examples
        --------
        >>> jes = Variable("jes", 0.0, nuisance=True)
        >>> ChannelContrib("SR", 50.0).add_lnN(jes, (0.9, 1.3)).effects[0].effect
        LnN((0.9, 1.3))
        """
        what = f"{self._what}: add_lnN"
        lnn = read_lnn(what, variable, kappa, interpolation, read_region(what, sub_procs, bins))
        return self._declare(what, lnn, f"add_lnN('{lnn.variable.name}')")

    def add_shape(
        self, variable: Variable, up: Any, down: Any, *, kind: str = "shape", scale: float = 1.0
    ) -> ChannelContrib:
        """Add an uncertainty of the shape by templates at theta * scale = +1 and -1.

        Parameters
        ----------
        variable
            A nuisance of one component.
        up, down
            Yields in the shape of the nominal ones, or histograms of the same binning.
        kind
            "shape": templates normalised to the nominal integral are morphed, the ratios of the
            integrals act as a log-normal. "raw": the templates are morphed as they are; "floored": never
            below 1e-9 events (Combine's hist-mode 2). "shapeN": as
            "shape", on the logarithms of the yields, at the nominal integral. "density": as "shape", and
            what was floored, at 1e-9 of the integral, is normalised again. "linear", "quadratic": as
            "raw", piecewise linear (its slope jumps at 0) or a parabola that goes on straight beyond 1.
        scale
            1 / number of sigmas that the templates were made with.

        Raises
        ------
        InvalidValueError, ShapeMismatchError, InvalidTypeError, DuplicateNameError
            For templates of another binning, not finite, of integrals that kind "shape" cannot
            use, or a variable used twice.

        Examples
        --------
        >>> jes = Variable("jes", 0.0, nuisance=True)
        >>> ChannelContrib("SR", [50.0, 1.0]).add_shape(jes, [55.0, 1.2], [46.0, 0.9])
        ChannelContrib('SR', 2 bins, effects: shape jes)
        """
        shape = self._read_shape(variable, up, down, kind=kind, scale=scale)
        return self._add(shape, f"add_shape('{shape.variable.name}')")

    def register_sumw2(self, sumw2: Any) -> ChannelContrib:
        """Give the variances of the yields, replacing those there are.

        Shape of the yields, or a histogram, whose variances are taken; or (M, M, bin) for an array process
        of M templates that share events: sums of products of two templates' weights, which the error of
        their sum needs.

        Examples
        --------
        >>> ChannelContrib("SR", [50.0, 1.0]).register_sumw2([5.0, 0.1]).sumw2
        array([[5. , 0.1]])
        """
        return self._set_sumw2(*self._read_sumw2(sumw2))

    def _face(self) -> Face:
        return contribution_face(self)

    def __repr__(self) -> str:
        parts = [repr(self._channel)]
        if self._is_array:
            parts.append(plural(self.n_sub, "sub-process"))
        parts.append(plural(self.n_bins, "bin"))
        if self._sumw2 is not None:
            parts.append("sumw2")
        if self._effects:
            parts.append("effects: " + tally(self._effects))
        return one_line(f"ChannelContrib({', '.join(parts)})")

    # -- checks, without a change, so that a process can check all its contributions first ---------

    def _add(self, declaration: Declaration, call: str) -> ChannelContrib:
        self._effects.append(declaration)
        self._admit(declaration)
        self._changed(f"{call} on {self._what}")
        return self

    def _declare(self, what: str, declaration: Declaration, call: str) -> ChannelContrib:
        return self._add(self._checked(what, declaration), call)

    def _checked(self, what: str, declaration: Declaration) -> Declaration:
        """A declaration as it acts here, if it can and nothing alike acts already."""
        names = None if self._process is None else self._process.sub_procs
        resolved = self._resolve(what, declaration, names)
        shared = () if self._process is None else self._process._shared_with(self)
        self._check_new(what, resolved, (*shared, *self._effects))
        return resolved

    def _admit(self, declaration: Declaration) -> None:
        """Give empty rows that a gmN acts on the expected events that it stands for."""
        if not (isinstance(declaration, Systematic) and isinstance(declaration.effect, GmN)):
            return
        rows = declaration.region.rows(self.n_sub)
        empty = rows[(rates(self, declaration.region) == 0.0) & np.any(declaration.effect.alpha > 0.0)]
        if len(empty):
            yields = np.array(self._yields)
            yields[empty, 0 if declaration.region.bins is None else declaration.region.bins[0]] = EMPTY_RATE
            self._yields = read_only(yields)

    def _set_sumw2(self, sumw2: FloatArray, covariance: FloatArray | None) -> ChannelContrib:
        self._sumw2, self._covariance = sumw2, covariance
        self._changed(f"register_sumw2() on {self._what}")
        return self

    def _resolve(self, what: str, declaration: Declaration, names: Sequence[str] | None) -> Declaration:
        """A declaration as it acts here: its region by index, the axis of a scale factor.

        ``names`` are those of the sub-processes, None where they are not known.
        """
        if isinstance(declaration, Shape):
            return declaration
        region = declaration.region.resolve(what, names, self.n_sub, self.n_bins)
        if isinstance(declaration, ScaleFn):
            return declaration if region is declaration.region else replace(declaration, region=region)
        n_sub = len(region.rows(self.n_sub))
        if isinstance(declaration, Systematic):
            return self._resolve_systematic(what, replace(declaration, region=region), n_sub)
        # "all" is kept by a variable of one component, whatever the axis asked for.
        asked = None if declaration.axis == "all" else declaration.axis
        n_bins = self.n_bins if region.bins is None else len(region.bins)
        axis = resolve_axis(
            what, declaration.variable, asked, n_sub=n_sub, n_bins=n_bins, is_array=self._is_array
        )
        return Scale(variable=declaration.variable, axis=axis, region=region)

    def _resolve_systematic(self, what: str, systematic: Systematic, n_sub: int) -> Systematic:
        given = systematic.effect.n_rows
        if given not in (None, n_sub):
            raise ShapeMismatchError(
                f"{what}: {systematic.effect.label} of '{systematic.variable.name}' has "
                f"{plural(given, 'number')}, it acts on {plural(n_sub, 'sub-process')}; "
                "give one number, or one a sub-process."
            )
        if isinstance(systematic.effect, GmN):
            self._check_fillable(what, systematic)
        entries(what, self, systematic)
        return systematic

    def _check_fillable(self, what: str, systematic: Systematic) -> None:
        bins = self.n_bins if systematic.region.bins is None else len(systematic.region.bins)
        if bins > 1 and np.any(rates(self, systematic.region) == 0.0):
            raise InvalidValueError(
                f"{what}: the yields are 0 in all {bins} bins, no shape that alpha * nu could follow; "
                "give a shape in any normalisation near count * alpha."
            )

    def _check_new(self, what: str, declaration: Declaration, others: Iterable[Declaration]) -> None:
        """A second effect of one kind and variable at one place is a mistake: both would act."""
        if not isinstance(declaration, Systematic):
            return
        label = declaration.effect.label
        for other in others:
            if (
                isinstance(other, Systematic)
                and other.variable is declaration.variable
                and other.effect.label == label
                and other.region.overlaps(declaration.region)
            ):
                raise DuplicateNameError(
                    f"{what}: {label} of '{declaration.variable.name}' was given before; "
                    "give all its numbers in one call, or act on other sub-processes or bins."
                )

    def _read_like_yields(self, field: str, values: Any, cure: str) -> FloatArray:
        """Finite numbers in the shape of the yields, as (sub-process, bin)."""
        what = f"{self._what}: {field}"
        template = read_template(values, what)
        rows = np.atleast_2d(template.values)
        if rows.shape[1] != self.n_bins:
            raise ShapeMismatchError(
                f"{what} has {plural(rows.shape[1], 'bin')}, yields have {self.n_bins}; {cure}."
            )
        if (template.values.ndim == 2) != self._is_array or rows.shape != self._yields.shape:
            expected = self._yields.shape if self._is_array else self._yields.shape[1:]
            raise ShapeMismatchError(
                f"{what} has shape {template.values.shape}, yields have {expected}; {cure}."
            )
        if not same_axes(template.axes, self._axes):
            raise ShapeMismatchError(
                f"{what} is a histogram of another binning than the yields; rebin it to their edges."
            )
        if template.rows is not None and self._row_names is not None and template.rows != self._row_names:
            raise ShapeMismatchError(
                f"{what} has the categories {', '.join(template.rows)}, yields have "
                f"{', '.join(self._row_names)}; give both in one order."
            )
        check_finite(what, template.values)
        return rows

    def _read_sumw2(self, sumw2: Any) -> tuple[FloatArray, FloatArray | None]:
        """(variances (sub-process, bin), covariances (sub-process, sub-process, bin) or None)."""
        what = f"{self._what}: sumw2"
        histogram = as_histogram(sumw2, what)
        if histogram is not None:
            if histogram.variances is None:
                raise InvalidTypeError(
                    f"{what} is a histogram that does not know its variances (it was filled with weights, "
                    "but keeps only their sum); use a storage of weights, or give an array."
                )
            sumw2 = replace(histogram, values=histogram.variances)
        elif np.ndim(sumw2) == 3:
            covariance = self._read_covariance(what, sumw2)
            return read_only(np.einsum("kkb->kb", covariance)), covariance
        rows = self._read_like_yields("sumw2", sumw2, "give one variance a bin")
        if np.any(rows < 0.0):
            raise InvalidValueError(
                f"{what} must not be negative, got {rows.min():g}; it is a sum of squared weights."
            )
        return read_only(rows), None

    def _read_covariance(self, what: str, given: Any) -> FloatArray:
        covariance = check_finite(what, as_floats(what, given))
        expected = (self.n_sub, self.n_sub, self.n_bins)
        if covariance.shape != expected:
            raise ShapeMismatchError(
                f"{what} has shape {covariance.shape}, expected {expected}: sub-process, sub-process, bin; "
                "give sums of products of two templates' weights."
            )
        matrices = np.moveaxis(covariance, -1, 0)
        size = np.abs(np.einsum("bkk->bk", matrices)).max(axis=1, initial=0.0)[:, None, None]
        if np.any(np.abs(matrices - np.swapaxes(matrices, 1, 2)) > 1e-9 * size):
            raise InvalidValueError(f"{what} is not symmetric; entry [k, l] is the sum of w_k w_l.")
        smallest = np.linalg.eigvalsh(matrices)[:, 0]
        # Rounding of the sums leaves a singular matrix with eigenvalues slightly below zero.
        bad = np.flatnonzero(smallest < -1e-9 * size[:, 0, 0] * self.n_sub)
        if len(bad):
            raise InvalidValueError(
                f"{what} is not positive semi-definite in bin {bad[0]} (smallest eigenvalue "
                f"{smallest[bad[0]]:.3g}): no event weights have these sums; check how they were made."
            )
        return read_only(0.5 * (covariance + np.swapaxes(covariance, 0, 1)))

    def _read_shape(self, variable: Any, up: Any, down: Any, *, kind: Any, scale: Any) -> Shape:
        what = f"{self._what}: add_shape"
        variable = read_nuisance(what, variable)
        call = f"add_shape('{variable.name}')"
        if any(isinstance(effect, Shape) and effect.variable is variable for effect in self._effects):
            raise DuplicateNameError(f"{self._what}: {call} was called before; use another variable.")
        note = CODE2 if kind == "code2" else ""
        check_choice(f"{self._what}: {call}: kind", kind, SHAPE_KINDS, note=note)
        factor = as_floats(f"{self._what}: {call}: scale", scale)
        if factor.ndim != 0 or not np.isfinite(factor) or factor <= 0.0:
            raise InvalidValueError(
                f"{self._what}: {call}: scale must be one positive number, got {describe(scale)}; "
                "templates made at 2 sigma have 0.5."
            )
        rows_up = self._read_like_yields(f"{call}: up", up, "use the binning of the yields")
        rows_down = self._read_like_yields(f"{call}: down", down, "use the binning of the yields")
        self._check_mixed(call, kind)
        if kind in NORMALISED:
            check_integrals(
                f"{self._what}: {call}", self._yields, rows_up, rows_down, is_array=self._is_array
            )
        return Shape(variable=variable, up=rows_up, down=rows_down, kind=kind, scale=float(factor))

    def _check_mixed(self, call: str, kind: str) -> None:
        """Logarithms and densities are of all changes together: no other kind on that row."""
        for effect in self._effects:
            if not isinstance(effect, Shape) or effect.kind == kind:
                continue
            alone = next((name for name in UNMIXED if name in (effect.kind, kind)), None)
            if alone is not None:
                raise InvalidValueError(
                    f"{self._what}: {call} of kind '{kind}' beside '{effect.kind}' of "
                    f"'{effect.variable.name}': '{alone}' does not mix with other kinds; use one kind here."
                )
