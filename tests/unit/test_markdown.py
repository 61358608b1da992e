"""Descriptions: what Markdown becomes, and what never comes through."""

from __future__ import annotations

import re
import time

import pytest

from unlock import markdown

REL = ' rel="nofollow noopener noreferrer ugc"'


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("Nine *field* recordings", "<p>Nine <em>field</em> recordings</p>\n"),
        ("one\ntwo\n\nthree", "<p>one<br>\ntwo</p>\n<p>three</p>\n"),
        ("# a\n\n## b\n\n###### c", "<h2>a</h2>\n<h3>b</h3>\n<h4>c</h4>\n"),
        ("- a\n- ~~b~~", "<ul>\n<li>a</li>\n<li><s>b</s></li>\n</ul>\n"),
        ("`x < y`", "<p><code>x &lt; y</code></p>\n"),
        ("[site](https://a.example/b?c=1&d)", f'<p><a href="https://a.example/b?c=1&amp;d"{REL}>site</a></p>\n'),
        ("<https://a.example>", f'<p><a href="https://a.example"{REL}>https://a.example</a></p>\n'),
        ("[me](mailto:maya@example.org)", f'<p><a href="mailto:maya@example.org"{REL}>me</a></p>\n'),
    ],
)  # fmt: skip
def test_markdown_becomes_plain_elements(text: str, html: str) -> None:
    assert markdown.to_html(text) == html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<scr<script>ipt>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<a href='javascript:alert(1)'>x</a>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](java&#115;cript:alert(1))",
        "[x](&#106;&#97;vascript:alert(1))",
        "[x](&#x6A;avascript&colon;alert(1))",
        "[x](java\tscript:alert(1))",
        "[x](%6Aavascript:alert(1))",
        "[x](vbscript:msgbox)",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](data:image/png;base64,AAAA)",
        "[x](file:///etc/passwd)",
        "[x](/logout)",
        "[x](//eve.example)",
        "[x](\\\\eve.example)",
        "[x](http://eve.example)",
        "[x](https:)",
        "[x](https:///)",
        "[x](#1.AAAAAAAAAAAAAAAAAAAAAA)",
        "<javascript:alert(1)>",
        "![x](https://eve.example/pixel.png)",
        "![x][y]\n\n[y]: https://eve.example/pixel.png",
        "[x][y]\n\n[y]: javascript:alert(1)",
        '[x](https://a.example "onmouseover=alert(1)")',
        '[x](https://a.example" onmouseover="alert(1))',
        "`<style>*{display:none}</style>`",
        "<style>*{display:none}</style>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<iframe srcdoc='<script>alert(1)</script>'>",
        "<form action=https://eve.example><input name=a>",
        "<!-- --><base href=//eve.example>",
        "<math><mtext></form><form><mglyph><svg><mtext><textarea><path id='</textarea><img onerror=alert(1) src=1>'>",
    ],
)
def test_no_trick_makes_another_element_or_address(text: str) -> None:
    html = markdown.to_html(text)

    tags = re.findall(r"<\s*/?\s*([a-zA-Z!][^\s>]*)", html)
    assert set(tags) <= {"p", "a", "code", "br", "em", "strong", "h2", "ul", "li", "blockquote"}
    for attributes in re.findall(r"<\w+([^>]*)>", html):
        assert re.fullmatch(rf'(?: href="(?:https://[^"]+|mailto:[^"]+)")?(?:{REL})?', attributes)
    assert not re.search(r'href="(?!https://a\.example|https://eve\.example/pixel\.png")', html)
    assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', html))


@pytest.mark.parametrize(
    "text",
    [
        "[" * 20_000,
        "[](" * 6_600,
        "![" * 10_000,
        "*a **b " * 2_800,
        ">" * 20_000,
        "- " * 10_000,
        "`" * 19_999 + "a",
        "<" * 20_000,
        "&#" * 10_000,
        "[a](" + "(" * 19_990,
        "# a\n" * 5_000,
        "_a__" * 5_000,
    ],
)
def test_the_longest_and_deepest_text_is_read_in_no_time_and_stays_shallow(text: str) -> None:
    begun = time.process_time()
    html = markdown.to_html(text)

    assert time.process_time() - begun < 3
    assert len(html) < 30 * 20_000
    depth, deepest = 0, 0
    for closing, tag in re.findall(r"<(/?)(\w+)", html):
        if tag not in {"br", "hr"}:
            depth += -1 if closing else 1
        deepest = max(deepest, depth)
    assert depth == 0
    assert deepest <= markdown.NESTING_MAX + 2


def test_the_tree_is_the_same_without_any_markup() -> None:
    text = "# A & B\n\nsee [*here*](https://a.example)\nnow <b>"

    assert markdown.to_tree(text) == [
        {"tag": "h2", "children": ["A & B"]},
        "\n",
        {
            "tag": "p",
            "children": [
                "see ",
                {
                    "tag": "a",
                    "children": [{"tag": "em", "children": ["here"]}],
                    "href": "https://a.example",
                },
                {"tag": "br", "children": []},
                "\nnow <b>",
            ],
        },
        "\n",
    ]
    assert markdown.to_tree("") == []
