"""What the paper says of its models: Table II, PSNR in dB and SSIM on Y."""

PAPER = {
    ("gladsr", 2): {"Set5": (37.99, 0.9608), "Set14": (33.63, 0.9179), "B100": (32.16, 0.8996)},
    ("gladsr", 3): {"Set5": (34.41, 0.9272), "Set14": (30.37, 0.8418), "B100": (29.08, 0.8050)},
    ("gladsr", 4): {"Set5": (32.14, 0.8940), "Set14": (28.62, 0.7813), "B100": (27.59, 0.7361)},
    ("gladsr-l", 2): {"Set5": (37.84, 0.9600), "Set14": (33.43, 0.9162), "B100": (32.04, 0.8981)},
    ("gladsr-l", 3): {"Set5": (34.18, 0.9253), "Set14": (30.22, 0.8393), "B100": (28.99, 0.8026)},
    ("gladsr-l", 4): {"Set5": (31.94, 0.8909), "Set14": (28.51, 0.7782), "B100": (27.49, 0.7327)},
}
"""By model and scale, then by the usual name of the test set's folder."""
