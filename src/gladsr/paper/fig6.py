"""Fig. 6: guided masks R_s and channel weights R_c; `gladsr explain` draws them for any picture."""

import numpy as np
from numpy.typing import NDArray

from gladsr import zoo
from gladsr.errors import ExhibitError
from gladsr.paper.exhibit import Findings, Request
from gladsr.paper.explain import draw_explanations, explain, write_page
from gladsr.paper.sheet import Sheet
from gladsr.pictures import Picture, mod_crop, read, resize, write

SCALE = 2
PICTURE = "monarch.png"
"""In Set14; the paper does not name its own."""


def measure(request: Request) -> Findings:
    """Run GLADSR ×2 on the downscaled picture, and write the figure and its page."""
    folder = request.test_set("Set14")
    if folder is None:
        raise ExhibitError("fig6 needs Set14; name the folder of the test sets with --data")
    lr = resize(mod_crop(read(folder / PICTURE).pixels, SCALE), scale=1 / SCALE)
    explanations = explain(zoo.load_network("gladsr", SCALE), lr)
    draw_explanations(explanations, lr, request.folder / "fig6.png")
    title = f"GLADSR ×{SCALE} on {PICTURE}"
    write_page(explanations, lr, title, request.folder / "fig6.html")
    write(Picture(lr), request.folder / "fig6-input.png")
    detail = _detail(lr)
    return {
        "glams": [
            {
                "name": one.name,
                "mask": [float(one.mask.min()), float(one.mask.max())],
                "on_detail": float(np.corrcoef(one.mask.ravel(), detail.ravel())[0, 1]),
                "variance": float(np.mean([weights.var() for weights in one.channel_weights])),
            }
            for one in explanations
            if one.mask is not None
        ]
    }


def _detail(lr: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the magnitude of the gradient at each pixel."""
    down, right = np.gradient(lr.mean(axis=2))
    return np.asarray(np.hypot(down, right))


def sheets(findings: Findings) -> list[Sheet]:
    """Return the table of what the paper observes in its figure, in numbers."""
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
                "R_s with detail: the correlation of the mask with the magnitude of the gradient.",
                "According to the paper, both columns rise from the first modules to the last.",
            ),
        )
    ]
