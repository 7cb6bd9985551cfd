"""What requests about scenes may hold, and what is answered."""

from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

from tertulia.server.doors.shapes import Shape, example

Title = Annotated[str, StringConstraints(max_length=200)]


class SceneAsked(Shape):
    """A scene to be kept, and talked to by its id.

    scene  agent, user, situation, instruction, personas, knowledge, memory, plan, turns
    title  what it is called in lists; empty for none
    """

    model_config = example(
        {"scene": {"agent": "Ann", "situation": "A bakery at dawn."}, "title": "Dawn"}
    )

    scene: dict[str, Any]
    title: Title = ""


class SceneTold(BaseModel):
    """A scene that a talk can begin with.

    posted  it was posted; otherwise it comes with Tertulia
    """

    id: str
    title: str
    posted: bool
    scene: dict[str, Any]


class ScenesTold(BaseModel):
    """Every scene, the posted ones first."""

    scenes: list[SceneTold]


class CardTold(BaseModel):
    """A character that became a scene.

    scene_id  begins talks, at /tertulia/talks
    report    where each part of the card went
    """

    scene_id: str
    scene: dict[str, Any]
    report: dict[str, Any]
