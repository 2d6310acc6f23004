"""The page and the HTTP service: pictures upscaled in a browser and over HTTP."""

from gladsr.web.app import create_app
from gladsr.web.limits import Limits
from gladsr.web.server import run
from gladsr.web.service import Service
from gladsr.web.tasks import Machine

__all__ = ["Limits", "Machine", "Service", "create_app", "run"]
