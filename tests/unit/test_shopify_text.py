"""Descriptions: HTML becomes text, text survives being written as HTML; words for the search."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.catalog.text import MAX_WORD, as_html, one_line, plain_text, tidy, words


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("", ""),
        ("A plain text", "A plain text"),
        ("Two\r\nlines, no tags ", "Two\nlines, no tags"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One\nline</p>", "One line"),
        ("One<br>two<br/>three", "One\ntwo\nthree"),
        ("One<BR />two", "One\ntwo"),
        (
            "<p>Made of:</p>\n<ul>\n<li>Gold</li>\n<li>Silver</li>\n</ul>",
            "Made of:\n\nGold\nSilver",
        ),
        ("<ul><li>Never<li>closed", "Never\nclosed"),
        ("Un<b>closed and <i>nested</b> wrongly", "Unclosed and nested wrongly"),
        ("<div><div>Deep</div></div><div>Next</div>", "Deep\nNext"),
        ("<table><tr><th>Size</th><td>35″</td></tr><tr><td>x</td></tr></table>", "Size 35″\nx"),
        ("Tom &amp; Jerry &lt;3 &#233;&eacute;&nbsp;&euro;5", "Tom & Jerry <3 éé €5"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ("&amp;lt;b&amp;gt; stays", "&lt;b&gt; stays"),
        ("a<script>if (a < b) { x('</p>') }</script>b<style>p {}</style>c", "abc"),
        ("seen<script>never closed", "seen"),
        ("a<!-- no <p> -->b<![CDATA[x]]>c<!DOCTYPE html>d<?php e ?>f", "abcdf"),
        ("<![if !supportLists]>1.<![endif] >x<![weird[", "1.x"),
        ("<a title=\"a > b\" href='x>y'>link</a>", "link"),
        ("<meta charset=utf-8>\u00a0No\u00a0break\u00a0", "No break"),
        ("separated\u2028by\u2028lines", "separated\nby\nlines"),
        ("<p>separated\u2028in\u2029HTML</p>", "separated in HTML"),
        ("end of <b", "end of"),
        ("<p></p>", ""),
    ],
)
def test_plain_text(body: str, text: str) -> None:
    """A reader of the description sees what a reader of the HTML saw."""
    assert plain_text(body) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_html(text: str) -> None:
    """What is written into a file as HTML is read back as it was."""
    assert plain_text(as_html(tidy(text))) == tidy(text)
    assert tidy(tidy(text)) == tidy(text)
    assert one_line(one_line(text)) == one_line(text)


@given(st.text(st.sampled_from("<>/!-\"'&;pabr scriptle\n")))
def test_any_markup_becomes_text(body: str) -> None:
    """Nothing that looks like markup raises, and what comes out is tidy."""
    assert plain_text(body) == tidy(plain_text(body))


@pytest.mark.parametrize(
    "piece", ["<a ", "<!--", "<script>", "<a '", "</", "<p>", "<td>", "&", "\n\r"]
)
def test_hostile_markup_takes_no_time(piece: str) -> None:
    """Markup that stands there a hundred thousand times, also unclosed, is read in one pass."""
    started = time.monotonic()
    plain_text(piece * 100_000)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Red red RED-Shirt", ["red", "shirt"]),
        ("Crème Brûlée", ["creme", "brulee"]),
        ("Straße İstanbul", ["strasse", "istanbul"]),
        ("snake_case, 14k/gold", ["snake", "case", "14k", "gold"]),
        ("№ 5 ﬁne ２", ["no", "5", "fine", "2"]),
        ("рубашка Рубашка", ["рубашка"]),
        ("!?", []),
        ("x" * 3000, ["x" * MAX_WORD]),
        ("soft\u00adhyphen wi\u200bdth", ["softhyphen", "width"]),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    """Words are compared without case, accents and punctuation."""
    assert words(text) == expected
