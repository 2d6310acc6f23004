"""Fig. 6: guided masks R_s and channel weights R_c; `gladsr explain` does it for any picture."""

import numpy as np
from numpy.typing import NDArray

from gladsr import zoo
from gladsr.paper import attention
from gladsr.paper.exhibit import Findings, MissingError, Request
from gladsr.paper.sheet import Sheet
from gladsr.pictures import Picture, mod_crop, read, resize, write

SCALE = 2
PICTURE = "monarch.png"
"""Of Set14; the paper does not name its own."""


def measure(request: Request) -> Findings:
    """Show GLADSR ×2 the picture at half its size, and leave the figure and its page."""
    folder = request.test_set("Set14")
    if folder is None:
        raise MissingError("fig6 shows a picture of Set14; say where it is with --data FOLDER")
    lr = resize(mod_crop(read(folder / PICTURE).pixels, SCALE), scale=1 / SCALE)
    found = attention.attend(zoo.load_network("gladsr", SCALE), lr)
    request.folder.mkdir(parents=True, exist_ok=True)
    attention.draw(found, lr, request.folder / "fig6.png")
    attention.page(found, lr, f"GLADSR ×{SCALE} on {PICTURE}", request.folder / "fig6.html")
    write(Picture(lr), request.folder / "fig6-input.png")
    detail = _detail(lr)
    return {
        "glams": [
            {
                "name": one.name,
                "mask": [float(one.mask.min()), float(one.mask.max())],
                "on_detail": float(np.corrcoef(one.mask.ravel(), detail.ravel())[0, 1]),
                "variance": float(np.mean([weights.var() for weights in one.weights])),
            }
            for one in found
            if one.mask is not None
        ]
    }


def _detail(lr: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the size of the gradient at each pixel."""
    down, right = np.gradient(lr.mean(axis=2))
    return np.asarray(np.hypot(down, right))


def sheets(findings: Findings) -> list[Sheet]:
    """Return what the paper says of its figure, in numbers."""
    rows = tuple(
        (
            one["name"],
            f"{one['mask'][0]:.2f} to {one['mask'][1]:.2f}",
            f"{one['on_detail']:+.2f}",
            f"{one['variance']:.4f}",
        )
        for one in findings["glams"]
    )
    return [
        Sheet(
            f"Fig. 6, GLADSR ×{SCALE} on {PICTURE}",
            ("module", "R_s", "R_s with detail", "variance of R_c"),
            rows,
            (
                "R_s with detail: the correlation of the mask with the size of the gradient.",
                "The paper says that both columns rise from low modules to high ones.",
            ),
        )
    ]
