"""Every error Tertulia raises on purpose.

TertuliaError
├── UnknownName          no format, engine, preset, model … has that name     (LookupError)
├── MissingExtra         an optional dependency is not installed              (ImportError)
├── ConfigError          a key or a value in a settings file is wrong         (ValueError)
│   └── SceneError       a scene cannot be read                               (ValueError)
├── PromptTooLong        the talk cannot be made to fit the context window    (ValueError)
├── UnsupportedDecoding  an engine cannot do what a Decoding asks             (ValueError)
├── TokenizerError       a tokenizer cannot be read or lacks a control token  (ValueError)
├── CheckpointError      weights cannot be found, read or trusted             (ValueError)
├── StoreError           the store of talks cannot be read or written         (OSError)
│   ├── Conflict         somebody else wrote to the same talk first           (OSError)
│   └── NotKept          no talk, turn or scene of that id is in the store    (OSError, LookupError)
├── CardError            a character card cannot be read or written           (ValueError)
├── InterchangeError     a file of talks cannot be read or written            (ValueError)
└── EngineError          the runtime behind an engine failed                  (RuntimeError)

Each message names the place, the value and what to do next: the cure is part of the contract.
The command line prints them in one line, without a traceback, and exits with 2.
"""


class TertuliaError(Exception):
    """Base of all deliberate errors."""


class UnknownName(TertuliaError, LookupError):
    """Nothing of that name on the shelf."""


class MissingExtra(TertuliaError, ImportError):
    """An optional dependency is not installed."""


class ConfigError(TertuliaError, ValueError):
    """A key or a value in a settings file is wrong."""


class SceneError(ConfigError):
    """A scene cannot be read."""


class PromptTooLong(TertuliaError, ValueError):
    """The talk cannot be made to fit the context window."""


class UnsupportedDecoding(TertuliaError, ValueError):
    """An engine cannot do what a Decoding asks."""


class TokenizerError(TertuliaError, ValueError):
    """A tokenizer cannot be read, or lacks a control token that a format needs."""


class CheckpointError(TertuliaError, ValueError):
    """Weights cannot be found, read or trusted."""


class StoreError(TertuliaError, OSError):
    """The store of talks cannot be read or written."""


class Conflict(StoreError):
    """Somebody else wrote to the same talk first."""


class NotKept(StoreError, LookupError):
    """No talk, turn or scene of that id is in the store."""


class CardError(TertuliaError, ValueError):
    """A character card cannot be read or written."""


class InterchangeError(TertuliaError, ValueError):
    """A file of talks, of ours or of another program, cannot be read or written."""


class EngineError(TertuliaError, RuntimeError):
    """The runtime behind an engine failed (always chained with `from`)."""
