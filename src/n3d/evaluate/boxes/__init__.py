"""3D boxes of many images against true ones, by the protocols of the field: columns, no loops
over pairs of boxes.
"""
