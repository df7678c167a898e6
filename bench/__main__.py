"""``python -m bench`` is ``equivaug``."""

from bench.cli import main

if __name__ == "__main__":
    main()
