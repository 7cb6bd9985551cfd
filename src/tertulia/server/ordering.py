"""What a request for a reply comes to: who speaks, after which turn, under which direction."""

from dataclasses import dataclass

from tertulia.conversation import Conversation, Plan
from tertulia.decoding import Decoding
from tertulia.formats import Format
from tertulia.server.asked import Way
from tertulia.server.continuing import Continued
from tertulia.server.served import Served
from tertulia.server.speaking import Speak
from tertulia.store import TalkId, TurnId


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A reply that was asked for.

    parent    the turn that is answered; None for a first turn
    work      what the engine is asked for
    header    the direction under which it is said, which is kept with it
    given     the plan that the director gave
    uses_up   the plan was the talk's, and is used up by the reply
    activate  the reply ends the active path, unless that goes elsewhere meanwhile
    end       where the active path ended when the reply was asked for
    dry       nothing is kept
    """

    talk: TalkId
    parent: TurnId | None
    served: Served
    way: Way
    work: Speak
    header: Conversation
    given: Plan
    uses_up: bool
    activate: bool
    end: TurnId | None
    dry: bool

    @property
    def decoding(self) -> Decoding:
        return self.work.decoding

    @property
    def format(self) -> Format:
        """Reads what the model says."""
        own = self.served.agent.format
        return own if self.work.go_on is None else Continued(own, self.work.go_on)
