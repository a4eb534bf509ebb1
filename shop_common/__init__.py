"""What the four apps of Cornershop share: one flat module per concern; it imports no app."""

__version__ = "0.1.0"
