"""A small HistFactory configuration with its ROOT file, for tests."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np

TOP = """
<!DOCTYPE Combination SYSTEM 'HistFactorySchema.dtd'>
<Combination OutputFilePrefix="./results/example">
  <!-- two channels -->
  <Input>./config/signal.xml</Input>
  <Input>./config/control.xml</Input>
  <Measurement Name="main" Lumi="2." LumiRelErr="0.1" ExportOnly="True">
    <POI>mu</POI>
    <ParamSetting Const="True">Lumi alpha_xs</ParamSetting>
    <ParamSetting Val="1.5">norm_bkg</ParamSetting>
  </Measurement>
  <Measurement Name="floating" Lumi="1." LumiRelErr="0.03"><POI>mu</POI></Measurement>
  <Measurement Name="gamma" Lumi="1." LumiRelErr="0.03">
    <POI>mu</POI>
    <ConstraintTerm Type="Gamma" RelativeUncertainty=".3">xs</ConstraintTerm>
  </Measurement>
</Combination>
"""
SIGNAL = """
<!DOCTYPE Channel SYSTEM 'HistFactorySchema.dtd'>
<Channel Name="SR" InputFile="./data/h.root" HistoPath="/SR">
  <Data HistoName="data"/>
  <StatErrorConfig RelErrorThreshold="0.05" ConstraintType="Poisson"/>
  <Sample Name="sig" HistoName="sig">
    <NormFactor Name="mu" Val="1" Low="0." High="10."/>
    <OverallSys Name="xs" Low="0.9" High="1.2"/>
  </Sample>
  <Sample Name="bkg" HistoName="bkg" NormalizeByTheory="True">
    <StatError Activate="True"/>
    <HistoSys Name="jes" HistoPathHigh="SR" HistoNameHigh="bkg_up" HistoPathLow="SR" HistoNameLow="bkg_down"/>
    <NormFactor Name="norm_bkg" Val="1" Low="0." High="5."/>
  </Sample>
  <Sample Name="other" HistoPath="" HistoName="other" NormalizeByTheory="False">
    <StatError Activate="True" HistoName="relative" HistoPath="SR"/>
    <ShapeSys Name="shape" HistoName="relative" HistoPath="SR" ConstraintType="Poisson"/>
    <ShapeFactor Name="free"/>
  </Sample>
</Channel>
"""
CONTROL = """
<!DOCTYPE Channel SYSTEM 'HistFactorySchema.dtd'>
<Channel Name="CR" InputFile="./data/h.root" HistoPath="CR">
  <Data HistoName="data" InputFile="./data/h.root" HistoPath="CR"/>
  <Sample Name="bkg" HistoName="bkg" NormalizeByTheory="True">
    <NormFactor Name="norm_bkg" Val="1" Low="0." High="5."/>
    <OverallSys Name="jes" Low="0.95" High="1.04"/>
  </Sample>
</Channel>
"""
HISTOGRAMS = {
    "SR/data": [63.0, 45.0],
    "SR/sig": [5.0, 8.0],
    "SR/bkg": [40.0, 30.0],
    "SR/bkg_up": [43.0, 33.0],
    "SR/bkg_down": [38.0, 29.0],
    "SR/relative": [0.1, 0.2],
    "other": [11.0, 7.0],
    "CR/data": [120.0, 99.0, 87.0],
    "CR/bkg": [100.0, 90.0, 80.0],
}


def write(folder: Path, *, top: str = TOP, signal: str = SIGNAL, control: str = CONTROL) -> Path:
    """Write everything below a folder; returns the top-level file."""
    import hist
    import uproot

    (folder / "config").mkdir(exist_ok=True)
    (folder / "data").mkdir(exist_ok=True)
    with uproot.recreate(folder / "data" / "h.root") as file:
        for name, content in HISTOGRAMS.items():
            made = hist.Hist(hist.axis.Regular(len(content), 0.0, 1.0), storage=hist.storage.Weight())
            made[...] = np.stack([content, 0.7 * np.array(content)], axis=-1)
            file[name] = made
    for name, text in (("top", top), ("signal", signal), ("control", control)):
        (folder / "config" / f"{name}.xml").write_text(textwrap.dedent(text).strip())
    return folder / "config" / "top.xml"
