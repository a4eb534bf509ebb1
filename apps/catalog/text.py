"""Text as the catalogue keeps it: tidied, freed from HTML, split into words for the search."""

import html
import re
import unicodedata

# A longer word is cut, in the index and in the question alike: PostgreSQL refuses very long ones.
MAX_WORD = 64

# Every alternative may also end at the end of the text, so that markup that is never closed costs
# one pass. The standard library's parser reads such text again and again, and raises on `<![x`.
_MARKUP = re.compile(
    r"""<!--.*?(?:-->|\Z)
    | <(?:script|style)\b.*?(?:</(?:script|style)\b[^>]*(?:>|\Z)|\Z)
    | <[!?][^>]*(?:>|\Z)
    | </?([a-z][a-z0-9]*)(?:[^>"']++|"[^"]*(?:"|\Z)|'[^']*(?:'|\Z))*+(?:>|\Z)
    """,
    re.IGNORECASE | re.DOTALL | re.VERBOSE,
)
_PARAGRAPH = re.compile("br|p|hr|[uod]l|table|pre|blockquote|section|h[1-6]")
_LINE = re.compile("li|div|tr|dt|dd|article|aside|header|footer|figure|option")
# Only where a run of spaces begins, or each space of a long one would be tried.
_BREAKS = re.compile(r"(?<! ) *+[\n\r][ \n\r]*")
_BLANK_LINES = re.compile(r"\n{3,}")
_WORD = re.compile(r"[^\W_]+")
_UNSEEN = ("Mn", "Mc", "Me", "Cf")
_CONTROLS = dict.fromkeys([*range(0x20), *range(0x7F, 0xA0)], " ")


def one_line(text: str) -> str:
    """The text with every run of white space and control characters as one plain space."""
    return " ".join(text.translate(_CONTROLS).split()) if text else ""


def tidy(text: str) -> str:
    """The lines of the text, each as `one_line` leaves it, with at most one blank line between."""
    lines = "\n".join(one_line(line) for line in text.splitlines())
    return _BLANK_LINES.sub("\n\n", lines).strip()


def plain_text(body: str) -> str:
    """What a reader sees of an HTML text; a text without any markup keeps its own lines."""
    if _MARKUP.search(body) is None:
        return tidy(html.unescape(body))
    text = _MARKUP.sub(_spacing, one_line(body))
    # Two boundaries of paragraphs meeting (`</p><p>`) make a blank line, list items do not.
    text = _BREAKS.sub(lambda breaks: "\n" * min(breaks[0].count("\n"), 2) or "\n", text)
    return tidy(html.unescape(text))


def _spacing(markup: re.Match[str]) -> str:
    tag = (markup[1] or "").lower()
    if _PARAGRAPH.fullmatch(tag):
        return "\n"
    if _LINE.fullmatch(tag):
        return "\r"
    return " " if tag in ("td", "th") else ""


def as_html(text: str) -> str:
    """HTML that `plain_text` turns back into the same tidied text."""
    return html.escape(text, quote=False).replace("\n", "<br>")


def words(text: str) -> list[str]:
    """The distinct words of a text without case, accents, hidden characters and punctuation."""
    if text.isascii():
        folded = text.lower()
    else:
        folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
        # Accents stand by themselves now; a soft hyphen in a word is seen by nobody.
        folded = "".join(c for c in folded if unicodedata.category(c) not in _UNSEEN)
    return list(dict.fromkeys(word[:MAX_WORD] for word in _WORD.findall(folded)))
