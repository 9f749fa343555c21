"""A datacard's likelihood written down anew, in numpy: none of the library is called here.

For cards of lnN, gmN, gmM, shape and rateParam lines, with and without autoMCStats. It follows the formulas
that Combine documents, term by term, and takes parameters by name.
"""

from __future__ import annotations

import fnmatch
import math
import re
from pathlib import Path

import numpy as np
import uproot
from scipy.special import gammaln

HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

FORMULAS = {"(@0*@1/@2)": lambda a, b, c: a * b / c}
"""Those of the cards, by hand."""


def smooth(t):
    return (3 * t**5 - 10 * t**3 + 15 * t) / 8


class Transcription:
    """NLL(values) of a card; ``values`` is {name: number}, missing ones are at their centre."""

    def __init__(self, path: Path, mass: str = "0", elsewhere: dict[str, Path] | None = None):
        self.path, self.mass, self.elsewhere = path, mass, elsewhere or {}
        self.files: dict[Path, object] = {}
        self._read(path.read_text().splitlines())
        self._load()

    # -- text ---------------------------------------------------------------------------------------

    def _read(self, lines):
        self.shapes, self.systematics, self.rate_params, self.stat = [], [], [], {}
        bins, names, rates = [], [], None
        for line in lines:
            words = re.sub(r"(^|\s)#.*", "", line).split()
            if len(words) < 2 or words[0].startswith("--"):
                continue
            if rates is None:
                if words[0] == "shapes":
                    self.shapes.append(words[1:])
                elif words[0] == "bin":
                    bins = [f"bin{w}" if w[0].isdigit() else w for w in words[1:]]
                elif words[0].lower() == "observation":
                    given = [float(w) for w in words[1:]]
                    self.observed = dict(zip(bins, given, strict=True)) if bins else given
                elif words[0] == "process":
                    names.append(words[1:])
                elif words[0] == "rate":
                    rates = [float(w) for w in words[1:]]
                    if re.match(r"-?\d+$", names[0][0]):
                        names.reverse()
                    self.columns = list(zip(bins, names[0], strict=True))
                    self.signal = {p: int(i) <= 0 for p, i in zip(*names, strict=True)}
                    self.rates = dict(zip(self.columns, rates, strict=True))
                    self.channels = list(dict.fromkeys(bins))
                    if not isinstance(self.observed, dict):
                        self.observed = dict(zip(self.channels, self.observed, strict=True))
                continue
            words = ["0" if set(w) == {"-"} else w for w in words]
            if words[0][0].isdigit():
                words[0] = f"theta{words[0]}"
            if words[1] == "autoMCStats":
                for channel in self.channels:
                    if fnmatch.fnmatch(channel, words[0]):
                        numbers = [float(w) for w in words[2:]] + [0.0, 1.0][len(words) - 3 :]
                        self.stat[channel] = numbers
            elif words[1] == "rateParam":
                self.rate_params.append(words)
            elif words[1] not in ("group", "flatParam"):
                skip = 1 if words[1] == "gmN" else 0
                values = words[2 + skip : 2 + skip + len(self.columns)]
                acting = {c: v for c, v in zip(self.columns, values, strict=True) if self._acts(words[1], v)}
                self.systematics.append((words[0], words[1], float(words[2]) if skip else None, acting))

    @staticmethod
    def _acts(kind, text):
        return "/" in text or (float(text) != 0 and not (kind == "lnN" and float(text) == 1))

    # -- histograms ---------------------------------------------------------------------------------

    def _histogram(self, channel, process, systematic=""):
        rules = {(rule[1], rule[0]): rule[2:] for rule in self.shapes}
        own = channel if any(c == channel for c, _ in rules) else "*"
        for key in ((own, process), (own, "*"), ("*", process), ("*", "*")):
            if key in rules:
                break
        else:
            return None
        words = rules[key]
        if words[0] == "FAKE":
            return None
        name = words[2 if systematic else 1]
        for keyword, value in (
            ("$PROCESS", process),
            ("$CHANNEL", channel),
            ("$SYSTEMATIC", systematic),
            ("$MASS", self.mass),
        ):
            name = name.replace(keyword, value)
        path = self.elsewhere.get(words[0], self.path.parent / words[0])
        if path not in self.files:
            self.files[path] = uproot.open(path)
        found = self.files[path][name]
        return np.array(found.values(), dtype=float), np.array(found.variances(), dtype=float)

    def _load(self):
        self.nominal, self.variances, self.templates, self.data = {}, {}, {}, {}
        for channel in self.channels:
            found = self._histogram(channel, "data_obs")
            self.data[channel] = np.array([self.observed[channel]]) if found is None else found[0]
        for column in self.columns:
            if self.rates[column] == 0:
                continue
            found = self._histogram(*column)
            if found is None:
                self.nominal[column] = np.array([self.rates[column]])
                continue
            values, variances = found
            if channel_stat := self.stat.get(column[0]):
                assert channel_stat
                self.nominal[column] = values
            else:
                rate = values.sum() if self.rates[column] == -1 else self.rates[column]
                self.nominal[column] = values * rate / values.sum()
            self.variances[column] = variances
        for name, kind, _, per_column in self.systematics:
            for column in per_column:
                if kind.startswith("shape") and column in self.nominal:
                    try:
                        sides = [self._histogram(*column, name + side)[0] for side in ("Up", "Down")]
                    except uproot.KeyInFileError:
                        assert kind == "shape?"
                        continue
                    self.templates[name, column] = sides
        self.plain = {c: self._histogram(*c)[0] for c in self.nominal if self._histogram(*c) is not None}

    # -- prediction ---------------------------------------------------------------------------------

    def _factor(self, column, values):
        factor = values.get("r", 1.0) if self.signal[column[1]] else 1.0
        for words in self.rate_params:
            if fnmatch.fnmatch(column[0], words[2]) and fnmatch.fnmatch(column[1], words[3]):
                factor *= self._rate(words, values)
        for name, kind, count, per_column in self.systematics:
            if column not in per_column:
                continue
            text, theta = per_column[column], values.get(name)
            if kind == "lnN" or (kind == "shape?" and (name, column) not in self.templates):
                factor *= self._log_normal(text, theta or 0.0)
            elif kind == "gmM":
                factor *= 1.0 if theta is None else theta
            elif kind == "gmN":
                alpha = float(text)
                nu = count + 1.0 if theta is None else theta
                factor *= alpha * nu / self.nominal[column].sum()
            elif kind.startswith("shape") and self._mode(column) == 1:
                factor *= self._ratio(name, column, float(text), theta or 0.0)
        return factor

    def _mode(self, column):
        return int(self.stat[column[0]][2]) if column[0] in self.stat else 1

    def _rate(self, words, values):
        if len(words) == 6 and not words[5].startswith("["):
            arguments = [values[a] if a in values else self._start(a) for a in words[5].split(",")]
            return FORMULAS[words[4]](*arguments)
        return values.get(words[0], float(words[4]))

    def _start(self, name):
        return next(float(w[4]) for w in self.rate_params if w[0] == name)

    @staticmethod
    def _log_normal(text, theta):
        if "/" not in text:
            return float(text) ** theta
        down, up = (float(x) for x in text.split("/"))
        return Transcription._asymmetric(down, up, theta)

    @staticmethod
    def _asymmetric(down, up, theta):
        high, low = math.log(up), -math.log(down)
        if abs(theta) >= 0.5:
            slope = high if theta > 0 else low
        else:
            slope = 0.5 * (high + low) + smooth(2 * theta) * 0.5 * (high - low)
        return math.exp(theta * slope)

    def _ratio(self, name, column, scale, theta):
        up, down = (t.sum() / self.plain[column].sum() for t in self.templates[name, column])
        if abs(up - 1) < 1e-3 and abs(down - 1) < 1e-3:
            return 1.0
        return self._asymmetric(down**scale, up**scale, theta)

    def _morphed(self, column, values):
        nominal = self.nominal[column]
        acting = [
            (name, float(per[column]))
            for name, kind, _, per in self.systematics
            if kind.startswith("shape") and column in per and (name, column) in self.templates
        ]
        q = min([1.0, *(scale for _, scale in acting)])
        total = nominal.copy()
        for name, scale in acting:
            x = scale * values.get(name, 0.0)
            up, down = self.templates[name, column]
            factor = nominal.sum() / self.plain[column].sum()
            up, down = up * factor, down * factor
            if self._mode(column) == 1:
                up, down = up * nominal.sum() / up.sum(), down * nominal.sum() / down.sum()
            s = smooth(x / q) if abs(x) < q else math.copysign(1.0, x)
            u, v = up - nominal, down - nominal
            total = total + 0.5 * x * ((u - v) + s * (u + v))
        if not acting or nominal.sum() <= 0:
            return total
        if column[0] in self.stat:
            return np.maximum(total, 1e-9)
        # Without autoMCStats a density is morphed, floored and normalised again.
        floored = np.maximum(total / nominal.sum(), 1e-9)
        return nominal.sum() * floored / floored.sum()

    def expected(self, values):
        """By channel; bin parameters by name in ``values``."""
        found = {}
        for channel in self.channels:
            columns = [c for c in self.nominal if c[0] == channel]
            factors = {c: self._factor(c, values) for c in columns}
            total = sum(factors[c] * self._morphed(c, values) for c in columns)
            if channel in self.stat and self.stat[channel][0] >= 0:
                total = total + self._statistical(channel, columns, factors, values)
            found[channel] = total
        return found

    # -- Monte Carlo statistics ---------------------------------------------------------------------

    def decisions(self, channel):
        """Bin by bin: "lite", or the processes with parameters of their own and their kinds."""
        threshold, signal, _ = self.stat[channel]
        columns = [c for c in self.nominal if c[0] == channel]
        counted = [c for c in columns if signal or not self.signal[c[1]]]
        found = []
        for b in range(len(self.data[channel])):
            n = sum(self.nominal[c][b] for c in counted)
            e2 = sum(self.variances[c][b] for c in counted)
            if e2 <= 0:
                found.append({})
            elif round(n**2 / e2) > threshold:
                found.append("lite")
            else:
                own = {}
                for c in columns:
                    ni, ei = self.nominal[c][b], math.sqrt(self.variances[c][b])
                    if ei == 0 or ni < 0:
                        continue
                    m = round(ni**2 / ei**2)
                    own[c[1]] = ("poisson", m) if ni >= 0.999 * ei and m <= threshold else ("gauss", ei)
                found.append(own)
        return found

    def _statistical(self, channel, columns, factors, values):
        shift = np.zeros(len(self.data[channel]))
        for b, decision in enumerate(self.decisions(channel)):
            if decision == "lite":
                t = math.sqrt(sum(factors[c] ** 2 * self.variances[c][b] for c in columns))
                shift[b] = values.get((channel, b), 0.0) * t
                continue
            for c in columns:
                kind, number = decision.get(c[1], ("", 0))
                if kind == "gauss":
                    shift[b] += values.get((channel, b, c[1]), 0.0) * factors[c] * number
                elif kind == "poisson":
                    gamma = values.get((channel, b, c[1]), 1.0)
                    shift[b] += (gamma - 1.0) * factors[c] * self._morphed(c, values)[b]
        return shift

    # -- likelihood ---------------------------------------------------------------------------------

    def nll(self, values):
        total = 0.0
        for channel, nu in self.expected(values).items():
            n = self.data[channel]
            total += float(np.sum(nu - n * np.log(nu) + gammaln(n + 1)))
        seen = set()
        for name, kind, count, per_column in self.systematics:
            if name in seen or not any(c in self.nominal for c in per_column):
                continue
            seen.add(name)
            theta = values.get(name)
            if kind == "gmN":
                nu = count + 1.0 if theta is None else theta
                total += nu - count * math.log(nu) + float(gammaln(count + 1))
            elif kind == "gmM":
                sigma = float(next(iter(per_column.values())))
                x, k = 1.0 if theta is None else theta, 1 / sigma**2
                total += -(k - 1) * math.log(x) + x / sigma**2 - k * math.log(k) + float(gammaln(k))
            else:
                total += 0.5 * (theta or 0.0) ** 2 + HALF_LOG_2PI
        for channel, (threshold, *_) in self.stat.items():
            if threshold < 0:
                continue
            for b, decision in enumerate(self.decisions(channel)):
                if decision == "lite":
                    total += 0.5 * values.get((channel, b), 0.0) ** 2 + HALF_LOG_2PI
                    continue
                for process, (kind, number) in decision.items():
                    x = values.get((channel, b, process), 0.0 if kind == "gauss" else 1.0)
                    if kind == "gauss":
                        total += 0.5 * x**2 + HALF_LOG_2PI
                    else:
                        total += x * number - number * math.log(x * number) + float(gammaln(number + 1))
        return total
