"""Networks of any domain: the chain of stages, sizes and how to meet them, and what is left after training."""
