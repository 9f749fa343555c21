"""Completion: what a shell offers, asked from the shell itself."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from smoothfit.cli import commands_of, main, parser

pytest.importorskip("shtab")

CASES = [
    ("li", {"limit", "lint"}, {"limit", "lint"}),
    ("fit --pl", {"--plot"}, {"--plot"}),
    ("fit --fi", {"--fix", "--fitter"}, {"--fix", "--fitter", "--files-anywhere"}),
    ("plot workspace.json out.png --what ", {"yields", "pulls", "scan", "contour", "impacts"}, None),
    ("gof workspace.json --statistic sa", {"saturated"}, {"saturated"}),
    ("completion ", {"bash", "zsh", "fish"}, None),
    ("fit work", {"workspace.json"}, {"workspace.json"}),
    ("limit workspace.json --plot pic", {"picture.png"}, {"picture.png"}),
    ("gof workspace.json --campaign to", {"toys_folder"}, None),
]
"""Line before the cursor, what has to be offered, and all that may be (None: not looked at)."""


def script(shell, capsys):
    assert main(["completion", shell]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return out


@pytest.fixture
def folder(tmp_path):
    for name in ("workspace.json", "picture.png", "script"):
        (tmp_path / name).touch()
    (tmp_path / "toys_folder").mkdir()
    return tmp_path


def offered_by_bash(line, text, folder):
    (folder / "script").write_text(text)
    *words, _ = quoted = [f"'{word}'" for word in f"smoothfit {line}".split(" ")]
    asked = f"""
    source ./script
    COMP_WORDS=({" ".join(quoted)}); COMP_CWORD={len(words)}
    COMP_LINE='smoothfit {line}'; COMP_POINT=${{#COMP_LINE}}
    rule=$(complete -p smoothfit); function=$(sed 's/.*-F \\([^ ]*\\).*/\\1/' <<< "$rule")
    "$function" smoothfit "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}" 2> /dev/null
    printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", asked], capture_output=True, text=True, check=True, cwd=folder
    )
    return {word.rstrip("/ ") for word in done.stdout.split("\n") if word}


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(("line", "needed", "allowed"), CASES)
def test_bash(line, needed, allowed, folder, capsys):
    offered = offered_by_bash(line, script("bash", capsys), folder)
    assert needed <= offered
    assert allowed is None or offered == allowed


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_offers_every_command_and_no_other(folder, capsys):
    offered = offered_by_bash("", script("bash", capsys), folder)
    assert offered - {"-h", "--help", "--version"} == set(commands_of(parser()))


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
@pytest.mark.parametrize(("line", "needed", "allowed"), CASES[:5])
def test_fish(line, needed, allowed, folder, capsys):
    (folder / "script").write_text(script("fish", capsys))
    done = subprocess.run(
        ["fish", "--no-config", "-c", f"source ./script; complete -C 'smoothfit {line}'"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    offered = {one.split("\t")[0] for one in done.stdout.splitlines()}
    assert needed <= offered
    assert allowed is None or offered == allowed


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_zsh_takes_the_script(folder, capsys):
    (folder / "_smoothfit").write_text(script("zsh", capsys))
    asked = "fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; print -r -- $_comps[smoothfit]"
    asked += "; zcompile _smoothfit"
    done = subprocess.run(["zsh", "-f", "-c", asked], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.strip() == "_smoothfit"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_name_every_command_and_option(shell, capsys):
    text = script(shell, capsys)
    for name, one in commands_of(parser()).items():
        assert name in text
        for option in one._option_string_actions:
            assert option in text or (shell == "fish" and option.lstrip("-") in text)
