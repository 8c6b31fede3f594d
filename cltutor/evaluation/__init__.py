"""How well a network does: its answers to images, prediction rules, metrics and retrieval."""
