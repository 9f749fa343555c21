"""Real cards: the library's NLL against a transcription of each card's likelihood in numpy."""

from __future__ import annotations

import numpy as np
import pytest
from card_transcription import Transcription
from real_cards import DATA, needs_data

from smoothfit.io import read_datacard

COMBINE, BENCH, CI = (
    DATA / name
    for name in (
        "combine-tutorials/data/tutorials",
        "combine-benchmarks/data/benchmarks",
        "combine-ci/data/ci",
    )
)
CARDS = {
    "htt_tt": (COMBINE / "htt/125/htt_tt.txt", {"mass": 125, "files_anywhere": True}),
    "htt_multiple_regions": (CI / "htt_multiple_regions.txt", {"mass": 125}),
    "part1": (COMBINE / "longexercise/datacard_part1.txt", {"mass": 200}),
    "part2": (COMBINE / "longexercise/datacard_part2.txt", {"mass": 200}),
    "part3": (COMBINE / "longexercise/datacard_part3.txt", {"mass": 200}),
    "part3_nocrs": (COMBINE / "longexercise/datacard_part3_nocrs.txt", {"mass": 200}),
    "part3_ttbar_cr": (COMBINE / "longexercise/datacard_part3_ttbar_cr.txt", {"mass": 200}),
    "template": (COMBINE / "CAT23001/datacard-2-template-analysis.txt", {}),
    "abcd": (COMBINE / "CAT23001/datacard-4-abcd.txt", {}),
    "multi-signal": (COMBINE / "CAT23001/datacard-5-multi-signal.txt", {}),
    "sbottom": (DATA / "converter-ridolfi/test/big_model/converted_datacard.txt", {}),
    "shapes": (COMBINE / "shapes/simple-shapes-TH1.txt", {}),
    "realistic": (COMBINE / "counting/realistic-multi-channel.txt", {}),
    "gmM": (BENCH / "gammas/counting-B5p5-Obs6-Syst30U-gmM.txt", {}),
    "sideband": (BENCH / "gammas/counting-Sideband11-alpha0p5-Obs11.txt", {}),
    "asymmetric": (BENCH / "asymm/counting-B5p5-Obs20-Syst1040B.txt", {}),
    "hww": (BENCH / "shapes/hww-shapeExpanded-6bins.txt", {}),
}


def point(model, rng):
    """Values within the bounds, about a sigma from the start."""
    layout = model.layout
    start = np.concatenate([layout.start, layout.bin_centre])
    names = [*model.parameters, *model.bin_parameters]
    lower, upper = layout.bounds
    # Bin parameters a little only: expectations stay positive.
    size = np.where(np.arange(len(start)) < len(layout.start), 1.0, 0.3)
    x = start + size * rng.normal(size=len(start)) * np.where(start == 0.0, 1.0, 0.1)
    fixed = np.concatenate(
        [np.asarray(model.prepared.plan.constant) > 0, np.zeros(len(start) - len(layout.start))]
    )
    x = np.where(fixed > 0, start, np.clip(x, lower + 1e-3, upper - 1e-3))
    return x, dict(zip(names, x.tolist(), strict=True))


def by_bin(card, values):
    """The bin parameters as the transcription calls them."""
    found = {}
    for name, value in values.items():
        if not name.startswith("mcstat_"):
            found[name] = value
            continue
        channel = max((c for c in card.channels if name.startswith(f"mcstat_{c}_bin")), key=len)
        rest = name.removeprefix(f"mcstat_{channel}_bin")
        b, _, process = rest.partition("_")
        found[(channel, int(b), process) if process else (channel, int(b))] = value
    return found


@needs_data
@pytest.mark.parametrize("name", CARDS)
def test_nll_of_a_real_card(name):
    path, options = CARDS[name]
    model, obs = read_datacard(path, **options)
    mass = str(options.get("mass", 0))
    card = Transcription(path, mass)
    np.testing.assert_array_equal(obs, np.concatenate([card.data[c] for c in model.channels]))
    rng = np.random.default_rng(5)
    for _ in range(20):
        x, values = point(model, rng)
        expected = card.nll(by_bin(card, values))
        assert float(model.nll(x, obs)) == pytest.approx(expected, abs=1e-9 * max(1.0, abs(expected)))
