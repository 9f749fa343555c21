"""One of each record and builder, made by hand: their numbers are exact, and nothing is compiled.

That the numbers of records are right is tested elsewhere, against independent witnesses; here it is how they
are shown. ``every()`` has them by name, ``blinded()`` those that hide something, with what they hide.
"""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np

from smoothfit import ChannelContrib, Model, Process, TreeVariable, Variable
from smoothfit.campaign import CampaignStatus
from smoothfit.campaign.manifest import Manifest
from smoothfit.campaign.status import Course
from smoothfit.constraints import AsymmetricGaussian, Poisson
from smoothfit.inference.neyman import exact
from smoothfit.layout import ChannelInfo, ProcessInfo
from smoothfit.render import Measured, Named, Rounded, Table
from smoothfit.results import (
    Attempt,
    BatchFitResult,
    BottomLine,
    Breakdown,
    Changed,
    ChannelCompatibility,
    Chi2Test,
    Compiled,
    Contour,
    Contours,
    Coverage,
    Difference,
    Estimates,
    FeldmanCousins,
    Finding,
    Findings,
    FitResult,
    GlobalSignificance,
    GoodnessOfFit,
    HypotestResult,
    Impacts,
    Interval,
    Limit,
    Minima,
    MinosBounds,
    ModelStats,
    ModelSummary,
    NllDifference,
    Note,
    Pulls,
    Receipt,
    Scan,
    ShiftChange,
    Significance,
    ToyBlock,
    ToyCounts,
    ToyFits,
    UnfoldingResult,
    UnfoldingScan,
    Variations,
    YieldChange,
    Yields,
)
from smoothfit.systematics import Change, Changes

HOSTILE = "<script>alert('&')</script>|=1\n\x1b[31m_red_"
MU_LABEL, BROKEN_LABEL = r"\mu_{t\bar{t}}", r"\theta_{"


@cache
def builders():
    """A model of two channels with effects of several kinds, and what it is made of."""
    mu = Variable("mu", 1.0, lower_bound=0.0, upper_bound=10.0, label=MU_LABEL, unit="pb")
    theta = Variable("theta_1", 0.0, nuisance=True, label=BROKEN_LABEL, group="theory")
    jes = Variable("jes", 0.0, constraint=AsymmetricGaussian(0.8, 1.2))
    held = Variable("held", 1.0, fixed=True)
    bins = Variable("gamma", [1.0, 1.0], constraint=Poisson(tau=[25.0, 100.0]), lower_bound=1e-9)
    sig = Process("sig", signal=True, label=r"$t\bar{t}$").add_contrib(ChannelContrib("SR", [12.0, 5.5]))
    sig.scale_by(mu).add_lnN(theta, (0.9, 1.2))
    bkg = Process("bkg").add_contrib(ChannelContrib("SR", [50.0, 40.0], [5.0, 4.0]))
    bkg.add_contrib(ChannelContrib("CR", [1000.25, 800.0])).scale_by(held)
    bkg["SR"].add_shape(jes, [52.0, 43.0], [48.0, 38.0]).add_lnN(theta, 1.05, bins=[1])
    bkg["CR"].add_shape(jes, [1010.0, 820.0], [990.0, 790.0]).scale_by(bins, axis="bin")
    pair = Process("pair", [[3.0, 1.0], [1.0, 2.0]], sub_procs=["left", "right"], channel="CR")
    model = Model().add_proc(sig).add_proc(bkg).add_proc(pair).prepare()
    return {
        "variable": mu,
        "nuisance": theta,
        "array_variable": bins,
        "tree_variable": TreeVariable("net", {"w": np.zeros((1, 2)), "b": np.zeros(1)}, width=0.5),
        "process": bkg,
        "array_process": pair,
        "empty_process": Process("none"),
        "contribution": bkg["CR"],
        "model": model,
        "empty_model": Model(),
        "unprepared_model": Model().add_proc(Process("sig", [1.0, 2.0])),
    }


def layout():
    """mu, held, theta_1, jes, gamma[0], gamma[1], and bin parameters."""
    return builders()["model"].layout


def fit():
    """mu at its limit, held fixed."""
    n, bins = layout().n_params, layout().n_bin_params
    x = np.array([10.0, 1.0, -0.25, 0.5, 1.01, 0.99, *np.zeros(bins)])
    errors = np.array([0.5, 0.0, 0.9, 0.75, 0.15, 0.08, *np.ones(bins)])
    covariance = np.diag(errors[:n] ** 2)
    covariance[0, 2] = covariance[2, 0] = 0.225
    return FitResult(
        x=x,
        errors=errors,
        fun=21.5926512,
        hess_inv=covariance,
        gradient=np.zeros(n),
        status=0,
        message="Converged in 5 steps, EDM 1e-18. mu sits at a limit: its error does not know of the limit.",
        success=True,
        edm=1e-18,
        at_limit=np.arange(n) == 0,
        positive_definite=True,
        smallest_nu=3.0,
        steps=5,
        fitter="newton",
        obs=np.array([70.0, 45.0, 1010.0, 805.0]),
        globs=np.zeros(len(layout().globs)),
        fixed=np.arange(n + bins) == 1,
        layout=layout(),
        attempts=(
            Attempt("from the start values of the model", "newton", 1, 25.5, 1.5, 100),
            Attempt("from the other side", "newton", 0, 21.5926512, 1e-18, 5),
        ),
    )


def failed_fit():
    """One that did not converge."""
    return dataclasses.replace(
        fit(),
        success=False,
        status=1,
        message="Not converged: stopped after 5 steps, EDM unknown.",
        edm=np.nan,
    )


def yields(title="Post-fit yields"):
    """Two processes in two channels."""
    channels = (ChannelInfo("SR", 0, 2), ChannelInfo("CR_1", 2, 3))
    processes = (
        ProcessInfo("sig", ("sig",), False, True, MU_LABEL),
        ProcessInfo("b_kg", ("b",), False, False),
    )
    parts = {"sig": np.array([5.0, 1.0, 0.0]), "b_kg": np.array([50.0, 40.0, 1000.25])}
    total = parts["sig"] + parts["b_kg"]
    errors = {"sig": np.array([1.5, 0.0]), "b_kg": np.array([8.0, 31.5])}
    return Yields(
        title,
        channels,
        processes,
        parts,
        total,
        np.sqrt(total),
        np.array([57.0, 38.0, 1003.0]),
        channel_error=np.array([8.25, 31.5]),
        process_error={name: np.sqrt(part) for name, part in parts.items()},
        process_channel_error=errors,
    )


def _variations():
    """Of a nuisance that moves one of two processes."""
    one, moved = yields(), {"sig": np.array([5.5, 1.0, 0.0])}
    parts = dict(one.per_process)
    lower = {**parts, "sig": np.array([4.75, 1.0, 0.0])}
    error = {"sig": np.array([0.5, 0.25, 0.0]), "b_kg": np.full(3, np.nan)}
    return Variations(
        "jes", None, 1.0, -1.0, one.channels, one.processes, parts, {**parts, **moved}, lower, error
    )


def _breakdown():
    shares = np.array([[0.16, 0.01], [0.09, -0.001], [0.002, 0.0]])
    pois, labels = ("mu", "nu"), (MU_LABEL, None)
    values, variance = np.array([1.0, 2.0]), np.array([0.252, 0.009])
    return Breakdown(
        "hessian",
        pois,
        labels,
        values,
        variance,
        ("data", "lumi", "theory_x"),
        shares,
        np.array([False, True]),
    )


def impacts():
    """Of three nuisances on two quantities, the second one hidden."""
    return Impacts(
        "traditional",
        "minos",
        ("mu", "nu"),
        (MU_LABEL, None),
        np.array([1.0, 2.0]),
        np.array([0.3, 0.1234]),
        ("lumi", "jes_1", "stuck"),
        (r"\mathcal{L}", BROKEN_LABEL, None),
        np.array([0.5, 1.2, np.nan]),
        -np.array([0.5, 1.1, 0.9]),
        np.array([[0.1, 0.01], [-0.25, 0.02], [np.nan, np.nan]]),
        np.array([[-0.12, -0.01], [0.2, -0.02], [0.05, 0.0]]),
        ("converged", "converged", "not converged"),
        ("converged", "at limit", "converged"),
        np.array([0.1, -0.5, np.nan]),
        np.array([0.5, 0.98, np.nan]),
        np.array([0.5, 0.97, np.nan]),
        np.array([False, True]),
        _breakdown(),
    )


def pulls():
    """With Minos errors, one of which was not found."""
    names, labels = ("jes_1", "lumi"), (BROKEN_LABEL, "integrated luminosity")
    ends = {"error_up": np.array([0.9, np.nan]), "error_down": np.array([1.05, 0.25])}
    statuses = {"status_up": ("converged", "at limit"), "status_down": ("converged", "hesse")}
    return Pulls(names, labels, np.array([0.5, -12.0]), np.array([0.95, 0.25]), **ends, **statuses)


def _counts():
    return ToyCounts("frequentist", 1, 1000, 2000, 3, {"NOT_CONVERGED": 1})


_FITS = (Attempt("free", "newton", 0, 21.5, 1e-18, 5),)
_BANDS = np.array([-1.0, 0.0, 1.0])


def limit():
    """With toys, the highest band not reached."""
    return Limit(
        "mu",
        0.95,
        1.125,
        np.array([0.75, 1.0625, np.nan]),
        _BANDS,
        "found",
        ("found", "found", "not reached"),
        "cls",
        "qtilde",
        "toys",
        0.140625,
        np.array([0.5, 1.0]),
        np.array([0.5, 0.0625]),
        np.full((2, 3), 0.25),
        ("1000 toys a value",),
        _FITS,
        layout(),
        observed_error=0.0125,
        expected_errors=np.array([0.01, 0.02, np.nan]),
        toys=_counts(),
    )


def hypotest():
    """Of mu = 1."""
    tails = np.array([0.0025, 0.03125, 0.25])
    about = ("mu", 1.0, "qtilde", "asymptotic", 2.5, 3.5, 0.0625, 0.5, 0.125)
    return HypotestResult(
        *about, tails, np.array([0.125, 0.5, 0.875]), _BANDS, 0.140625, 0.0, _FITS, (), layout()
    )


def scan():
    """Of mu, a point of which failed."""
    points = np.array([0.5, 1.0, 1.5])
    rest = {"status": np.array([0, 0, 1]), "edm": np.zeros(3), "x": np.ones((3, layout().n_params))}
    rise = np.array([0.625, 0.0, np.nan])
    return Scan(("mu",), points, rise, best=np.array([1.0]), errors=np.array([0.5]), layout=layout(), **rest)


def contour():
    """A square of mu and jes."""
    corners = np.array([[1.5, 0.5], [1.0, 1.25], [0.5, 0.5], [1.0, -0.25], [1.5, 0.5]])
    status = np.array([[0, 0, 1, 0, 0]])
    x, best = np.zeros((1, 5, layout().n_params)), np.array([1.0, 0.5])
    return Contour(("mu", "jes"), (0.68,), corners[None], status, x, best, layout())


def unfolding_scan():
    """Two strengths, without coverage."""
    nan, ones = np.full(2, np.nan), np.ones((2, 2))
    numbers = (np.array([1.5, 2.5]), np.array([0.25, 0.5]), np.array([3.5, 0.125]), np.array([0.75, nan[0]]))
    success = np.array([True, False])
    return UnfoldingScan(np.array([0.1, 1.0]), success, ones, ones, *numbers, nan, nan, nan, nan)


def unfolding():
    """Of two truth bins."""
    two = np.array([45.0, 50.0])
    matrix = np.array([[25.0, -5.0], [-5.0, 16.0]])
    numbers = {"chi2_data": 1.5, "chi2_constraints": 0.25, "chi2_penalty": 0.125, "n_bins": 3}
    about = (("truth[0]", "truth[1]"), "yield", "curvature", 0.1, "L-curve", "Converged.", True)
    return UnfoldingResult(
        *about,
        two,
        matrix,
        matrix,
        np.array([0.5, -0.25]),
        np.zeros(2),
        two + 1.5,
        4.0 * matrix,
        two - 5.0,
        global_correlation=np.array([0.25, 0.5]),
        fit=fit(),
        unregularised_fit=failed_fit(),
        **numbers,
    )


def _toy_fits():
    layout_ = layout()
    block = ToyBlock(
        0,
        np.array([0, 0, 1]),
        np.array([1.5, 2.5, np.nan]),
        np.array([1e-12, 1e-12, np.nan]),
        np.array([4, 5, 100]),
        np.ones(3),
        np.array([[1.0], [1.5], [np.nan]]),
        np.zeros((3, 1), dtype=bool),
        np.array([[0.5], [0.25], [np.nan]]),
    )
    assert layout_.parameters[0] == "mu"
    about = {"truth": np.array([1.0]), "asked": 10, "pois": ("mu",), "hidden": frozenset()}
    return ToyFits.of(lambda: iter([block]), ("mu",), **about)


def _campaign():
    versions = {"smoothfit": "1.0", "jax": "0.6"}
    manifest = Manifest(
        *("0123456789abcdef" * 4, 1000, 7, 256, "frequentist", (1.0, 0.0), {}, (1.0, 0.0), None, None, True),
        *(("mu", "theta"), (0, 1), ("mu",), (), versions),
    )
    failed, damaged = {"NOT_CONVERGED": 2}, {3: "a checksum is wrong"}
    return CampaignStatus(
        "toys", manifest, 3, 768, 770, 4, failed, (versions,), 1, damaged, Course({1: "cut short"}, 1)
    )


def _coverage():
    one = np.array([0.5, 1.0])
    numbers = [np.array([[0.66, 0.7], [0.64, 0.68], [0.69, 0.73]])[i] for i in range(3)]
    small = np.array([0.01, 0.02])
    pairs = (np.array([0.05, -0.01]), small, small, small, np.array([1.0, 0.98]), small)
    whole = (np.array([1000, 1000]), np.array([0, 2]), np.array([0, 0]))
    return Coverage(
        "mu", "minos", 0.6827, one, one[:, None], *numbers, 0.0 * one, *pairs, *whole, _counts(), 1, layout()
    )


def _feldman_cousins():
    three = np.array([0.5, 1.0, 3.0])
    zeros = np.zeros(3, dtype=np.int64)
    return FeldmanCousins(
        ("mu",),
        0.9,
        three,
        np.array([0.25, 0.0, 6.5]),
        np.array([0.5, 1.0, 0.02]),
        np.array([0.015, 0.001, 0.004]),
        np.array([2.5, 2.625, 2.75]),
        np.array([0.125, 0.125, 0.25]),
        zeros + 1000,
        zeros,
        zeros,
        np.array([1.0]),
        np.array([[0.5, 2.25]]),
        np.array([[np.nan, 0.0625]]),
        np.array([[np.nan, 0.5]]),
        (("first point", "crossing"),),
        _counts(),
        "profiled",
        1,
        layout(),
    )


def _global_significance():
    return GlobalSignificance(
        "mu",
        "mass",
        np.array([100.0, 110.0]),
        np.array([9.0, 1.0]),
        np.array([1.5, 0.5]),
        0.0625,
        0.0075,
        1.5,
        0.125,
        0.5,
        1,
        np.array([1.0, 10.0, 2.0]),
        0,
        _counts(),
        1,
        layout(),
        np.zeros(2, dtype=np.int64),
    )


def _goodness():
    toys = np.array([1.0, 5.0, 2.0, 8.0])
    of_channels = np.stack([0.5 * toys, 0.25 * toys], axis=1)
    observed = np.array([2.25, 1.0])
    return GoodnessOfFit("saturated", 3.5, toys, ("SR", "CR"), observed, of_channels, 0.25, 3, _counts())


def _difference():
    nll = NllDifference(2.5e-3, 50, 0, ("mu",), 0.5, only_second=("nu",), worst={"mu": 1.5})
    return Difference(
        [Changed("process", "new", "-", "2 channels")],
        [YieldChange("bkg", "SR", 90.0, 95.5, 0.0625, 1)],
        [ShiftChange("jes", 0.05, 0.0625, "SR", 0, 1.0)],
        nll,
        equal={"contributions": 3, "parameters": 4},
    )


def _batch():
    n = layout().n_params + layout().n_bin_params
    x = np.ones((3, n)) * np.array([[0.9], [1.0], [1.2]])
    flags = np.zeros((3, layout().n_params), dtype=bool)
    whole = np.array([0, 0, 1])
    return BatchFitResult(
        x,
        np.array([1.0, 2.0, np.nan]),
        whole,
        np.zeros(3),
        whole + 5,
        np.ones(3),
        flags,
        np.arange(n) == 1,
        layout(),
    )


def _unfolding_bottom_line():
    two, flags = np.array([1.5, 2.5]), np.array([True, True])
    return BottomLine(("nominal", "other_1"), two, 3, two / 10, two + 0.25, 2, two / 20, flags)


@cache
def every():
    """Name -> a record, a builder or a table."""
    base = fit()
    n = layout().n_params
    minima = Minima(
        ("c",),
        np.array([[1.0], [-3.0]]),
        np.array([[0.25], [0.2]]),
        np.array([0.0, 0.75]),
        np.array([6, 4]),
        10,
        np.array([False]),
        {"NOT_CONVERGED": 1},
    )
    findings = [
        Finding("warning", "empty-bin", "SR, bin 3", 1, "bins", "nothing is expected", "merge bins"),
        Finding("error", "negative", "bkg in SR", -2.5, "events", "negative yields", "look at the templates"),
    ]
    notes = (Note("line 3", "free text", "no keyword"), Note("samples[0]", HOSTILE, "unknown"))
    cells = [
        ["a|b", 3, 0.5, None, Measured(1.02, 0.11)],
        [HOSTILE, 12345, 1e-9, "x", Measured(1250.0, 120.0, 115.0)],
        [Named("mu", MU_LABEL), 0, float("nan"), "", Measured(-0.5, float("nan"))],
        [Named("t_1", BROKEN_LABEL), -7, float("inf"), "=1+1", Measured(3.1e9, 4.7e6)],
        ["[x]", 1, 2.0, "+x|y", Rounded(1.5, remark="at limit")],
    ]
    return {
        **builders(),
        "table": Table(HOSTILE, ["<b>", "count", "share_%", "remark", Named("v", MU_LABEL)], cells, "a note"),
        "empty_table": Table("Nothing", ["name", "value"], []),
        "fit": base,
        "failed_fit": failed_fit(),
        "long_fit": _long_fit(),
        "blinded_fit": dataclasses.replace(
            base, blinded=frozenset({"mu", "SR"}), message="Converged in 5 steps, EDM 1e-18."
        ),
        "batch": _batch(),
        "bottom_line": _unfolding_bottom_line(),
        "breakdown": _breakdown(),
        "campaign": _campaign(),
        "changes": Changes(
            "prune",
            [Change("jes", "tt", "SR", "shape dropped", "largest change of a bin", 0.002, 0.0)],
            notes[:1],
            ["jer"],
        ),
        "compatibility": ChannelCompatibility(
            "mu",
            ("SR", "CR"),
            (("SR",), ("CR",)),
            np.array([1.5, 0.5]),
            np.array([0.5, 0.25]),
            0.75,
            0.2,
            3.2,
            1,
            bounds=np.array([[2.125, 0.75, 1.0], [1.0, 0.25, 0.5]]),
        ),
        "chi2": Chi2Test("post-fit", 3.5, 3, ("SR", "CR"), np.array([2.5, 1.0]), np.array([2, 1])),
        "belt": exact.poisson_belt([0.0, 2.0], background=3.0, cl=0.9),
        "contour": contour(),
        "contours": Contours((contour(),)),
        "coverage": _coverage(),
        "difference": _difference(),
        "estimates": Estimates(
            ("ratio_1", "sum"),
            (r"\mu_1/\mu_2", None),
            np.array([1.5, 3.0]),
            np.diag([0.04, 0.25]),
            np.zeros(2, bool),
        ),
        "feldman_cousins": _feldman_cousins(),
        "findings": Findings(findings, ["nothing was compared with data"]),
        "global_significance": _global_significance(),
        "goodness": _goodness(),
        "hypotest": hypotest(),
        "impacts": impacts(),
        "interval": Interval(
            "mu",
            0.9,
            0.0,
            2.625,
            "at limit",
            "found",
            "clsb",
            "t",
            "asymptotic",
            1.5,
            _BANDS,
            _BANDS,
            (),
            _FITS,
            layout(),
        ),
        "limit": limit(),
        "minima": minima,
        "minos": MinosBounds(0.96875, 0.046875, None, None, name="mu", value=0.5, status_down="at limit"),
        "stats": ModelStats(
            {"bins": 4, "free parameters": 1},
            {"lnN_combine": 2},
            {"nominal": 64},
            80,
            0,
            "dense",
            "in lockstep",
            (Compiled("fit", 1, 1.25, 1.0),),
        ),
        "summary": ModelSummary(
            "3 bins, 2 parameters", [Table("Parameters", ["name", "start"], [["mu", 1.0]])]
        ),
        "nll_difference": _difference().nll,
        "pulls": pulls(),
        "receipt": Receipt(
            "card.txt", "datacard", {"channels": 1}, notes, {"shapes.root": 4}, {"theory": ("a", "b")}
        ),
        "scan": scan(),
        "plane_scan": Scan(
            ("mu", "jes"),
            np.zeros((4, 2)),
            np.array([0.0, 1.0, 2.0, 3.5]),
            np.zeros(4, dtype=np.int64),
            np.zeros(4),
            np.zeros((4, n)),
            np.array([1.0, 0.5]),
            np.array([0.5, 0.9]),
            layout(),
            axes=(np.array([0.0, 2.0]), np.array([-1.0, 1.0])),
        ),
        "significance": Significance(
            "mu",
            2.5,
            0.00621,
            6.25,
            np.array([1.0, 2.0, 3.0]),
            _BANDS,
            1.0,
            False,
            "asymptotic",
            1.5,
            (),
            _FITS,
            layout(),
        ),
        "toy_fits": _toy_fits(),
        "unfolding": unfolding(),
        "unfolding_scan": unfolding_scan(),
        "yields": yields(),
        "variations": _variations(),
    }


def _long_fit():
    """A hundred parameters, of which some are printed."""
    mu = Variable("mu", np.ones(100))
    model = Model().add_proc(Process("sig", np.ones(100)).scale_by(mu, axis="bin")).prepare()
    base = fit()
    return dataclasses.replace(
        base,
        x=np.linspace(0.5, 1.5, 100),
        errors=np.full(100, 0.125),
        hess_inv=np.eye(100) / 64.0,
        gradient=np.zeros(100),
        at_limit=np.zeros(100, dtype=bool),
        fixed=np.zeros(100, dtype=bool),
        message="Converged in 5 steps, EDM 1e-18.",
        layout=model.layout,
        attempts=(),
    )


SECRET = 7.654321
"""Blinded records have this value, and no other number begins alike."""


def blinded():
    """Name -> a record whose ``mu`` or data are hidden, with SECRET in their place."""
    hidden, base = frozenset({"mu", "SR", "CR_1"}), fit()
    mu = {"layout": layout(), "blinded": hidden}
    secret, two = np.array([SECRET]), np.array([True])
    counts = yields()
    return {
        "fit": dataclasses.replace(base, x=np.append(SECRET, base.x[1:]), blinded=hidden),
        "yields": dataclasses.replace(counts, obs=np.full(3, SECRET), blinded=hidden),
        # Post-fit: what mu moves, and the total of its channel.
        "fitted_yields": dataclasses.replace(
            counts,
            per_process={**counts.per_process, "sig": np.full(3, SECRET)},
            total=np.full(3, SECRET),
            hidden=np.array([[True, True], [False, False]]),
        ),
        "minos": MinosBounds(SECRET, SECRET, None, None, name="mu", value=SECRET, blinded=True),
        "limit": dataclasses.replace(limit(), observed=SECRET, best=SECRET, **mu),
        "hypotest": dataclasses.replace(hypotest(), q=SECRET, best=SECRET, **mu),
        "scan": dataclasses.replace(scan(), best=secret, points=np.full(3, SECRET), **mu),
        "contour": dataclasses.replace(contour(), points=np.full((1, 5, 2), SECRET), **mu),
        "batch": dataclasses.replace(
            _batch(), x=np.full_like(_batch().x, SECRET), blinded=frozenset(layout().names)
        ),
        "impacts": dataclasses.replace(
            impacts(),
            values=np.full(2, SECRET),
            up=np.full((3, 2), SECRET),
            hidden=np.array([True, True]),
            groups=None,
        ),
        "breakdown": dataclasses.replace(
            _breakdown(), values=np.full(2, SECRET), hidden=np.array([True, True])
        ),
        "estimates": Estimates(("mu",), (None,), secret, np.array([[0.04]]), two),
        "minima": dataclasses.replace(
            every()["minima"],
            values=np.array([[SECRET], [-SECRET]]),
            errors=np.full((2, 1), SECRET),
            hidden=two,
        ),
        "unfolding": dataclasses.replace(
            unfolding(), x=np.full(2, SECRET), unregularised=np.full(2, SECRET), hidden=True
        ),
        "interval": dataclasses.replace(every()["interval"], upper=SECRET, best=SECRET, **mu),
        "significance": dataclasses.replace(every()["significance"], observed=SECRET, best=SECRET, **mu),
        "feldman_cousins": dataclasses.replace(
            _feldman_cousins(), best=secret, regions=np.full((1, 2), SECRET), points=np.full(3, SECRET), **mu
        ),
        "global_significance": dataclasses.replace(
            _global_significance(), q0=np.full(2, SECRET), estimates=np.full(2, SECRET), **mu
        ),
        "goodness": dataclasses.replace(
            _goodness(), observed=SECRET, channel_observed=np.full(2, SECRET), hidden=np.array([True, True])
        ),
        "chi2": dataclasses.replace(
            every()["chi2"], value=SECRET, channel_values=np.full(2, SECRET), hidden=np.array([True, True])
        ),
        "compatibility": dataclasses.replace(
            every()["compatibility"],
            values=np.full(2, SECRET),
            joint_value=SECRET,
            hidden=np.array([True, True]),
        ),
    }
