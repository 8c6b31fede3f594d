"""How a network learns a stream: the one training loop, the state of the task under way, teachers and tests."""
