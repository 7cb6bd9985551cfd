"""The OpenAPI description: what every route takes, answers and refuses, at /openapi.json and /docs.

Each route names its shapes where it stands (documented.documented); the description is put together
from them when it is first asked for, and shown as one page without a script (docs).
"""
