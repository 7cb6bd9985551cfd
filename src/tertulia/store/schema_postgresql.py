"""The store's schema in PostgreSQL, as numbered steps: a new one goes to the end, none is edited.

The numbers are those of schema_sqlite.py, and so are the tables and their columns.
"""

from tertulia.store.migrations import Step

REFUSE = (
    "CREATE FUNCTION tertulia_append_only() RETURNS trigger LANGUAGE plpgsql AS"
    " $$BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only'; END$$"
)


def append_only(*tables: str) -> Step:
    """Triggers that refuse to change or delete a row, or to empty the table."""
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION tertulia_append_only()"
        for table in tables
        for verb in ("UPDATE", "DELETE", "TRUNCATE")
    )


FIRST = (
    "CREATE TABLE scenes (hash TEXT PRIMARY KEY, scene TEXT NOT NULL)",
    "CREATE TABLE talks (id TEXT PRIMARY KEY, created TEXT NOT NULL, agent TEXT NOT NULL,"
    " scene TEXT NOT NULL REFERENCES scenes)",
    "CREATE TABLE turns (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " talk TEXT NOT NULL REFERENCES talks, parent BIGINT REFERENCES turns,"
    " created TEXT NOT NULL, speaker TEXT NOT NULL, text TEXT NOT NULL, image TEXT NOT NULL,"
    " scene TEXT NOT NULL REFERENCES scenes, reply TEXT)",
    "CREATE INDEX turns_of_a_talk ON turns (talk, parent)",
    "CREATE TABLE moves (talk TEXT NOT NULL REFERENCES talks, number BIGINT NOT NULL,"
    " turn BIGINT REFERENCES turns, writer TEXT NOT NULL, created TEXT NOT NULL,"
    " PRIMARY KEY (talk, number))",
    REFUSE,
    *append_only("scenes", "talks", "turns", "moves"),
)

SECOND = (
    "CREATE TABLE files (hash TEXT PRIMARY KEY, text TEXT NOT NULL)",
    "ALTER TABLE turns ADD COLUMN file TEXT REFERENCES files",
    "ALTER TABLE turns ADD COLUMN edited_from BIGINT REFERENCES turns",
    "ALTER TABLE turns ADD COLUMN status TEXT NOT NULL DEFAULT 'whole'",
    "ALTER TABLE moves ADD COLUMN scene TEXT REFERENCES scenes",
    "CREATE TABLE marks (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " talk TEXT NOT NULL REFERENCES talks, turn BIGINT REFERENCES turns,"
    " name TEXT NOT NULL, value TEXT NOT NULL, created TEXT NOT NULL)",
    "CREATE INDEX marks_of_a_talk ON marks (talk, turn, name)",
    "CREATE TABLE drafts (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " talk TEXT NOT NULL REFERENCES talks, parent BIGINT REFERENCES turns,"
    " version BIGINT NOT NULL, speaker TEXT NOT NULL, scene TEXT NOT NULL REFERENCES scenes,"
    " file TEXT REFERENCES files, reply TEXT, writer TEXT NOT NULL, place TEXT NOT NULL,"
    " created TEXT NOT NULL)",
    "CREATE INDEX drafts_of_a_talk ON drafts (talk)",
    "CREATE TABLE pieces (draft BIGINT NOT NULL REFERENCES drafts, number BIGINT NOT NULL,"
    " text TEXT NOT NULL, created TEXT NOT NULL, PRIMARY KEY (draft, number))",
    "CREATE TABLE endings (draft BIGINT PRIMARY KEY REFERENCES drafts,"
    " turn BIGINT REFERENCES turns)",
    "CREATE TABLE posts (number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id TEXT NOT NULL,"
    " title TEXT NOT NULL, scene TEXT NOT NULL, hidden BIGINT NOT NULL, created TEXT NOT NULL)",
    *append_only("files", "marks", "drafts", "pieces", "endings", "posts"),
)

STEPS: tuple[Step, ...] = (FIRST, SECOND)
"""Step n takes a store from schema n - 1 to n; each runs in one transaction."""
