"""A verdict for a user's own images: look at them, propose a small fair matrix, run it, and answer."""
