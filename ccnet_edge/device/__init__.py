"""The wing that travels: reads images, runs a network, turns logits into masks; numpy and Pillow.

Together with `spec`, `units` and `errors` this is the `.pyz` of a bundle, so it keeps to
Python 3.10 and newer and never imports the libraries that training needs.
"""
