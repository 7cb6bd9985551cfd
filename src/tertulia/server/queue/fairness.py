"""Whose turn it is: clients in a ring, so that one with many requests does not hold up another."""

from collections import OrderedDict, deque
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """What waits, and whose it is."""

    @property
    def client(self) -> str: ...


Each = TypeVar("Each", bound=Waiting)


class Turns(Generic[Each]):
    """What waits: of each client in the order it came, of the clients one after the other."""

    def __init__(self) -> None:
        self.clients: OrderedDict[str, deque[Each]] = OrderedDict()
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def add(self, item: Each) -> None:
        self.clients.setdefault(item.client, deque()).append(item)
        self.size += 1

    def of(self, client: str) -> int:
        """How many of a client's wait."""
        return len(self.clients.get(client, ()))

    def take(self) -> Each:
        """The next; its client then stands last in the ring. Raises KeyError when none waits."""
        client, items = self.clients.popitem(last=False)
        found = items.popleft()
        if items:
            self.clients[client] = items
        self.size -= 1
        return found

    def remove(self, item: Each) -> bool:
        """Take one out of turn; whether it was there."""
        items = self.clients.get(item.client)
        if items is None or item not in items:
            return False
        items.remove(item)
        if not items:
            del self.clients[item.client]
        self.size -= 1
        return True
