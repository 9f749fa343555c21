"""Processes: what contributes to the expected yields, in one channel or several."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from .._checks import check_flag, check_name, check_names, check_text, describe, plural
from ..effects import Effect
from ..errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
)
from ..render import Face, ShownInFull, one_line
from .arguments import (
    by_channel,
    check_channel,
    read_add_fn,
    read_lnn,
    read_scale,
    read_scale_fn,
    read_systematic,
)
from .changes import Tracked
from .contribution import ChannelContrib
from .declarations import Declaration, Scale, ScaleFn, Systematic
from .faces import listed, process_face, tally
from .lowering import lowered
from .selection import EVERYWHERE, read_region
from .variable import Variable

__all__ = ["Process"]

Predictor = Callable[[Any], Any]


class Process(Tracked, ShownInFull):
    """A process, or several sub-processes stacked as the rows of one array.

    Parameters
    ----------
    name
        Unique in a model.
    yields
        Makes the contribution to ``channel``: (bin,), or (sub-process, bin) for an array process.
        None where contributions are added by :meth:`add_contrib`.
    sub_procs
        Names of the sub-processes; makes it an array process. By default the categories of a
        histogram's first axis, else ``name[0]``, ...
    channel
        Channel of ``yields``, "main" by default.
    signal
        Whether tables and pictures show it as signal.
    label
        Text (or LaTeX) for pictures.
    sumw2
        Variances of ``yields``.

    Raises
    ------
    InvalidTypeError, InvalidValueError, ShapeMismatchError, DuplicateNameError
        For yields as in :class:`ChannelContrib`, and sub-process names that do not fit them.

    Examples
    --------
    >>> Process("sig").add_contrib(ChannelContrib("SR", [50.0, 1.0])).scale_by(Variable("mu", 1.0))
    Process('sig', channels: SR, effects: scale_by mu)
    >>> sigs = Process("sigs", [[50.0, 1.0], [1.0, 25.0]], sub_procs=["sig_1", "sig_2"])
    >>> sigs.scale_by(Variable("mu", [1.0, 1.0]))
    Process('sigs', sub_procs=['sig_1', 'sig_2'], channels: main, effects: scale_by mu)
    """

    def __init__(
        self,
        name: str,
        yields: Any = None,
        *,
        sub_procs: Any = None,
        channel: str | None = None,
        signal: bool = False,
        label: str | None = None,
        sumw2: Any = None,
    ) -> None:
        self._name = check_name("Process", name)
        self._signal = check_flag(f"{self._what}: signal", signal)
        self._label = check_text(f"{self._what}: label", label)
        self._given: tuple[str, ...] | None = None
        if sub_procs is not None:
            self._given = check_names(f"{self._what}: sub_procs", sub_procs, None, "sub-process")
        self._contribs: dict[str, ChannelContrib] = {}
        self._effects: list[Declaration] = []
        self._predictors: tuple[Predictor, Predictor] | None = None
        if yields is not None:
            channel = "main" if channel is None else channel
            self.add_contrib(ChannelContrib._for_process(name, channel, yields, sumw2))
        elif channel is not None or sumw2 is not None:
            raise InvalidValueError(
                f"{self._what}: {'channel' if channel is not None else 'sumw2'} is given without yields; "
                "give the yields too, or use add_contrib."
            )

    # -- what it is ------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Name, unique in a model."""
        return self._name

    @property
    def signal(self) -> bool:
        """Whether it is shown as signal."""
        return self._signal

    @property
    def label(self) -> str | None:
        """Text (or LaTeX) for pictures."""
        return self._label

    @property
    def is_array(self) -> bool:
        """Whether it has sub-processes: ``sub_procs`` or yields of two axes were given."""
        return self._given is not None or any(contrib.is_array for contrib in self._contribs.values())

    @property
    def n_sub(self) -> int:
        """Number of sub-processes; 1 for a plain process, and as long as it is not known."""
        return self._known_n_sub or 1

    @property
    def sub_procs(self) -> tuple[str, ...]:
        """Names of the sub-processes; that of the process itself for a plain one."""
        if self._given is not None:
            return self._given
        named = self._named_by_categories
        if named is not None:
            return named
        return tuple(f"{self._name}[{i}]" for i in range(self.n_sub)) if self.is_array else (self._name,)

    @property
    def _named_by_categories(self) -> tuple[str, ...] | None:
        return next((c.row_names for c in self._contribs.values() if c.row_names is not None), None)

    @property
    def contribs(self) -> Mapping[str, ChannelContrib]:
        """Contributions by channel, in the order they were added (read-only)."""
        return MappingProxyType(self._contribs)

    @property
    def effects(self) -> tuple[Declaration, ...]:
        """What acts on every contribution, also on those added later."""
        return tuple(self._effects)

    def __getitem__(self, channel: str) -> ChannelContrib:
        check_channel(self._what, channel, self._contribs)
        return self._contribs[channel]

    # A subscript alone would let Python try 0, 1, 2 ... as channels.
    __iter__ = None

    def resolved_effects(self, contrib: ChannelContrib) -> tuple[Declaration, ...]:
        """Everything that acts on a contribution: the process's declarations, then its own.

        Axes of scale factors and regions are resolved for this contribution; what acts on some bins
        only is a function of bins.

        Examples
        --------
        >>> bkg = Process("bkg", [500.0, 400.0]).add_lnN(Variable("lumi", 0.0, nuisance=True), 1.25)
        >>> bkg.resolved_effects(bkg["main"])[0].effect
        LnN(1.25)
        """
        return tuple(lowered(contrib, effect) for effect in self.acting(contrib))

    def acting(self, contrib: ChannelContrib) -> tuple[Declaration, ...]:
        """As :meth:`resolved_effects`, each as it was declared, with its region."""
        return (*self._shared_with(contrib), *contrib.effects)

    def _shared_with(self, contrib: ChannelContrib) -> tuple[Declaration, ...]:
        """What acts on every contribution, as it acts on this one."""
        names = self._names_with(contrib)
        return tuple(contrib._resolve(f"{self._what}: scale_by", effect, names) for effect in self._effects)

    def _names_with(self, contrib: ChannelContrib) -> tuple[str, ...]:
        """Names of the sub-processes, also while the first contribution is being added."""
        if self._given is not None or self._contribs or not contrib.is_array:
            return self.sub_procs
        return contrib.row_names or tuple(f"{self._name}[{i}]" for i in range(contrib.n_sub))

    @property
    def _what(self) -> str:
        return f"Process '{self._name}'"

    @property
    def _known_n_sub(self) -> int | None:
        if self._given is not None:
            return len(self._given)
        return next((contrib.n_sub for contrib in self._contribs.values()), None)

    # -- building --------------------------------------------------------------------------------

    def add_contrib(self, contrib: ChannelContrib) -> Process:
        """Add the contribution to a channel.

        Raises
        ------
        DuplicateNameError
            For a second one of a channel, or one that belongs to another process.
        ShapeMismatchError
            For another number of sub-processes, or a length that ``scale_by`` of this process
            does not fit.
        """
        if not isinstance(contrib, ChannelContrib):
            raise InvalidTypeError(
                f"{self._what}: add_contrib needs a ChannelContrib, got {describe(contrib)}."
            )
        if contrib.process is not None:
            raise DuplicateNameError(
                f"{self._what}: {contrib._what} belongs to a process already; make a new ChannelContrib."
            )
        if contrib.channel in self._contribs:
            raise DuplicateNameError(
                f"{self._what} has a contribution to channel '{contrib.channel}' already; give one a channel."
            )
        self._check_rows(contrib)
        admitted: list[Declaration] = []
        for effect in self._effects:
            admitted.append(self._check_effect(effect, contrib, admitted))
        self._contribs[contrib.channel] = contrib
        contrib._attach(self)
        for effect in admitted:
            contrib._admit(effect)
        return self._record(f"add_contrib('{contrib.channel}')")

    def scale_by(
        self,
        variable: Variable,
        *,
        axis: str | None = None,
        channel: str | Sequence[str] | None = None,
        bins: Any = None,
        sub_procs: Any = None,
    ) -> Process:
        """Multiply the yields in every channel by a variable.

        A variable of one component scales everything; of several, the sub-processes of an array
        process if there are as many, else the bins of each channel. ``axis="bin"`` or
        ``"process"`` asks for one. ``channel``, ``bins`` and ``sub_procs`` restrict it: see
        :meth:`add_effect`.

        Raises
        ------
        ShapeMismatchError
            Where the number of components fits neither.
        """
        what = f"{self._what}: scale_by"
        scale = read_scale(what, variable, axis, EVERYWHERE)
        known = self._known_n_sub
        if (
            sub_procs is None
            and axis == "process"
            and variable.size > 1
            and known is not None
            and variable.size != known
        ):
            raise ShapeMismatchError(
                f"{self._what}: scale_by: variable '{variable.name}' has "
                f"{plural(variable.size, 'component')}, the process has {plural(known, 'sub-process')}; "
                "give one component, or one a sub-process."
            )
        return self._declare("scale_by", variable.name, scale, channel, bins, sub_procs)

    def scale_by_fn(
        self,
        fn: Callable[..., Any],
        *variables: Variable,
        axis: str | None = None,
        channel: str | Sequence[str] | None = None,
        bins: Any = None,
        sub_procs: Any = None,
    ) -> Process:
        """Multiply the yields in every channel by a function of variables, traceable by JAX.

        ``fn`` gets one array a variable (0-d for a scalar one). Its result has shape
        (sub-process, bin), or broadcasts to it; a 1-D result follows the rule of ``scale_by``.
        ``channel``, ``bins`` and ``sub_procs`` restrict it: see :meth:`add_effect`.

        Examples
        --------
        >>> mu = Variable("mu", 1.0)
        >>> Process("sig", [50.0, 1.0]).scale_by_fn(lambda mu: mu**2, mu)
        Process('sig', channels: main, effects: scale_by_fn mu)
        """
        declaration = read_scale_fn(f"{self._what}: scale_by_fn", fn, variables, axis, EVERYWHERE)
        return self._declare("scale_by_fn", declaration.label, declaration, channel, bins, sub_procs)

    def add_by_fn(
        self,
        fn: Callable[..., Any],
        *variables: Variable,
        axis: str | None = None,
        channel: str | Sequence[str] | None = None,
        bins: Any = None,
        sub_procs: Any = None,
    ) -> Process:
        """Add the result of a function of variables to the yields; see :meth:`ChannelContrib.add_by_fn`."""
        declaration = read_add_fn(f"{self._what}: add_by_fn", fn, variables, axis, EVERYWHERE)
        return self._declare("add_by_fn", declaration.label, declaration, channel, bins, sub_procs)

    def add_effect(
        self,
        effect: Effect,
        variable: Variable,
        *,
        channel: str | Sequence[str] | None = None,
        bins: Any = None,
        sub_procs: Any = None,
    ) -> Process:
        """Multiply the yields by an effect of one variable; see :meth:`ChannelContrib.add_effect`.

        Parameters
        ----------
        effect, variable
            As for a contribution.
        channel
            Act in this channel only, or in these; by default in every one, also in those added later.
        bins
            Bins it acts on, in each channel alike; or a dict by channel, and nothing in the others.
        sub_procs
            Sub-processes it acts on, names or indices; all by default.

        Examples
        --------
        >>> from smoothfit.effects import Linear
        >>> sigs = Process("sigs", [[50.0, 1.0], [1.0, 25.0]], sub_procs=["ggH", "VBF"])
        >>> theory = Variable("theory", 0.0, nuisance=True)
        >>> sigs.add_effect(Linear(0.1), theory, sub_procs="VBF").effects[0].region.sub_procs
        ('VBF',)
        """
        declaration = read_systematic(f"{self._what}: add_effect", effect, variable, EVERYWHERE)
        return self._declare("add_effect", variable.name, declaration, channel, bins, sub_procs)

    def add_lnN(
        self,
        variable: Variable,
        kappa: Any,
        *,
        interpolation: str = "combine",
        channel: str | Sequence[str] | None = None,
        bins: Any = None,
        sub_procs: Any = None,
    ) -> Process:
        """Add a log-normal uncertainty in every channel; see :meth:`ChannelContrib.add_lnN`."""
        lnn = read_lnn(f"{self._what}: add_lnN", variable, kappa, interpolation, EVERYWHERE)
        return self._declare("add_lnN", variable.name, lnn, channel, bins, sub_procs)

    def add_shape(
        self,
        variable: Variable,
        up: Any,
        down: Any,
        *,
        kind: str = "shape",
        scale: float = 1.0,
        channel: str | Sequence[str] | None = None,
    ) -> Process:
        """Add an uncertainty of the shape; see :meth:`ChannelContrib.add_shape`.

        ``up`` and ``down`` are for the only contribution, for that to ``channel``, or dicts by
        channel. If one channel is refused, none is changed.

        Examples
        --------
        >>> bkg = Process("bkg", [500.0, 400.0])
        >>> bkg.add_shape(Variable("jes", 0.0, nuisance=True), [510.0, 420.0], [490.0, 390.0])["main"]
        ChannelContrib('main', 2 bins, effects: shape jes)
        """
        what = f"{self._what}: add_shape"
        ups = by_channel(f"{what}: up", up, channel, self._contribs)
        downs = by_channel(f"{what}: down", down, channel, self._contribs)
        if ups.keys() != downs.keys():
            odd = sorted(ups.keys() ^ downs.keys())[0]
            raise InvalidValueError(
                f"{what}: up and down must be of the same channels, '{odd}' has only one."
            )
        shapes = {
            name: self._contribs[name]._read_shape(variable, ups[name], downs[name], kind=kind, scale=scale)
            for name in ups
        }
        for name, shape in shapes.items():
            self._contribs[name]._add(shape, f"add_shape('{shape.variable.name}')")
        return self

    def register_sumw2(self, sumw2: Any, channel: str | Sequence[str] | None = None) -> Process:
        """Give variances: of the only contribution, of that to ``channel``, or a dict by channel.

        Examples
        --------
        >>> Process("sig", [50.0, 1.0]).register_sumw2([5.0, 0.1])["main"].sumw2
        array([[5. , 0.1]])
        """
        given = by_channel(f"{self._what}: sumw2", sumw2, channel, self._contribs)
        checked = {name: self._contribs[name]._read_sumw2(values) for name, values in given.items()}
        for name, values in checked.items():
            self._contribs[name]._set_sumw2(*values)
        return self

    # -- predictions, handed in by prepare() -----------------------------------------------------

    def pred(self, values: Any) -> Any:
        """Expected yields in the model prepared last: (bin,), or (sub-process, bin).

        Raises
        ------
        NotPreparedError
            Before a model with this process was prepared.
        """
        return self._predictor(0, "pred")(values)

    def batch_pred(self, batch: Any) -> Any:
        """As :meth:`pred`, one row of values a toy."""
        return self._predictor(1, "batch_pred")(batch)

    def _predictor(self, which: int, call: str) -> Predictor:
        if self._predictors is None:
            raise NotPreparedError(
                f"{self._what}: {call} is known after prepare(); prepare a model with it first."
            )
        return self._predictors[which]

    def _set_predictors(self, pred: Predictor, batch_pred: Predictor) -> None:
        """Called by ``prepare()``."""
        self._predictors = (pred, batch_pred)

    def _face(self) -> Face:
        return process_face(self)

    def __repr__(self) -> str:
        parts = [repr(self._name)]
        if self.is_array:
            names = list(self.sub_procs)
            parts.append(f"sub_procs={names}" if len(names) <= 6 else plural(len(names), "sub-process"))
        if self._signal:
            parts.append("signal=True")
        parts.append(f"channels: {listed(self._contribs)}")
        acting = {"": self._effects} | {f"{name}: ": c.effects for name, c in self._contribs.items()}
        told = [where + tally(found) for where, found in acting.items() if found]
        if told:
            parts.append("effects: " + "; ".join(told[:4] + ["..."] * (len(told) > 4)))
        return one_line(f"Process({', '.join(parts)})")

    # -- checks ----------------------------------------------------------------------------------

    def _record(self, call: str) -> Process:
        self._changed(f"{call} on {self._what}")
        return self

    def _declare(
        self,
        call: str,
        of: str,
        declaration: Scale | ScaleFn | Systematic,
        channel: str | Sequence[str] | None,
        bins: Any,
        sub_procs: Any,
    ) -> Process:
        """Keep what acts on every contribution, or hand it to those it is for."""
        what, words = f"{self._what}: {call}", f"{call}('{of}')"
        if channel is None and not isinstance(bins, Mapping):
            return self._share(replace(declaration, region=read_region(what, sub_procs, bins)), what, words)
        where = what if channel is not None and not isinstance(bins, Mapping) else f"{what}: bins"
        of_channel = by_channel(where, bins, channel, self._contribs)
        # All are checked before one is changed.
        checked = {
            name: self._contribs[name]._checked(
                what, replace(declaration, region=read_region(what, sub_procs, selected))
            )
            for name, selected in of_channel.items()
        }
        for name, resolved in checked.items():
            self._contribs[name]._add(resolved, words)
        return self

    def _share(self, effect: Scale | ScaleFn | Systematic, what: str, words: str) -> Process:
        """Keep what acts on every contribution, once all of them accept it."""
        if not self._contribs:
            self._check_repeated(effect, what)
        resolved = [
            (contrib, self._check_effect(effect, contrib, self._shared_with(contrib), what))
            for contrib in self._contribs.values()
        ]
        self._effects.append(effect)
        for contrib, admitted in resolved:
            contrib._admit(admitted)
        return self._record(words)

    def _check_repeated(self, effect: Declaration, what: str) -> None:
        """As for a contribution, while there is none: of what acts everywhere."""
        for other in self._effects:
            if (
                isinstance(effect, Systematic)
                and isinstance(other, Systematic)
                and other.variable is effect.variable
                and other.effect.label == effect.effect.label
                and other.region is effect.region is EVERYWHERE
            ):
                raise DuplicateNameError(
                    f"{what}: {effect.effect.label} of '{effect.variable.name}' was given before; "
                    "give all its numbers in one call."
                )

    def _check_rows(self, contrib: ChannelContrib) -> None:
        known = self._known_n_sub
        if known is not None and contrib.n_sub != known:
            given = f"has {plural(known, 'sub-process')}" if self.is_array else "is a plain process"
            raise ShapeMismatchError(
                f"{self._what} {given}, {contrib._what} has {plural(contrib.n_sub, 'row')} of yields; "
                "give yields of shape (sub-process, bin) with one row each."
            )
        if contrib.is_array and self._contribs and not self.is_array:
            raise ShapeMismatchError(
                f"{self._what} is a plain process, {contrib._what} has yields of two axes; give shape (bin,)."
            )
        names, found = self._given or self._named_by_categories, contrib.row_names
        # Names given for all categories rename them; some of them elsewhere would confuse them.
        renamed = self._given is not None and found is not None and not set(found) & set(self._given)
        if names is not None and found is not None and found != names and not renamed:
            raise ShapeMismatchError(
                f"{contrib._what} has the categories {', '.join(found)}, the sub-processes of {self._what} "
                f"are {', '.join(names)}; give both in one order."
            )

    def _check_effect(
        self,
        effect: Declaration,
        contrib: ChannelContrib,
        shared: Iterable[Declaration],
        what: str | None = None,
    ) -> Declaration:
        """What acts on every contribution, as it acts on this one, if it can."""
        where = f"{what or self._what} in channel '{contrib.channel}'"
        resolved = contrib._resolve(where, effect, self._names_with(contrib))
        contrib._check_new(where, resolved, (*shared, *contrib.effects))
        return resolved
