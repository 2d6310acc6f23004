"""Picture files in and out, the resize and the colour of this field. Knows no network."""
