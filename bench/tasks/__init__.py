"""What is asked of a network, one file per task: the loss, the score, and what both are made of."""

from bench.tasks.classification import CLASSIFICATION
from bench.tasks.regression import REGRESSION
from bench.tasks.task import Reduction, Task

#: The tasks by name.
TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION, REGRESSION)}

__all__ = ["CLASSIFICATION", "REGRESSION", "TASKS", "Reduction", "Task"]
