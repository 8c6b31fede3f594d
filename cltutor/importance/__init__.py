"""What matters: one number per parameter."""

from .uniform import Uniform

__all__ = ["Uniform"]
