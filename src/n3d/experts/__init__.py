"""Off-the-shelf vision models, fetched once and run locally: depth, boxes and masks."""
