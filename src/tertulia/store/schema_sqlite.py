"""The store's schema in SQLite, as numbered steps: a new one goes to the end, none is edited."""

from tertulia.store.migrations import Step


def append_only(*tables: str) -> Step:
    """Triggers that refuse to change or delete a row."""
    return tuple(
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for table in tables
        for verb in ("UPDATE", "DELETE")
    )


FIRST = (
    # What directs a talk at one moment, each kept once: JSON of the scene without its turns.
    "CREATE TABLE scenes (hash TEXT PRIMARY KEY, scene TEXT NOT NULL) WITHOUT ROWID",
    # agent is the text of the agent file, as JSON.
    "CREATE TABLE talks (id TEXT PRIMARY KEY, created TEXT NOT NULL, agent TEXT NOT NULL,"
    " scene TEXT NOT NULL REFERENCES scenes) WITHOUT ROWID",
    # The tree: turns with one parent are alternatives. speaker, text, image and reply are JSON in
    # ASCII, so that NUL and lone surrogates survive.
    "CREATE TABLE turns (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " talk TEXT NOT NULL REFERENCES talks, parent INTEGER REFERENCES turns,"
    " created TEXT NOT NULL, speaker TEXT NOT NULL, text TEXT NOT NULL, image TEXT NOT NULL,"
    " scene TEXT NOT NULL REFERENCES scenes, reply TEXT)",
    "CREATE INDEX turns_of_a_talk ON turns (talk, parent)",
    # Which turn was last, after each change of a talk: the newest row ends the active path. Its
    # number is the talk's version; two writers cannot both add the same one. writer is the open
    # store that made the move.
    "CREATE TABLE moves (talk TEXT NOT NULL REFERENCES talks, number INTEGER NOT NULL,"
    " turn INTEGER REFERENCES turns, writer TEXT NOT NULL, created TEXT NOT NULL,"
    " PRIMARY KEY (talk, number)) WITHOUT ROWID",
    *append_only("scenes", "talks", "turns", "moves"),
)

SECOND = (
    # Agent files, each kept once, as JSON: a reply names the one that made it.
    "CREATE TABLE files (hash TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID",
    "ALTER TABLE turns ADD COLUMN file TEXT REFERENCES files",
    "ALTER TABLE turns ADD COLUMN edited_from INTEGER REFERENCES turns",
    "ALTER TABLE turns ADD COLUMN status TEXT NOT NULL DEFAULT 'whole'",
    # What directs the talk after a move; NULL for the scene of the turn moved to.
    "ALTER TABLE moves ADD COLUMN scene TEXT REFERENCES scenes",
    # What was said about a turn (its rating, that it is hidden) or, with no turn, about the talk
    # (its title, its agent, that it is hidden). value is JSON; the newest of each name holds.
    "CREATE TABLE marks (number INTEGER PRIMARY KEY AUTOINCREMENT,"
    " talk TEXT NOT NULL REFERENCES talks, turn INTEGER REFERENCES turns,"
    " name TEXT NOT NULL, value TEXT NOT NULL, created TEXT NOT NULL)",
    "CREATE INDEX marks_of_a_talk ON marks (talk, turn, name)",
    # Replies under way: what they are made of, the pieces said so far, and the turn each became,
    # NULL for none. place tells the process; version is that of the talk when it began.
    "CREATE TABLE drafts (id INTEGER PRIMARY KEY AUTOINCREMENT,"
    " talk TEXT NOT NULL REFERENCES talks, parent INTEGER REFERENCES turns,"
    " version INTEGER NOT NULL, speaker TEXT NOT NULL, scene TEXT NOT NULL REFERENCES scenes,"
    " file TEXT REFERENCES files, reply TEXT, writer TEXT NOT NULL, place TEXT NOT NULL,"
    " created TEXT NOT NULL)",
    "CREATE INDEX drafts_of_a_talk ON drafts (talk)",
    "CREATE TABLE pieces (draft INTEGER NOT NULL REFERENCES drafts, number INTEGER NOT NULL,"
    " text TEXT NOT NULL, created TEXT NOT NULL, PRIMARY KEY (draft, number)) WITHOUT ROWID",
    "CREATE TABLE endings (draft INTEGER PRIMARY KEY REFERENCES drafts,"
    " turn INTEGER REFERENCES turns)",
    # Scenes put up to be played: the newest row of an id holds. scene is JSON, turns and all.
    "CREATE TABLE posts (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL,"
    " title TEXT NOT NULL, scene TEXT NOT NULL, hidden INTEGER NOT NULL, created TEXT NOT NULL)",
    *append_only("files", "marks", "drafts", "pieces", "endings", "posts"),
)

STEPS: tuple[Step, ...] = (FIRST, SECOND)
"""Step n takes a store from schema n - 1 to n; each runs in one transaction."""
