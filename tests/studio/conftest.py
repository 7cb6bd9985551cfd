"""The fixtures of the page's tests."""

from tests.studio.browsing import browser, page, studio
from tests.studio.knowing import knowing, zoo

__all__ = ["browser", "knowing", "page", "studio", "zoo"]
