"""Training: rendered views and questions -> batches -> weights.

`making` prepares data, `recipes` describe a run, `running` trains it in slices that add up to the
same run, `building` makes and exports networks. `n3d train RECIPE --run DIR` does all of it.
"""
