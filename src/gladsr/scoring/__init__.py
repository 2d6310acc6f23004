"""The quality of pictures and models: PSNR, SSIM and NIQE."""

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
