"""How the learning rate and the loss change over a run."""

import math

from gladsr.training.settings import LossSettings, ScheduleSettings


def learning_rate(step: int, elapsed: float, peak: float, schedule: ScheduleSettings) -> float:
    """Return the learning rate of a step.

    Args:
        step: Number of steps before it.
        elapsed: Share of the run's time limit that has passed; 0 where there is no limit.
        peak: The highest learning rate.
        schedule: The settings.

    Example:
        >>> cosine = ScheduleSettings(steps=12, kind="cosine", warmup=4)
        >>> [round(learning_rate(step, 0.0, 1.0, cosine), 2) for step in (0, 2, 4, 8, 12)]
        [0.25, 0.62, 1.0, 0.5, 0.0]
        >>> round(learning_rate(8, 0.75, 1.0, cosine), 2)
        0.15
    """
    if schedule.kind == "step":
        rate = peak * 0.5 ** (max(0, step - schedule.warmup) // schedule.halve_every)
    else:
        after = max(1, schedule.steps - schedule.warmup)
        fallen = max(min(1.0, max(0, step - schedule.warmup) / after), min(1.0, elapsed))
        rate = peak * (1 + math.cos(math.pi * fallen)) / 2
    if step < schedule.warmup:
        first = 1 / schedule.warmup
        rate *= first + (1 - first) * step / schedule.warmup
    return rate


def target_weights(progress: float, loss: LossSettings) -> tuple[float, float]:
    """Return the weights of HR and of the teacher's outputs, whose sum is 1.

    Args:
        progress: Share of the run that is done.
        loss: The settings.

    Example:
        >>> falling = LossSettings(teacher=0.5, teacher_until=0.7)
        >>> [target_weights(progress, falling) for progress in (0.0, 0.35, 0.7)]
        [(0.5, 0.5), (0.75, 0.25), (1.0, 0.0)]
    """
    left = 1.0 if loss.teacher_until is None else max(0.0, 1 - progress / loss.teacher_until)
    return 1 - left * loss.teacher, left * loss.teacher


def is_squared(progress: float, loss: LossSettings) -> bool:
    """Return whether errors are squared at this share of the run."""
    return loss.squared > 0 and progress >= 1 - loss.squared
