"""From a suite to what is run: its cells, what they cost, and in which rounds seeds are added."""
