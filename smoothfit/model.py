"""Model: the face of the library. It keeps names and builders; the numbers are made elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ._checks import plural
from ._types import ArrayLike, FloatArray
from .asking import Asking
from .build import ChannelContrib, Process, Variable
from .build.changes import total_changes
from .build.declarations import variables_of
from .build.faces import listed
from .errors import (
    DuplicateNameError,
    InvalidTypeError,
    NotPreparedError,
    StaleModelError,
    UnknownNameError,
)
from .inference import fitting
from .inference.context import Context
from .inference.replacement import replaced, with_data
from .inference.summary import model_face, summarize
from .layout import Layout
from .preparation import Specification, prepare
from .preparation import settings as checked
from .preparation.correlations import correlated
from .preparation.likelihoods import likelihood_term
from .prepared import Prepared
from .render import Face, ShownInFull, one_line
from .results import ModelSummary, Receipt
from .template_sets import Options, gather, read_mc_stat

__all__ = ["ChannelContrib", "Model", "Process", "Variable"]

N = TypeVar("N", Process, Variable)


class Model(Asking, ShownInFull):
    """A statistical model: processes, what correlates their nuisances, and further terms.

    Build it with :meth:`add_proc` and friends, :meth:`prepare` it once, then ask. A builder that
    changes after ``prepare()`` makes the model stale: ``compile()`` prepares again, any other call
    raises :class:`~smoothfit.errors.StaleModelError`.

    Examples
    --------
    >>> mu = Variable("mu", 1.0, lower_bound=0.0)
    >>> model = Model().add_proc(Process("sig", [50.0, 1.0]).scale_by(mu))
    >>> model = model.add_proc(Process("bkg", [500.0, 500.0]))
    >>> model
    Model(processes: sig, bkg; not prepared)
    >>> model.prepare()
    Model(processes: sig, bkg; channels: main; 1 parameter, 0 bin parameters)
    >>> best_fit = model.fit(model.pred({mu: 0.5}))
    >>> round(best_fit["mu"].value, 6), round(best_fit["mu"].error, 4)
    (0.5, 0.4582)
    """

    def __init__(self) -> None:
        self._specification = Specification()
        self._prepared: Prepared | None = None
        self._layout: Layout | None = None
        self._seen: dict[int, tuple[int, Any]] = {}
        self._seen_total = -1
        self._own_change: str | None = None
        self._blinded: frozenset[str] = frozenset()
        self.receipt: Receipt | None = None
        """What a reader took from a file; None of a model that was built by hand."""

    @classmethod
    def from_specification(
        cls, specification: Specification, *, blinded: frozenset[str] = frozenset()
    ) -> Model:
        """A model that was told all this, hiding these names; not prepared. The specification is its own."""
        model = cls()
        model._specification, model._blinded = specification, blinded
        return model

    def __repr__(self) -> str:
        shown = f"processes: {listed(process.name for process in self._specification.processes)}; "
        if self._layout is None or self._stale() is not None:
            state = "not prepared" if self._layout is None else "changed since prepare()"
            return one_line(f"Model({shown}{state})")
        sizes = (len(self.parameters), "parameter"), (len(self.bin_parameters), "bin parameter")
        counted = ", ".join(plural(number, noun) for number, noun in sizes)
        return one_line(f"Model({shown}channels: {listed(self.channels)}; {counted})")

    def _face(self) -> Face:
        changed = None if self._layout is None else self._stale()
        if self._layout is None:
            state = "not prepared, call prepare() before asking it anything"
        elif changed is not None:
            state = f"changed since prepare() by {changed}, call compile() to take it in"
        else:
            sizes = (len(self.parameters), "parameter"), (len(self.bin_parameters), "bin parameter")
            state = f"prepared, {', '.join(plural(number, noun) for number, noun in sizes)}"
        found = model_face(None if changed else self._layout, self._specification, state)
        hidden = f"Blinded: {', '.join(sorted(self._blinded))}"
        return found._replace(lines=(*found.lines, hidden)) if self._blinded else found

    # -- building --------------------------------------------------------------------------------

    @classmethod
    def from_histograms(
        cls,
        mapping: Any,
        naming: str,
        *,
        nominal: str | None = None,
        data: str | None = "data_obs",
        channel: str = "main",
        signals: Sequence[str] | Mapping[str, Variable] = (),
        poi: str | Variable | None = "mu",
        lnN: Mapping[str, Any] | None = None,
        kind: str | Mapping[str, str] = "shape",
        scale: float | Mapping[str, float] = 1.0,
        symmetrise: bool | Sequence[str] = False,
        mc_stat: str | Mapping[str, Any] = "lite",
        channels: Sequence[str] | None = None,
        processes: Sequence[str] | None = None,
        systematics: Sequence[str] | None = None,
        ignore: Sequence[str] = (),
    ) -> tuple[Model, FloatArray | None]:
        """The model of a set of histograms that are told apart by their names, prepared, and its data.

        Parameters
        ----------
        mapping
            {name: histogram}, also {channel: {name: histogram}}, whose names are joined by slashes; or an
            open ROOT file, or a folder in it, of uproot. (A path: :func:`smoothfit.read_histograms`.)
        naming
            How variations are named: "{channel}/{process}_{systematic}{Up|Down}". ``{direction}`` is
            ``{Up|Down}``. Without a systematic there are only nominal histograms.
        nominal
            How nominal histograms are named; by default as ``naming`` without the systematic.
        data
            The data's name among the processes; None if there are none.
        channel
            The channel of names that have none.
        signals
            Processes that are scaled by ``poi``, or {process: Variable}.
        poi
            The parameter of interest: a name (of a factor from 0 to 20, 1 at the start), a Variable, or
            None for none.
        lnN
            {nuisance: {process: kappa}}, or {nuisance: kappa} for all processes; kappas as ``add_lnN`` takes
            them. A nuisance that is a systematic, too, is the same.
        kind
            Of all shapes, or {systematic: kind}, "shape" for the others: see ``add_shape``.
        scale
            1 / number of sigmas that variations were made with, of all or {systematic: number}.
        symmetrise
            Whether a variation with one side only is mirrored, or of which systematics; else it is an error.
        mc_stat
            Mode of Monte Carlo statistics, or a dict of what ``set_mc_stat`` takes.
        channels, processes, systematics
            Those that exist, where names alone do not tell.
        ignore
            Patterns of names to leave out, as "*_old"; the receipt lists them.

        Returns
        -------
        model, obs
            The model, whose ``receipt`` says what was read, and what not and why; the counts of the data,
            (bin,), None if there are none.

        Raises
        ------
        InvalidValueError
            For names that cannot be read, or in two ways; variations without a nominal histogram or with one
            side only; and what the builders refuse.
        InvalidTypeError, ShapeMismatchError, UnknownNameError
            For what is no histogram, other binnings, names of processes and systematics that do not exist.

        Examples
        --------
        >>> found = {"sig": [5.0, 1.0], "bkg": [50.0, 40.0], "bkg_jesUp": [55.0, 42.0],
        ...     "bkg_jesDown": [46.0, 38.0], "data_obs": [53.0, 44.0]}
        >>> naming = "{process}_{systematic}{Up|Down}"
        >>> model, obs = Model.from_histograms(found, naming, signals=["sig"], lnN={"lumi": 1.02})
        >>> model.parameters, obs
        (('mu', 'lumi', 'jes'), array([53., 44.]))
        """
        options = Options(channel, signals, poi, lnN, kind, scale, symmetrise)
        known = {"channels": channels, "processes": processes, "systematics": systematics}
        found = gather(mapping, naming, options, nominal=nominal, data=data, ignore=ignore, **known)
        model = cls()
        for process in found.processes:
            model.add_proc(process)
        model.set_mc_stat(**read_mc_stat(mc_stat))
        if found.pois:
            model.poi = found.pois[0].sub_names[0]
        model.prepare()
        model.receipt = found.receipt
        return model, None if found.data is None else model.data_from_dict(found.data)

    def add_proc(self, process: Process) -> Model:
        """Add a process. Raises on anything else, and on a second process of one name."""
        if not isinstance(process, Process):
            raise InvalidTypeError(f"Model.add_proc: expected a Process, got {type(process).__name__}.")
        if any(known.name == process.name for known in self._specification.processes):
            raise DuplicateNameError(
                f"Model.add_proc: there is a process '{process.name}' already; names must differ."
            )
        self._specification.processes.append(process)
        return self._changed("add_proc")

    def correlate_nuisances(
        self, first: Any, second: Any, rho: float | None = None, *, repair: bool = False
    ) -> Model:
        """Correlate two nuisances by ``rho``, or a list of nuisances by a matrix.

        Array variables count component by component; of what several calls say of one pair the last
        counts. All nuisances need Gaussian constraints.

        Parameters
        ----------
        first, second, rho
            Two Variables and a number in [-1, 1], or a list of Variables and a matrix over their
            components.
        repair
            Whether correlations that are not positive definite, with those of earlier calls, are replaced
            by the nearest correlation matrix (Higham 2002; no eigenvalue below 1e-6), with a
            :class:`~smoothfit.errors.RepairedCorrelationWarning`.

        Raises
        ------
        InvalidTypeError, InvalidValueError, ShapeMismatchError
            For what is no Gaussian nuisance, for a matrix of another shape, and for correlations that are
            not positive definite, unless repaired.
        """
        known, own = self._specification.correlations, self._specification.own
        first = [own(v) for v in first] if isinstance(first, list | tuple) else own(first)
        self._specification.correlations = correlated(first, own(second), rho, known, repair=repair)
        return self._changed("correlate_nuisances")

    def add_constraint(self, fn: Callable[..., Any], *variables: Variable) -> Model:
        """Add a term to the log-likelihood: a penalty is negative.

        ``fn`` is called with the variables' arrays, or with (values, data, global observables) if none
        are given; ``values`` are the model's parameters, without bin parameters.
        """
        term = checked.user_term(fn, tuple(map(self._specification.own, variables)))
        if self._layout is not None:
            term = replace(term, order=self._layout.parameters)
        self._specification.terms.append(term)
        return self._changed("add_constraint")

    def add_likelihood(
        self, likelihood: Any, variables: Any, data: Any = None, *, name: str | None = None
    ) -> Model:
        """Add a likelihood of another program, to be fitted jointly: its NLL is added to that of the model.

        Parameters
        ----------
        likelihood
            An object with ``nll(values, data)``, or a function of these: the NLL, one number, written with
            JAX; ``values`` is the vector of its parameters, (parameter,). What JAX cannot trace is wrapped by
            :func:`smoothfit.host_likelihood`. With ``parameters``, names, or ``n_parameters`` it is
            checked that there is a Variable for each.
        variables
            Its parameters: Variables in the order of its vector, an array Variable for as many as it has
            components; or {position, or name of ``parameters``: Variable}. One of the model may be given by
            its name. Those that no process depends on become parameters of the model, too.
        data
            What it is compared with: a pytree of arrays, handed to ``nll``. They are copied, can be
            differentiated by, and replaced by ``replaced(likelihoods={name: data})``.
        name
            Unique among the model's likelihoods; by default that of the function or class.

        Raises
        ------
        InvalidTypeError, InvalidValueError, ShapeMismatchError, UnknownNameError, DuplicateNameError
            For what is no likelihood, other numbers of Variables than parameters, data that are no arrays, a
            second likelihood of one name.
        UserFunctionError
            By ``prepare()``: for an NLL that JAX cannot trace, that is not one number, or not finite.

        Notes
        -----
        A Variable's constraint counts once, whoever depends on it. An NLL that contains a constraint needs a
        Variable without one. Toys and Asimov data leave ``data`` as they are: see the page on likelihoods of
        other programs in the docs.

        Examples
        --------
        An unbinned measurement of a mass, and a counting experiment whose yield depends on it:

        >>> import jax.numpy as jnp
        >>> mass, mu = Variable("mass", 120.0), Variable("mu", 1.0)
        >>> def unbinned(values, events):
        ...     return 0.5 * jnp.sum(((events - values[0]) / 2.0) ** 2)
        >>> sig = Process("sig", [50.0]).scale_by(mu).scale_by_fn(lambda m: (m / 125.0) ** 2, mass)
        >>> model = Model().add_proc(sig).add_likelihood(unbinned, [mass], np.array([123.0, 126.0, 127.5]))
        >>> best_fit = model.prepare().fit([60.0])
        >>> round(best_fit["mass"].value, 3), round(best_fit["mu"].value, 3)
        (125.5, 1.19)
        """
        term = likelihood_term(likelihood, variables, data, name, self._specification.variables())
        term = replace(term, variables=tuple(map(self._specification.own, term.variables or ())))
        if any(
            t.likelihood is not None and t.likelihood.name == term.label for t in self._specification.terms
        ):
            raise DuplicateNameError(
                f"Model.add_likelihood: there is a likelihood '{term.label}' already; a measurement counts "
                "once, and another one needs another name=."
            )
        self._specification.terms.append(term)
        return self._changed("add_likelihood")

    def set_mc_stat(
        self,
        mode: str = "lite",
        *,
        scaling: str = "process",
        threshold: float | None = None,
        channels: Sequence[str] | None = None,
        constraint: str = "poisson",
        include_signal: bool = False,
    ) -> Model:
        """Choose how limited Monte Carlo statistics (sumw2) enter: see the Monte Carlo page of the docs.

        ``mode`` is "lite" (one Gaussian a bin, ``scaling`` "process" or "total"), "lite-gamma" (one Poisson
        a bin), "full" (one a process and bin: ``constraint`` "poisson" or "gaussian"; with ``threshold``,
        Poisson below that content), "threshold" (Combine's autoMCStats; ``include_signal``) or "none".
        Later calls override earlier ones for the channels they name (all, by default).
        """
        setting = checked.mc_stat(mode, scaling, threshold, channels, constraint, include_signal)
        self._specification.mc_stat.append(setting)
        return self._changed("set_mc_stat")

    def set_data_term(self, kind: str = "poisson", variances: Any = None) -> Model:
        """Take the data as "poisson" counts, or "gaussian" with ``variances`` (bin,) or {channel: array}.

        Without variances a Gaussian term uses the observed counts, at least 1.
        """
        self._specification.data_term = checked.data_term(kind, variances)
        return self._changed("set_data_term")

    def mask_channels(self, *names: str) -> Model:
        """Leave these channels out of the likelihood, and no others; they are still predicted."""
        self._specification.masked = checked.masked(names)
        return self._changed("mask_channels")

    def describe_channel(
        self,
        name: str,
        edges: ArrayLike | None = None,
        label: str | None = None,
        unit: str | None = None,
    ) -> Model:
        """Bin edges, axis label and unit of a channel, for tables and pictures."""
        self._specification.descriptions[name] = checked.channel_description(
            name, edges, label, unit, self._specification.processes
        )
        return self._changed("describe_channel")

    def prepare(self) -> Model:
        """Regroup everything into arrays. Prints nothing; returns the model."""
        self._prepared, self._layout = prepare(self._specification)
        self._remember()
        layout = self._layout
        self._specification.terms = [
            replace(term, order=layout.parameters) if term.order is None else term
            for term in self._specification.terms
        ]
        for variable in {id(v): v for v in self._variables()}.values():
            variable._set_sub_idxes(np.array(layout.positions(variable)))
        for process in self._specification.processes:
            process._set_predictors(*self._predictors(process.name))
        return self

    def compile(self) -> Model:
        """Prepare again if stale, and compile the fit, so that the first one is fast."""
        if self._prepared is None or self._stale() is not None:
            self.prepare()
        layout = self._current()
        fitting.fit_prepared_data(
            self._context(), np.zeros(layout.n_bins), layout.globs, None, layout.start, strict=False
        )
        return self

    # -- staleness -------------------------------------------------------------------------------

    def _changed(self, what: str) -> Model:
        self._own_change = f"Model.{what}()"
        return self

    def _builders(self) -> list[Any]:
        processes = self._specification.processes
        return [*processes, *(c for p in processes for c in p.contribs.values())]

    def _variables(self) -> list[Variable]:
        owners = self._layout.owners if self._layout is not None else {}
        found: list[Variable] = []
        for process in self._specification.processes:
            for contrib in process.contribs.values():
                for effect in process.resolved_effects(contrib):
                    found += variables_of(effect)
        found += self._specification.brought()
        return [v for v in found if id(v) in owners]

    def _remember(self) -> None:
        self._own_change = None
        self._seen = {id(b): (b.revision, b) for b in self._builders()}
        self._seen_total = total_changes()

    def _stale(self) -> str | None:
        """What changed since ``prepare()``, None if nothing did."""
        if self._own_change is not None:
            return self._own_change
        if self._seen_total == total_changes():
            return None
        for builder in self._builders():
            if id(builder) not in self._seen or self._seen[id(builder)][0] != builder.revision:
                return str(builder.last_change) or repr(builder)
        self._seen_total = total_changes()
        return None

    def _current(self) -> Layout:
        if self._layout is None:
            raise NotPreparedError("Model: not prepared; call prepare() (or compile()) first.")
        changed = self._stale()
        if changed is not None:
            raise StaleModelError(
                f"Model: {changed} came after prepare(); call compile() or prepare() to take it in."
            )
        return self._layout

    @property
    def prepared(self) -> Prepared:
        """The arrays: the first argument of :mod:`smoothfit.functional`."""
        self._current()
        assert self._prepared is not None
        return self._prepared

    def _context_with(self, fn: Callable[..., Any], *variables: Variable) -> Context:
        """The model prepared with one more term of the log-likelihood; the model itself stays as it is."""
        self._current()
        own = tuple(map(self._specification.own, variables))
        terms = [*self._specification.terms, checked.user_term(fn, own)]
        prepared, layout = prepare(replace(self._specification, terms=terms))
        return Context(prepared, layout, self._blinded)

    @property
    def is_prepared(self) -> bool:
        """Whether :meth:`prepare` was called, be it before the last change."""
        return self._layout is not None

    @property
    def specification(self) -> Specification:
        """What the model was told: processes, correlations, terms and settings, to be read, not changed."""
        return self._specification

    @property
    def layout(self) -> Layout:
        """Names, slices and sizes."""
        return self._current()

    def process(self, name: str) -> Process:
        """The process of that name, to build on: also where the model was read, loaded or combined.

        Raises
        ------
        UnknownNameError
            If there is none.

        Examples
        --------
        >>> model = Model().add_proc(Process("bkg", [50.0])).prepare()
        >>> _ = model.process("bkg").add_lnN(Variable("lumi", 0.0, nuisance=True), 1.02)
        >>> model.prepare().nuisances
        ('lumi',)
        """
        return _named("process", name, self._specification.processes)

    def variable(self, name: str) -> Variable:
        """The Variable of that name, as :meth:`process` is the process; not that of a component.

        Raises
        ------
        UnknownNameError
            If no process and no likelihood depends on one.

        Examples
        --------
        >>> model = Model().add_proc(Process("sig", [5.0]).scale_by(Variable("mu", 1.0)))
        >>> _ = model.add_proc(Process("other", [2.0]).scale_by(model.variable("mu"))).prepare()
        >>> model.parameters
        ('mu',)
        """
        return _named("variable", name, self._specification.variables())

    # -- names -----------------------------------------------------------------------------------

    parameters = property(lambda self: self._current().parameters, doc="Parameter names, as in the values.")
    bin_parameters = property(lambda self: self._current().bin_parameters, doc="Names of bin parameters.")
    n_bins = property(lambda self: self._current().n_bins, doc="The number of bins of all channels.")

    @property
    def pois(self) -> tuple[str, ...]:
        """Names of the free (unconstrained) parameters."""
        return tuple(n for v in self._current().variables if not v.nuisance for n in v.sub_names)

    @property
    def nuisances(self) -> tuple[str, ...]:
        """Names of the constrained parameters."""
        return tuple(n for v in self._current().variables if v.nuisance for n in v.sub_names)

    @property
    def poi(self) -> str | None:
        """The parameter of interest: as set, or the first free parameter; None if there is none."""
        layout = self._current()
        if self._specification.poi is not None:
            return self._specification.poi or None
        return next((n for v in layout.variables if not v.nuisance for n in v.sub_names), None)

    @poi.setter
    def poi(self, name: str | Variable | None) -> None:
        self._specification.poi = "" if name is None else name if isinstance(name, str) else name.name

    def index(self, variable: Variable | str) -> Any:
        """Positions in the values: an int for a scalar or a sub-name, an array for an array variable."""
        layout = self._current()
        at = layout.positions(variable)
        info = layout.variable(variable)
        return np.array(at) if info is not None and not info.is_scalar else at[0]

    def summary(self) -> ModelSummary:
        """Tables of what is in the model."""
        return summarize(self._current(), self._specification)

    # -- templates -------------------------------------------------------------------------------

    def replaced(
        self, *where: Any, likelihoods: Mapping[str, Any] | None = None, **templates: Any
    ) -> Prepared:
        """``model.prepared`` with other templates, or other data of likelihoods; traceable.

        ``replaced(process, channel, yields=, sumw2=, up={variable: ...}, down={...}, kappa={...})`` or
        ``replaced({(process, channel): {...}, ...})``; ``likelihoods={name: data}``, of the shapes that
        :meth:`add_likelihood` was given.
        """
        layout, prepared = self._current(), self.prepared
        if likelihoods is not None:
            prepared = with_data(prepared, layout, likelihoods)
            if not where and not templates:
                return prepared
        if len(where) == 1 and isinstance(where[0], Mapping) and not templates:
            changes = where[0]
        elif len(where) == 2:
            changes = {tuple(where): templates}
        else:
            raise InvalidTypeError(
                "replaced: give (process, channel, yields=...) or {(process, channel): {...}}."
            )
        named = {(getattr(p, "name", p), c): change for (p, c), change in changes.items()}
        return replaced(prepared, layout, named)


def _named(what: str, name: str, among: Sequence[N]) -> N:
    found = next((one for one in among if one.name == name), None)
    if found is None:
        names = ", ".join(one.name for one in among) or "none"
        raise UnknownNameError(f"Model.{what}: there is no {what} '{name}'; there are: {names}.")
    return found
