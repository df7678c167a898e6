"""The same from Python: load a suite, run it, look at the tables, draw a figure on axes of your own."""

import matplotlib

matplotlib.use("Agg")  # a notebook leaves this line out

import matplotlib.pyplot as plt

from bench import api


def main() -> None:
    """Run a small suite and save one figure of it beside a picture of your own."""
    tables = api.run(
        {
            "name": "from-python",
            "data": {"name": "digits", "size": 16, "train_sizes": [300]},
            "augmentation": {"strengths": [0, 1]},
            "families": [{"family": "cnn"}, {"family": "gcnn", "group": "C4"}],
            "match": {"by": "parameters", "target": 10000},
            "budget": {"steps": 60, "batch_size": 32, "lr": 0.01},
            "seeds": 2,
            "measure": {"equivariance": {"angles": [90], "samples": 32}},
        },
        workers=2,
    )
    print(tables.runs.groupby(["label", "strength"])["transformed_score"].mean().round(3).to_string())
    print(api.verdict(tables).headline)
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
    api.draw(tables, "score_by_strength", on=left)
    tables.runs.plot.scatter("train_seconds", "transformed_score", ax=right)
    figure.savefig("from-python.png")


if __name__ == "__main__":
    main()
