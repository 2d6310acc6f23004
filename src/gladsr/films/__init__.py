"""Film files in and out, frame by frame. Imported only when a film is opened."""
