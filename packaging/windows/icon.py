#!/usr/bin/python3
"""Draws the program's icon: a fairlead, that is a ring, and lines that come
from several sides and leave it as one. Usage: icon.py FILE.ico"""

import math
import struct
import sys
import zlib

SIZES = [16, 24, 32, 48, 64, 256]
FINE = 4  # samples along each side of a pixel

BRASS = (214, 158, 46)
ROPE = (38, 70, 110)


def distance(x, y, x0, y0, x1, y1):
    """From a point to a line between two others."""
    dx, dy = x1 - x0, y1 - y0
    along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)
    along = min(1, max(0, along))
    return math.hypot(x - x0 - along * dx, y - y0 - along * dy)


def colour(x, y):
    """Of a point in the square from 0 to 1; None where nothing is."""
    ring = abs(math.hypot(x - 0.5, y - 0.5) - 0.3)
    for x0, y0 in (0.04, 0.12), (0.04, 0.5), (0.04, 0.88):
        if distance(x, y, x0, y0, 0.5, 0.5) < 0.045 and (
                ring > 0.1 or y0 == 0.5):
            return ROPE
    if distance(x, y, 0.5, 0.5, 0.96, 0.5) < 0.075:
        return ROPE
    return BRASS if ring < 0.085 else None


def pixels(size):
    """RGBA rows from the top."""
    rows = []
    for row in range(size):
        line = bytearray()
        for column in range(size):
            seen = [
                colour((column + (i + 0.5) / FINE) / size,
                       (row + (j + 0.5) / FINE) / size)
                for i in range(FINE) for j in range(FINE)
            ]
            here = [c for c in seen if c]
            line += bytes(
                sum(c[k] for c in here) // max(1, len(here)) for k in range(3))
            line.append(255 * len(here) // len(seen))
        rows.append(bytes(line))
    return rows


def png(size):
    def chunk(name, data):
        return (struct.pack(">I", len(data)) + name + data +
                struct.pack(">I", zlib.crc32(name + data)))

    data = b"".join(b"\0" + row for row in pixels(size))
    return (b"\x89PNG\r\n\x1a\n" +
            chunk(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b""))


def bitmap(size):
    """BITMAPINFOHEADER, BGRA rows from the bottom, an empty mask."""
    head = struct.pack("<IiiHHIIiiII", 40, size, 2 * size, 1, 32, 0, 0, 0, 0,
                       0, 0)
    body = bytearray()
    for row in reversed(pixels(size)):
        for at in range(0, len(row), 4):
            body += bytes((row[at + 2], row[at + 1], row[at], row[at + 3]))
    return head + bytes(body) + bytes((size + 31) // 32 * 4 * size)


def main():
    images = [png(size) if size == 256 else bitmap(size) for size in SIZES]
    at = 6 + 16 * len(images)
    out = struct.pack("<HHH", 0, 1, len(images))
    for size, image in zip(SIZES, images):
        out += struct.pack("<BBBBHHII", size % 256, size % 256, 0, 0, 1, 32,
                           len(image), at)
        at += len(image)
    with open(sys.argv[1], "wb") as file:
        file.write(out + b"".join(images))


main()
