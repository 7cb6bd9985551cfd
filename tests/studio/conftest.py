"""The fixtures of the page's tests."""

from tests.studio.browsing import browser, page, studio

__all__ = ["browser", "page", "studio"]
