"""What a picture or a model is worth in this field's measures."""

from gladsr.scoring.evaluate import FolderScores, Upscale, evaluate, images_in, score
from gladsr.scoring.niqe import niqe
from gladsr.scoring.psnr import psnr
from gladsr.scoring.ssim import ssim

__all__ = [
    "FolderScores",
    "Upscale",
    "evaluate",
    "images_in",
    "niqe",
    "psnr",
    "score",
    "ssim",
]
