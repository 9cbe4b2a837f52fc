"""Layers that cut an image into patches, plain and anchored by polyphase components."""
