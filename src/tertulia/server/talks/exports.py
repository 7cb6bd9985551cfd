"""Talks as files: given out in the forms of other programs, taken in, and shown as a page."""

import io
import json
from dataclasses import replace
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from tertulia import interchange
from tertulia.errors import UnknownName
from tertulia.interchange import Report
from tertulia.server.description.documented import documented
from tertulia.server.doors import reading
from tertulia.server.doors.answering import Answer
from tertulia.server.doors.refusals import invalid
from tertulia.server.served import house_of
from tertulia.server.storeroom import storeroom_of
from tertulia.server.talks.answered import FormsTold, Imported
from tertulia.server.talks.finding import talk_id
from tertulia.store import Store, TalkId

ROUTES = APIRouter(prefix="/tertulia")
IMPORT_BYTES = 32 * 1024 * 1024
PATHS_TOLD = 20
"""Lost parts that a header names; the rest is one number."""

PAGE_HEADERS = {
    # Its text is people's: a page that is opened here is nobody's, and runs nothing.
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'",
    "X-Content-Type-Options": "nosniff",
}
ANY_FILE = {"content": {"application/octet-stream": {"schema": {"format": "binary"}}}}
A_FILE = {"responses": {"200": {"description": "The file", "content": {"*/*": {}}}}}
A_PAGE = {"responses": {"200": {"description": "The page", "content": {"text/html": {}}}}}


@ROUTES.get("/forms", openapi_extra=documented(None, FormsTold))
async def forms(request: Request) -> Response:
    """The forms that talks can be written in, and those that can be read."""
    told = [
        {
            "name": each.name,
            "extension": each.suffix,
            "reads": each.reads,
            "writes": True,
            "about": each.told,
        }
        for each in map(interchange.about, interchange.forms())
    ]
    return Answer({"forms": told})


@ROUTES.get("/talks/{talk}/export", openapi_extra={**A_FILE, "x-errors": [400]})
async def export(request: Request, talk: str, form: str = "jsonl") -> Response:
    """A talk as a file; what the form cannot hold is told in X-Tertulia-Report."""
    id, about = talk_id(talk), known(form)
    content, report = await written(request, id, form)
    headers = {
        "Content-Disposition": f'attachment; filename="{id}{about.suffix}"',
        "X-Tertulia-Report": in_a_header(report),
        "X-Content-Type-Options": "nosniff",
    }
    return Response(content, media_type=about.media, headers=headers)


@ROUTES.get("/talks/{talk}/page", openapi_extra=A_PAGE)
async def page(request: Request, talk: str) -> Response:
    """A talk to be read: one page that asks for nothing else and shares nothing."""
    content, _ = await written(request, talk_id(talk), "html")
    return Response(content, media_type="text/html; charset=utf-8", headers=PAGE_HEADERS)


@ROUTES.post(
    "/talks/import",
    status_code=201,
    openapi_extra={
        **documented(None, Imported, status=201, errors=(408, 413, 429, 503)),
        "requestBody": {"required": True, **ANY_FILE},
    },
)
async def import_(request: Request, form: str = "") -> Response:
    """Talks of a file, all of them or none; without a form it is told by how the file begins."""
    room, importing = storeroom_of(request), request.app.state.importing
    if form:
        known(form)
    settings = house_of(request).settings
    async with importing:
        most = max(settings.body_bytes, IMPORT_BYTES)
        content = await reading.body(request, replace(settings, body_bytes=most))
        if not content:
            raise invalid("the body is empty: send the file", code="invalid_file")
        told = await room.ask(lambda store: taken_in(store, content, form))
    return Answer(told, 201)


def taken_in(store: Store, content: bytes, form: str) -> dict[str, Any]:
    """The talks of a file as they are kept; raises InterchangeError, and keeps none."""
    form = form or interchange.guess(content)
    talks, report = interchange.imported(form, io.BytesIO(content))
    return {"talks": list(store.adopt_all(talks)), "report": report.table()}


async def written(request: Request, id: TalkId, form: str) -> tuple[bytes, Report]:
    """A talk in a form, and what was lost; half characters become U+FFFD where UTF-8 is written."""

    def made(store: Store) -> tuple[bytes, Report]:
        pieces, report = interchange.exported(form, [store.whole(id)])
        return "".join(pieces).encode("utf-8", "replace"), report

    return await storeroom_of(request).ask(made)


def known(form: str) -> interchange.About:
    """What is told of a form; raises Refusal for none."""
    try:
        return interchange.about(form)
    except UnknownName as error:
        raise invalid(str(error), "form", "invalid_value") from None


def in_a_header(report: Report) -> str:
    """A report as ASCII, short enough for a header."""
    table = report.table()
    most = dict(report.lost.most_common(PATHS_TOLD))
    if rest := sum(table["lost"].values()) - sum(most.values()):
        most["other parts"] = rest
    return json.dumps({**table, "lost": most}, ensure_ascii=True)
