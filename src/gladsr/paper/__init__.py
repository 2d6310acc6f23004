"""The paper's tables and figures, measured and drawn, with its values beside ours."""
