"""What a decoder behind an encoder begins with."""

from tertulia.engines.onnxruntime.weights import Checkpoint, read_json
from tertulia.errors import CheckpointError


def start(checkpoint: Checkpoint) -> tuple[tuple[int, ...], int]:
    """Its first tokens, and how many of them are forced_bos_token_id.

    generation_config.json goes first; the start is decoder_start_token_id, or else bos_token_id.
    """
    place = checkpoint.folder / "generation_config.json"
    first, second = read_json(place) if place.exists() else {}, checkpoint.config

    def told(name: str) -> int | None:
        value = first.get(name)
        value = second.get(name) if value is None else value
        if value is not None and (type(value) is not int or value < 0):
            raise CheckpointError(
                f"{checkpoint.folder}: {name} is {value!r}, must be the id of a token"
            )
        return value

    begin = told("decoder_start_token_id")
    begin = told("bos_token_id") if begin is None else begin
    if begin is None:
        raise CheckpointError(
            f"{checkpoint.folder / 'config.json'} names no decoder_start_token_id: add the one "
            "this model was trained with (T5: 0)"
        )
    forced = told("forced_bos_token_id")
    return ((begin,), 0) if forced is None else ((begin, forced), 1)
