"""Training: data, loss, schedule, one loop, resume and export (the paper's Section IV)."""

from gladsr.errors import DataError, SettingsError
from gladsr.training.loop import Report, StoppedError, train
from gladsr.training.settings import TrainingSettings, read_settings

__all__ = [
    "DataError",
    "Report",
    "SettingsError",
    "StoppedError",
    "TrainingSettings",
    "read_settings",
    "train",
]
