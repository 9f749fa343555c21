"""Every command has examples in its help, and every one of them runs."""

from __future__ import annotations

import pytest
from cli.examples import commands_in, quicker, write_files

from smoothfit.cli import COMMANDS, commands_of, main, parser

HELP = {name: one.format_help() for name, one in commands_of(parser()).items()}
EXAMPLES = [words for text in [parser().format_help(), *HELP.values()] for words in commands_in(text)]
FOUND = ("lint", "diff")
"""Commands that say by status 1 what they have found."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    pytest.importorskip("uproot")
    folder = tmp_path_factory.mktemp("examples")
    write_files(folder)
    return folder


@pytest.mark.parametrize("name", HELP)
def test_every_command_has_an_example(name):
    assert "examples:" in HELP[name]
    assert [words for words in commands_in(HELP[name]) if words[0] == name]


def test_help_lists_every_command():
    assert sum(len(commands) for commands in COMMANDS.values()) == len(HELP)
    text = parser().format_help()
    assert all(f"\n  {name} " in text for name in HELP)


@pytest.mark.slow
@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_examples_run(words, files, monkeypatch, capsys):
    for package in {"--plot": "matplotlib", "plot": "matplotlib", "--campaign": "pyarrow"}.items():
        if package[0] in words:
            pytest.importorskip(package[1])
    if words[0] == "completion":
        pytest.importorskip("shtab")
    monkeypatch.chdir(files)
    status = main(quicker(words))
    out, err = capsys.readouterr()
    assert status in ((0, 1) if words[0] in FOUND else (0,)), err
    assert out or words[0] == "plot"
    assert "error" not in err
