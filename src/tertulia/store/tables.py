"""The store's tables as queries see them; schema_sqlite.py and schema_postgresql.py make them."""

from sqlalchemy import BigInteger, Column, MetaData, Table, Text
from sqlalchemy.dialects import sqlite

METADATA = MetaData()
NUMBER = BigInteger().with_variant(sqlite.INTEGER(), "sqlite")


def table(name: str, key: Column[int] | None, *columns: Column[int] | Column[str]) -> Table:
    return Table(name, METADATA, *(() if key is None else (key,)), *columns)


def counted(name: str) -> Column[int]:
    """A key that the database counts up."""
    return Column(name, NUMBER, primary_key=True, autoincrement=True)


def number(name: str) -> Column[int]:
    return Column(name, NUMBER)


def text(name: str) -> Column[str]:
    return Column(name, Text)


scenes = table("scenes", None, text("hash"), text("scene"))
files = table("files", None, text("hash"), text("text"))
talks = table("talks", None, *map(text, ("id", "created", "agent", "scene")))
turns = table(
    "turns",
    counted("id"),
    text("talk"),
    number("parent"),
    *map(text, ("created", "speaker", "text", "image", "scene", "reply", "file")),
    number("edited_from"),
    text("status"),
)
moves = table(
    "moves", None, text("talk"), number("number"), number("turn"),
    *map(text, ("writer", "created", "scene")),
)  # fmt: skip
marks = table(
    "marks", counted("number"), text("talk"), number("turn"),
    *map(text, ("name", "value", "created")),
)  # fmt: skip
drafts = table(
    "drafts", counted("id"), text("talk"), number("parent"), number("version"),
    *map(text, ("speaker", "scene", "file", "reply", "writer", "place", "created")),
)  # fmt: skip
pieces = table(
    "pieces", None, number("draft"), number("number"), *map(text, ("text", "created"))
)  # fmt: skip
endings = table("endings", None, number("draft"), number("turn"))
posts = table(
    "posts", counted("number"), *map(text, ("id", "title", "scene")), number("hidden"),
    text("created"),
)  # fmt: skip
