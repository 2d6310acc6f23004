"""Training: data, loss, schedule, one loop, resume and export (the paper's Section IV)."""

from gladsr.errors import DataError, SettingsError
from gladsr.training.loop import TrainingStoppedError, train
from gladsr.training.report import Report
from gladsr.training.settings import TrainingSettings, read_settings

__all__ = [
    "DataError",
    "Report",
    "SettingsError",
    "TrainingSettings",
    "TrainingStoppedError",
    "read_settings",
    "train",
]
