"""Which picture is drawn from which record; a subject has those whose records it can make."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from smoothfit import plot

from .subjects import Subject

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["PICTURES", "Drawing", "drawable", "drawn_by", "small_png"]

_DPI = 50


class Drawing(NamedTuple):
    """A picture: what it needs, how it is drawn, and what it shows."""

    needs: tuple[str, ...]
    draw: Callable[[Subject], Figure]
    caption: str


def _from(*needs: str, caption: str) -> Callable[[Callable[..., Figure]], Drawing]:
    def named(draw: Callable[..., Figure]) -> Drawing:
        return Drawing(needs, lambda s: draw(*(s[name] for name in needs)), caption)

    return named


def _eft(scans: Any) -> Figure:
    full, held, linear = scans
    return plot.eft(full, held, linear, labels=["quadratic", "quadratic, nuisances held", "linear"])


def _scan(record: Any, held: Any) -> Figure:
    return plot.scan(record, held)


PICTURES: dict[str, Drawing] = {
    "yields_prefit": _from("prefit", caption="`plot.yields(model.yields({}, obs))`")(plot.yields),
    "yields": _from("postfit", "prefit", caption="`plot.yields(postfit, other=prefit)`")(
        lambda post, pre: plot.yields(post, other=pre)
    ),
    "yields_alone": _from("postfit", caption="`plot.yields(postfit)`")(plot.yields),
    "overview": _from("prefit", "postfit", "pulls", caption="`plot.overview(prefit, postfit, pulls)`")(
        plot.overview
    ),
    "pulls": _from("pulls", caption="`plot.pulls(model.pulls(best_fit))`")(plot.pulls),
    "pulls_largest": _from("pulls", caption="`plot.pulls(pulls, largest=20)`")(
        lambda record: plot.pulls(record, largest=20)
    ),
    "pulls_minos": _from("minos_pulls", caption="`plot.pulls(model.pulls(best_fit, minos=True))`")(
        plot.pulls
    ),
    "impacts": _from("impacts", caption="`plot.impacts(model.impacts(pois, best_fit))`")(plot.impacts),
    "impacts_last": _from("impacts", caption="`plot.pages(plot.impacts, impacts)[-1]`")(
        lambda record: plot.pages(plot.impacts, record)[-1]
    ),
    "impacts_pois": _from("impacts", caption="`plot.impacts(impacts, poi=[...])`")(
        lambda record: plot.impacts(record, poi=list(record.pois))
    ),
    "impacts_groups": _from("impacts", caption="`plot.impacts(impacts, groups=True)`")(
        lambda record: plot.impacts(record, groups=True, poi=list(record.pois))
    ),
    "breakdown": _from("breakdown", caption="`plot.breakdown(model.breakdown(pois, best_fit))`")(
        plot.breakdown
    ),
    "scan": _from(
        "scan", "stat_scan", caption="`plot.scan(scan, model.scan(mu, 31, best_fit, stat_only=True))`"
    )(_scan),
    "scan_plane": _from("plane", caption="`plot.scan(model.scan((a, b), 17, best_fit))`")(
        lambda record: plot.scan(record, sm=(1.0, 1.0))
    ),
    "contour": _from("contour", caption="`plot.contour(model.contour(a, b, best_fit), sm=(1.0, 1.0))`")(
        lambda record: plot.contour(record, sm=(1.0, 1.0))
    ),
    "contours": _from("contours", caption="`plot.contour(model.contours([a, b, c], best_fit))`")(
        plot.contour
    ),
    "correlation": _from("fit", caption="`plot.correlation(best_fit)`")(plot.correlation),
    "correlation_strongest": _from("fit", caption="`plot.correlation(best_fit, 16, clustered=True)`")(
        lambda record: plot.correlation(record, 16, clustered=True)
    ),
    "correlation_clustered": _from("fit", caption="`plot.correlation(best_fit, clustered=True)`")(
        lambda record: plot.correlation(record, clustered=True)
    ),
    "limit": _from("limit", caption="`plot.limit(model.upper_limit(mu, obs, points=25))`")(plot.limit),
    "limit_masses": _from("mass_scan", caption="`plot.limit(limits, at=masses, label=...)`")(
        lambda scan: plot.limit(scan[1], at=scan[0], label=r"$m_X$ [GeV]")
    ),
    "limit_names": _from("mass_scan", caption="`plot.limit(limits, at=names)`")(
        lambda scan: plot.limit(scan[1], at=[f"model {chr(65 + i % 26)}{i}" for i in range(len(scan[1]))])
    ),
    "hypotest": _from("hypotest", caption='`plot.hypotest(model.hypotest(mu, 1.0, obs, method="toys"))`')(
        plot.hypotest
    ),
    "discovery": _from("discovery", caption='`plot.hypotest(model.hypotest(mu, 0.0, obs, statistic="q0"))`')(
        plot.hypotest
    ),
    "gof": _from("gof", caption="`plot.gof(model.goodness_of_fit(obs))`")(plot.gof),
    "compatibility": _from("compatibility", caption="`plot.gof(model.channel_compatibility(obs))`")(plot.gof),
    "feldman_cousins": _from(
        "feldman_cousins", caption="`plot.feldman_cousins(model.feldman_cousins(mu, points, obs))`"
    )(plot.feldman_cousins),
    "feldman_cousins_plane": _from(
        "plane_of_toys", caption="`plot.feldman_cousins(model.feldman_cousins((a, b), axes, obs))`"
    )(plot.feldman_cousins),
    "belt": _from("belt", caption="`plot.belt(exact.poisson_belt(values, 3.0, 0.9), observed=6)`")(
        lambda record: plot.belt(record, observed=6)
    ),
    "coverage": _from("coverage", caption="`plot.coverage(minos, hessian)`")(
        lambda records: plot.coverage(*records)
    ),
    "toys": _from("toys", caption="`plot.toys(fit_toys(model, values=..., toys=400))`")(plot.toys),
    "unfolding": _from("unfolding", caption="`plot.unfolding(unfold(...))`")(plot.unfolding),
    "covariance": _from("unfolding", caption="`plot.unfolding(result, matrix='covariance')`")(
        lambda record: plot.unfolding(record, matrix="covariance")
    ),
    "lcurve": _from("unfolding", caption="`plot.lcurve(result)`")(plot.lcurve),
    "eft": _from("eft", caption="`plot.eft(quadratic, held, linear)`")(_eft),
    "systematics": _from("variations", caption='`plot.systematics(model.variations("jes"))`')(
        lambda records: plot.systematics(records[0])
    ),
    "systematics_bins": _from("bins", caption='`plot.systematics(model.variations("jes"))`')(
        plot.systematics
    ),
    "systematics_total": _from("variations", caption='`plot.systematics([...], process="total")`')(
        lambda records: plot.systematics(records, process="total")
    ),
    "labelled": _from(
        "postfit", "prefit", caption='`plot.labelled(figure, "CMS", "Preliminary", lumi=138, energy=13)`'
    )(lambda record, _: plot.labelled(plot.yields(record), "CMS", "Preliminary", lumi=138, energy=13)),
}


def small_png(figure: Figure) -> bytes:
    """A picture as the tests compare it: small, and the same file for the same numbers."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def drawn_by() -> str:
    """What the look of letters and lines depends on."""
    import matplotlib

    return f"matplotlib {'.'.join(matplotlib.__version__.split('.')[:2])}"


def drawable(subject: Subject) -> list[str]:
    """Names of the pictures whose records a subject has."""
    return [name for name, one in PICTURES.items() if all(need in subject for need in one.needs)]
