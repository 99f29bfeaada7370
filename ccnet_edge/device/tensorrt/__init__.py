"""TensorRT on the device: recipes, builders, kept engines, and the process that runs them."""
