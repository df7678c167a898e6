"""What is asked of a network, one file per task: the loss, the score, and what both are made of."""

from functools import lru_cache

from bench.errors import UserError
from bench.geometry import Shape, domain
from bench.scores import SCORES
from bench.tasks.classification import CLASSIFICATION
from bench.tasks.regression import REGRESSION
from bench.tasks.segmentation import SEGMENTATION
from bench.tasks.task import Reduction, Task

#: The tasks by name.
TASKS: dict[str, Task] = {task.name: task for task in (CLASSIFICATION, REGRESSION, SEGMENTATION)}


def register_task(task: Task) -> None:
    """Add the task of a plug-in; UserError where its name is taken, or where no table knows its score.

    Its score is one that tables know already, so that its results are read where the plug-in is not.
    """
    if task.name in TASKS:
        raise UserError(f"the task '{task.name}' is there already; known: {', '.join(TASKS)}")
    if task.score not in SCORES:
        raise UserError(f"the task '{task.name}' has the score '{task.score}'; accepted are {', '.join(SCORES)}")
    TASKS[task.name] = task


@lru_cache(maxsize=64)
def task_of(shape: Shape) -> Task:
    """Return what is asked about inputs of a shape; where it is asked of points, they count by their areas."""
    task, weights = TASKS[shape.task], domain(shape.domain).weights(shape)
    return task if weights is None or task.weighed is None else task.weighed(weights)


__all__ = ["CLASSIFICATION", "REGRESSION", "SEGMENTATION", "TASKS", "Reduction", "Task", "register_task", "task_of"]
