"""The packaged default model: weights and tokenizer, data only."""
