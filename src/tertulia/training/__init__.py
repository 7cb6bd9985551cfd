"""Parts that a recipe uses: masking, packing, conditions, checkpoints."""
