"""Where models go when they leave home, and where nets come from: one neighbour of the field a file.

Each is imported from its own module, since each needs packages that the others do not.
"""
