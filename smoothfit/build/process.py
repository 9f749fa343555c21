"""Processes: what contributes to the expected yields, in one channel or several."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from ..errors import (
    DuplicateNameError,
    InvalidTypeError,
    InvalidValueError,
    NotPreparedError,
    ShapeMismatchError,
)
from .arguments import by_channel, check_channel, read_lnn, read_scale, read_scale_fn
from .changes import Tracked
from .checks import check_flag, check_name, check_names, check_text, describe, plural
from .contribution import ChannelContrib
from .declarations import Declaration, LnN, Scale, effect_label
from .variable import Variable

__all__ = ["Process"]

Predictor = Callable[[Any], Any]


class Process(Tracked):
    """A process, or several sub-processes stacked as the rows of one array.

    Parameters
    ----------
    name
        Unique in a model.
    yields
        Makes the contribution to ``channel``: (bin,), or (sub-process, bin) for an array process.
        None where contributions are added by :meth:`add_contrib`.
    sub_procs
        Names of the sub-processes; makes it an array process. ``name[0]``, ... by default.
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
        return tuple(f"{self._name}[{i}]" for i in range(self.n_sub)) if self.is_array else (self._name,)

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

        Axes of scale factors are resolved for this contribution, kappas have one entry a
        sub-process.

        Examples
        --------
        >>> bkg = Process("bkg", [500.0, 400.0]).add_lnN(Variable("lumi", 0.0, nuisance=True), 1.25)
        >>> bkg.resolved_effects(bkg["main"])[0].down
        array([0.8])
        """
        shared = tuple(contrib._resolve(f"{self._what}: scale_by", effect) for effect in self._effects)
        return shared + contrib.effects

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
        for effect in self._effects:
            self._check_effect(effect, contrib)
        self._contribs[contrib.channel] = contrib
        contrib._attach(self)
        return self._record(f"add_contrib('{contrib.channel}')")

    def scale_by(self, variable: Variable, *, axis: str | None = None) -> Process:
        """Multiply the yields in every channel by a variable.

        A variable of one component scales everything; of several, the sub-processes of an array
        process if there are as many, else the bins of each channel. ``axis="bin"`` or
        ``"process"`` asks for one.

        Raises
        ------
        ShapeMismatchError
            Where the number of components fits neither.
        """
        scale = read_scale(f"{self._what}: scale_by", variable, axis)
        known = self._known_n_sub
        if axis == "process" and variable.size > 1 and known is not None and variable.size != known:
            raise ShapeMismatchError(
                f"{self._what}: scale_by: variable '{variable.name}' has "
                f"{plural(variable.size, 'component')}, the process has {plural(known, 'sub-process')}; "
                "give one component, or one a sub-process."
            )
        return self._share(scale, f"scale_by('{variable.name}')")

    def scale_by_fn(self, fn: Callable[..., Any], *variables: Variable, axis: str | None = None) -> Process:
        """Multiply the yields in every channel by a function of variables, traceable by JAX.

        ``fn`` gets one array a variable (0-d for a scalar one). Its result has shape
        (sub-process, bin), or broadcasts to it; a 1-D result follows the rule of ``scale_by``.

        Examples
        --------
        >>> mu = Variable("mu", 1.0)
        >>> Process("sig", [50.0, 1.0]).scale_by_fn(lambda mu: mu**2, mu)
        Process('sig', channels: main, effects: scale_by_fn mu)
        """
        declaration = read_scale_fn(f"{self._what}: scale_by_fn", fn, variables, axis)
        return self._share(declaration, f"scale_by_fn('{declaration.label}')")

    def add_lnN(self, variable: Variable, kappa: Any, *, interpolation: str = "combine") -> Process:
        """Add a log-normal uncertainty in every channel; see :meth:`ChannelContrib.add_lnN`."""
        what = f"{self._what}: add_lnN"
        lnn = read_lnn(what, variable, kappa, interpolation, n_sub=self._known_n_sub)
        if any(isinstance(effect, LnN) and effect.variable is variable for effect in self._effects):
            raise DuplicateNameError(
                f"{what}('{variable.name}') was called before; give both kappas in one call."
            )
        return self._share(lnn, f"add_lnN('{variable.name}')")

    def add_shape(
        self,
        variable: Variable,
        up: Any,
        down: Any,
        *,
        kind: str = "shape",
        scale: float = 1.0,
        channel: str | None = None,
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

    def register_sumw2(self, sumw2: Any, channel: str | None = None) -> Process:
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

    def __repr__(self) -> str:
        parts = [repr(self._name)]
        if self.is_array:
            parts.append(f"sub_procs={list(self.sub_procs)}")
        if self._signal:
            parts.append("signal=True")
        parts.append(f"channels: {', '.join(self._contribs) or 'none'}")
        if self._effects:
            parts.append("effects: " + ", ".join(effect_label(effect) for effect in self._effects))
        return f"Process({', '.join(parts)})"

    # -- checks ----------------------------------------------------------------------------------

    def _record(self, call: str) -> Process:
        self._changed(f"{call} on {self._what}")
        return self

    def _share(self, effect: Declaration, call: str) -> Process:
        """Keep what acts on every contribution, once all of them accept it."""
        for contrib in self._contribs.values():
            self._check_effect(effect, contrib)
        self._effects.append(effect)
        return self._record(call)

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

    def _check_effect(self, effect: Declaration, contrib: ChannelContrib) -> None:
        """Whether what acts on every contribution can act on this one."""
        if isinstance(effect, Scale):
            contrib._resolve(f"{self._what}: scale_by in channel '{contrib.channel}'", effect)
        elif isinstance(effect, LnN):
            if len(effect.up) not in (1, contrib.n_sub):
                raise ShapeMismatchError(
                    f"{self._what}: add_lnN('{effect.variable.name}') was given {len(effect.up)} kappas, "
                    f"{contrib._what} has {plural(contrib.n_sub, 'sub-process')}; give one each."
                )
            contrib._check_lnn(effect)
