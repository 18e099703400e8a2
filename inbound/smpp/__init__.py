"""SMPP 3.4 on asyncio: PDUs, alphabets, segmentation, and one session class for both roles."""
