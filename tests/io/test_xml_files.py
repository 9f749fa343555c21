"""XML is read without anything that it may ask for."""

from __future__ import annotations

import pytest

from smoothfit.errors import FileFormatError, InputFileError
from smoothfit.io.xml_files import load_xml

BOMB = """<!DOCTYPE a [
<!ENTITY x0 "ha">
{}
]><a>&x30;</a>""".format("\n".join(f'<!ENTITY x{i + 1} "&x{i};&x{i};">' for i in range(30)))


@pytest.fixture
def load(tmp_path):
    def load(text, encoding="utf-8"):
        path = tmp_path / "file.xml"
        path.write_bytes(text.encode(encoding))
        return load_xml(path)

    return load


def test_elements(load):
    root = load(
        '<!-- a --><!DOCTYPE a SYSTEM "a.dtd">\n<a Name="x">one &amp; <b/>\n<b n="2"/>two</a><!-- b -->'
    )
    assert (root.tag, root.line, root.attributes) == ("a", 2, {"Name": "x"})
    assert root.text == "one & \ntwo"
    assert [(child.tag, child.line) for child in root.all("b")] == [("b", 2), ("b", 3)]
    assert root.what == "line 2: a 'x'"
    assert root.children[0].what == "line 2: <b>"


def test_another_encoding_that_is_stated_is_not_believed(load):
    assert load('<?xml version="1.0" encoding="ISO-8859-1"?><a Name="é"/>').attributes["Name"] == "é"
    with pytest.raises(FileFormatError, match="not UTF-8"):
        load('<?xml version="1.0" encoding="ISO-8859-1"?><a Name="é"/>', "latin-1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BOMB, "declarations of its own"),
        ('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', "declarations of its own"),
        ('<!DOCTYPE a SYSTEM "http://localhost/a.dtd" [<!ENTITY % p SYSTEM "x">%p;]><a/>', "declarations"),
        ('<!DOCTYPE a SYSTEM "a.dtd"><a>&e;</a>', "'&e;' is not known"),
        ("<a>&e;</a>", "undefined entity"),
        ('<?xml-stylesheet href="x.xsl"?><a/>', "instruction"),
        ("<a>" * 100 + "</a>" * 100, "nested deeper than 64"),
        ("<a><b></a></b>", "not valid XML at line 1"),
        ("<a/><a/>", "not valid XML"),
        ("", "not valid XML"),
        ("<a b='1' b='2'/>", "duplicate attribute"),
        ("<a>\x00</a>", "not valid XML"),
    ],
)
def test_what_is_refused(load, text, words):
    with pytest.raises(FileFormatError, match=words) as error:
        load(text)
    assert "file.xml" in str(error.value)


def test_schemas_are_not_fetched(load, tmp_path):
    (tmp_path / "a.dtd").write_text('<!ENTITY e "text">')
    with pytest.raises(FileFormatError, match="'&e;' is not known"):
        load('<!DOCTYPE a SYSTEM "a.dtd"><a>&e;</a>')


def test_more_elements_than_are_read(load, monkeypatch):
    from smoothfit.io import xml_files

    monkeypatch.setattr(xml_files, "_MOST", 10)
    with pytest.raises(FileFormatError, match="more than 10 elements"):
        load(f"<a>{'<b/>' * 10}</a>")


def test_attributes(load):
    root = load('<a n="1.5" f="true" t=" " x="inf"/>')
    assert root.number("n") == 1.5
    assert root.number("m", 2.0) == 2.0
    assert root.flag("f", False)
    assert root.flag("g", True)
    for read in (lambda: root.required("t"), lambda: root.number("x"), lambda: root.flag("n", False)):
        with pytest.raises(FileFormatError, match="line 1: <a>"):
            read()
    with pytest.raises(FileFormatError, match="'x' is no attribute"):
        root.check(("n", "f", "t"))


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(InputFileError, match="cannot be read"):
        load_xml(tmp_path / "none.xml")
